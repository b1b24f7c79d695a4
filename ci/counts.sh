#!/usr/bin/env bash
# Counts the instructions of every kernel under valgrind; the table is kept in benchmark_results/.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo bench --locked --bench instructions -- --out benchmark_results "$@"
