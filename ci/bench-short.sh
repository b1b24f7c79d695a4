#!/usr/bin/env bash
# Every bench target as it is shipped (optimized), each benchmark once, without figures. Both instruments of the kernels
# list the same names.
. "$(dirname "$0")/step" || exit

# Not --workspace: that builds with the test dependencies' features of all crates, and so another program.
cargo bench --locked -- --test

names() { cargo bench --quiet --locked --bench "$1" -- --list; }
diff <(names kernels) <(names instructions)
echo "kernels and instructions run the same $(names kernels | grep -c ': benchmark$') kernels"
