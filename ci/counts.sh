#!/usr/bin/env bash
# Counts instructions, atomics, cache misses and heap blocks of every kernel under valgrind; the table is kept in
# benchmark_results/, the counts for ci/gate.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# //p' ci/counts.sh && exit 0 ;; esac
# An incremental build is another program, and counts otherwise.
CARGO_INCREMENTAL=0 cargo bench --locked --bench instructions -- --out benchmark_results "$@"
