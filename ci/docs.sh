#!/usr/bin/env bash
# Documentation has no broken link and nothing undocumented.
. "$(dirname "$0")/step" || exit
RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked
