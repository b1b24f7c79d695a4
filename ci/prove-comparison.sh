#!/usr/bin/env bash
# Holds the method of comparison_analysis to answers that are known beforehand. Takes some ten minutes after the build; the
# first argument is the number of A/A comparisons (600 take an hour and a half), the second that of the others.
#   ci/prove-comparison.sh [SAME] [OTHERS]
set -euo pipefail
cd "$(dirname "$0")/.."
same=${1:-60} others=${2:-10}

cargo build --locked --profile bench --example prove_comparison
prove() {
    echo "── $*"
    "${CARGO_TARGET_DIR:-target}/release/examples/prove_comparison" "$@" || failed+=("$1")
}
failed=()

# Pure statistics: intervals at 99.5 % miss in at most 1 % of 10,000.
cargo test --locked --lib -- --exact stats::ratio::tests::intervals_at_995_miss_one_in_two_hundred

# At most 1 in 100 called different, at least 4 in 5 conclusive, while every core is burnt by somebody else.
prove same --runs "$same" --neighbour
# Real work of 2 % of wall time: at least 9 in 10 called slower.
prove slower --runs "$others" --percent 2
# As much as 20 % of the cost, all of it in every fifth block: quartiles do not see it, totals do.
# Blocks are so short that each has one pass.
prove fifth --runs "$others" --percent 20 --block-us 100
# The names exchanged: every ratio inverts within its interval, and the verdict with it.
prove exchanged --runs "$others"

[ ${#failed[@]} -eq 0 ] || { echo "not proven: ${failed[*]}" && exit 1; }
echo "all as it should be"
