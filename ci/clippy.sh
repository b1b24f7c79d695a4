#!/usr/bin/env bash
# No warnings of clippy, in any target of the workspace.
. "$(dirname "$0")/step" || exit
cargo clippy --workspace --all-targets --locked -- -D warnings
