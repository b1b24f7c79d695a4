#!/usr/bin/env bash
# All tests. Bench targets take part: each kernel runs and its work is checked.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --workspace --locked --no-fail-fast
