#!/usr/bin/env bash
# Every bench target as it is shipped (optimized), each benchmark once, without figures. Both instruments of the kernels
# list the same names.
. "$(dirname "$0")/step" || exit

# Not --workspace: that builds with the test dependencies' features of all crates, and so another program.
cargo bench --locked -- --test

# For the report, in the same build, nothing is built but itself: its dependencies have the features that the benches have.
built=$(cargo build --locked --profile bench --package crucible-report --bin report 2>&1) || { echo "$built" >&2 && exit 1; }
if again=$(grep Compiling <<<"$built" | grep -v ' crucible-report '); then
    printf 'bench-short: cargo perf-report builds again what the benches are built of; Cargo.toml, [dependencies], tells how to avoid it\n%s\n' "$again" >&2
    exit 1
fi

names() { cargo bench --quiet --locked --bench "$1" -- --list; }
diff <(names kernels) <(names instructions)
echo "kernels and instructions run the same $(names kernels | grep -c ': benchmark$') kernels"
