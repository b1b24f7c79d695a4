#!/usr/bin/env bash
# Sources are formatted; scripts have no known trap (where shellcheck is installed).
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
if command -v shellcheck >/dev/null; then
    scripts=(.ci/run ci/*.sh ci/sabotage/*.sh)
    [ ! -f benches/run_performance_tests.sh ] || scripts+=(benches/run_performance_tests.sh)
    shellcheck "${scripts[@]}"
else
    echo "shellcheck is not installed: scripts are not checked"
fi
