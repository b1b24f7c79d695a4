#!/usr/bin/env bash
# Holds the method of comparison_analysis to answers that are known beforehand; see --help.
set -euo pipefail
cd "$(dirname "$0")/.."
usage() {
    cat <<END
Holds comparison_analysis to known answers: a system against itself beside a neighbour, added work, exchanged names.
Usage: ci/prove-comparison.sh [SAME] [OTHERS]
  SAME    comparisons of a system with itself, 10 s each on a core of its own [default: 60; with 600, one in a hundred can be told]
  OTHERS  runs of each other proof [default: 10]
Exit status: 0 all as it should be, 1 not proven, 2 not understood.
END
}
same=${1:-60} others=${2:-10}
case $same in -h | --help) usage && exit 0 ;; esac
[ $# -le 2 ] || { echo "prove-comparison: \"$3\": one number too many; see --help" >&2 && exit 2; }
case $same$others in *[!0-9]*) echo "prove-comparison: \"$same\", \"$others\": wants numbers; see --help" >&2 && exit 2 ;; esac

cargo build --locked --profile bench --example prove_comparison
prove() {
    echo "── $*"
    "${CARGO_TARGET_DIR:-target}/release/examples/prove_comparison" "$@" || failed+=("$1")
}
failed=()

# Pure statistics: intervals at 99.5 % miss in at most 1 % of 10,000.
cargo test --locked --lib -- --exact stats::ratio::tests::intervals_at_995_miss_one_in_two_hundred

# At most 1 in 100 called different, at least 4 in 5 conclusive, while every core is burnt by somebody else; with as many rounds as
# --full allows. Each core has a comparison of its own, and one that burns it.
prove same --runs "$same" --neighbour --most-rounds 400 --at-once "$(nproc)"
# Real work of 2 % of wall time: at least 9 in 10 called slower.
prove slower --runs "$others" --percent 2
# As much as 20 % of the cost, all of it in every fifth block: quartiles do not see it, totals do.
# Blocks are so short that each has one pass.
prove fifth --runs "$others" --percent 20 --block-us 1
# The names exchanged: every ratio inverts within its interval, and the verdict with it.
prove exchanged --runs "$others"

[ ${#failed[@]} -eq 0 ] || { echo "not proven: ${failed[*]}" && exit 1; }
echo "all as it should be"
