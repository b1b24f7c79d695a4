#!/usr/bin/env bash
# Tells `git bisect run` whether a commit costs more; `--help` tells how.
set -euo pipefail

usage() {
    cat <<'HELP'
Finds the commit from which on a kernel costs more than at a good one:

  ci/bisect.sh --prepare DIR KERNEL     # at a good commit: measures, keeps its counts, the program that compares, this script
  git bisect start BAD GOOD
  git bisect run DIR/bisect.sh DIR KERNEL
  git bisect reset

DIR is a new folder outside the work tree, by its whole path. Exit status, as git bisect wants it: 0 good, 1 bad, 125 this commit cannot be
judged (it does not build, or is incomparable).
HELP
}

case ${1:-} in
--help | -h) usage && exit ;;
--prepare)
    dir=${2:?a new folder} kernel=${3:?the exact name of a kernel}
    mkdir -p "$dir"
    cargo regress accept "$kernel" --reason "bisect" --baseline "$dir/baseline.json"
    cp "$(cargo build --quiet --locked --profile bench --package crucible-regress --message-format=json |
        sed -n 's/.*"executable":"\([^"]*regress\)".*/\1/p' | tail -n 1)" "$dir/regress"
    # What a commit waives, and what was accepted, is not the question.
    awk '/^\[/ { skip = /^\[\[waivers\]\]|^\[drift\]/ } !skip' ci/regress.toml >"$dir/regress.toml"
    cp "$0" "$dir/bisect.sh"
    ;;
-*) usage >&2 && exit 2 ;;
*)
    dir=${1:?the folder that --prepare filled; see --help} kernel=${2:?the exact name of a kernel}
    root=$(git rev-parse --show-toplevel)
    cd "$root"
    cargo bench --locked --bench instructions -- --exact "$kernel" >&2 || exit 125
    home=${CARGO_TARGET_DIR:-$root/target}/iai
    status=0
    "$dir/regress" check "$kernel" --baseline "$dir/baseline.json" --policy "$dir/regress.toml" --measurement "$home" || status=$?
    case $status in
    0 | 4) exit 0 ;;
    3) exit 1 ;;
    *) exit 125 ;;
    esac
    ;;
esac
