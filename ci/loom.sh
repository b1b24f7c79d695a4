#!/usr/bin/env bash
# Tries all ways in which threads may meet in CrucibleCore's mailbox and limiter (loom). In a target folder of its own:
# with other flags everything is built anew.
. "$(dirname "$0")/step" || exit
export RUSTFLAGS="${RUSTFLAGS:-} --cfg crucible_loom"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/loom
cargo test --locked --package crucible-events --lib --profile loom -- crucible_core::model
