#!/usr/bin/env bash
# Proves that bottlenecks are told as what they are; `--help` tells how.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'HELP'
Puts known bottlenecks into processes of their own, whose code knows nothing of being watched, has each judged from outside as
scalability_testing judges the systems, and prints the confusion matrix.

  ci/prove-bottlenecks.sh              ten times each: six minutes
  ci/prove-bottlenecks.sh --quick      twice each: a minute and a half
  ci/prove-bottlenecks.sh --only NAME  only this one (may be given more than once): fsync, tokio-mutex, …
  ci/prove-bottlenecks.sh --figures    with all that was seen

It wants the machine to itself: with others on the cores verdicts are unclear, rather than wrong. Files that are synced are
written to the project's folder. Exit status: 0 if all is as it has to be, 1 if an injected bottleneck was called something
else, more than a tenth of the verdicts on them is unclear, or a control (nothing to do, waiting for a moment) is not right, 2
for wrong arguments.
HELP
}

runs=10 options=()
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit ;;
    --quick) runs=2 ;;
    --only) options+=(--only "${2:-}") && shift ;;
    --figures) options+=(--figures) ;;
    *) echo "prove-bottlenecks: unknown argument \`$1\`; see --help" >&2 && exit 2 ;;
    esac
    shift
done

# As benches are built: the same crates serve both.
cargo build --quiet --locked --profile bench --example bottlenecks
exec "${CARGO_TARGET_DIR:-target}/release/examples/bottlenecks" --runs "$runs" "${options[@]}"
