#!/usr/bin/env bash
# Licences, banned crates and sources, as deny.toml says. Advisories need the network and change without a change of
# ours, so they do not decide here: cargo deny check advisories
. "$(dirname "$0")/step" || exit
cargo deny --workspace check licenses bans sources || {
    echo "deny: see above; if cargo-deny is not installed: ci/install.sh" >&2
    exit 1
}
