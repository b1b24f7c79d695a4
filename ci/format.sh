#!/usr/bin/env bash
# Sources are formatted; scripts have no known trap.
. "$(dirname "$0")/step" || exit

cargo fmt --all --check
cargo fmt --check --manifest-path src/systems/fuzz/Cargo.toml # a workspace of its own
command -v shellcheck >/dev/null || { echo "shellcheck is missing: ci/install.sh installs it" >&2; exit 1; }
shellcheck --external-sources --source-path=SCRIPTDIR .ci/run ci/*.sh ci/sabotage/*.sh benches/*.sh
