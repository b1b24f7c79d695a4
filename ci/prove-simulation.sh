#!/usr/bin/env bash
# Proves that the simulation notices a system that is a little wrong; `--help` tells how.
set -euo pipefail

usage() {
    cat <<'HELP'
Proves that the simulation notices a CrucibleCore that is a little wrong: copies the committed tree (HEAD) to a temporary
folder, spoils it there by a patch of ci/sabotage/simulation/, and expects that one of the first 1,000 seeds fails. First
they must pass on the copy as it is.

  ci/prove-simulation.sh              all sabotages
  ci/prove-simulation.sh --only NAME  only this one (may be given more than once)
  ci/prove-simulation.sh --list       their names, and what each breaks

Each takes half a minute on a free core. Builds are kept in $CARGO_TARGET_DIR/prove-simulation (default:
target/prove-simulation). Exit status: 0 if everything was noticed, 1 if not, 2 if it could not be tried.
HELP
}

cd "$(dirname "$0")/.."
root=$PWD
patches=$root/ci/sabotage/simulation
only=()

refuse() {
    echo "prove-simulation: $*" >&2
    exit 2
}

sabotages() {
    local patch
    for patch in "$patches"/*.patch; do basename "$patch" .patch; done
}

list() {
    local name
    for name in $(sabotages); do printf '%-28s %s\n' "$name" "$(head -n1 "$patches/$name.patch")"; done
}

while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit ;;
    --list) list && exit ;;
    --only)
        [ -f "$patches/${2:-}.patch" ] || refuse "no sabotage \`${2:-}\`; there are: $(sabotages | xargs)"
        only+=("$2") && shift
        ;;
    *) refuse "unknown argument \`$1\`; see --help" ;;
    esac
    shift
done
[ ${#only[@]} -gt 0 ] || mapfile -t only < <(sabotages)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# git apply must not take the user's repository for the one to patch, should the temporary folder lie within it.
export GIT_CEILING_DIRECTORIES=$work
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/prove-simulation
export CARGO_TERM_COLOR=never
# Many small builds, each followed by seconds of work: a little optimization, and no line tables.
export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=0

git diff --quiet HEAD || echo "uncommitted changes are not looked at: this is about $(git rev-parse --short HEAD)"
mkdir "$work/tree"
# -m: with the time of the commit, files would look older than what an earlier run of this script built of others.
git archive HEAD | tar -x -m -C "$work/tree"
cd "$work/tree"

build() { cargo test --locked --quiet -p crucible-events --test simulation --no-run; }
simulate() { cargo test --locked --quiet -p crucible-events --test simulation -- --seeds 1000 --system crucible_core; }

for name in "${only[@]}"; do
    git apply --check "$patches/$name.patch" || refuse "the code has changed and $name does not fit any more"
done

{ build && simulate >"$work/log"; } || refuse "the seeds do not pass without sabotage: $(tail -n 40 "$work/log")"
missed=()
for name in "${only[@]}"; do
    git apply "$patches/$name.patch"
    build || refuse "$name does not compile"
    if simulate >"$work/log" 2>&1; then
        missed+=("$name")
        printf '%-28s NOT NOTICED\n' "$name"
    else
        printf '%-28s %s\n' "$name" "$(grep -m1 '^seed ' "$work/log" || tail -n1 "$work/log")"
    fi
    git apply -R "$patches/$name.patch"
done

[ ${#missed[@]} -eq 0 ] || { echo "NOT noticed: ${missed[*]}" && exit 1; }
echo "everything was noticed"
