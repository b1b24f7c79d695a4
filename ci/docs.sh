#!/usr/bin/env bash
# Documentation has no broken link and nothing undocumented.
set -euo pipefail
cd "$(dirname "$0")/.."
RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked
