#!/usr/bin/env bash
# All tests. Bench targets take part: each kernel runs and its work is checked.
. "$(dirname "$0")/step" || exit
cargo test --workspace --locked --no-fail-fast
