#!/usr/bin/env bash
# Every bench target as it is shipped (optimized), each benchmark once, without figures. Both instruments of the kernels
# list the same names.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo bench --workspace --locked -- --test

names() { cargo bench --quiet --locked --bench "$1" -- --list; }
diff <(names kernels) <(names instructions)
echo "kernels and instructions run the same $(names kernels | grep -c ': benchmark$') kernels"
