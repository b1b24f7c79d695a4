#!/usr/bin/env bash
# Installs what the other steps need and what is missing: valgrind, jq, shellcheck, cargo-deny.
. "$(dirname "$0")/step" || exit

missing=()
for tool in valgrind jq shellcheck; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done

if [ ${#missing[@]} -gt 0 ]; then
    root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo)
    if command -v apt-get >/dev/null && { [ ${#root[@]} -eq 0 ] || command -v sudo >/dev/null; }; then
        "${root[@]}" apt-get update -qq
        DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq "${missing[@]}"
    else
        echo "missing: ${missing[*]}; install with your package manager (Fedora: dnf install, Arch: pacman -S, macOS: brew install jq shellcheck; valgrind does not exist there)" >&2
        [ "${CI:-}" != true ] || exit 1
    fi
fi

# Unoptimized, which compiles in half of the time (1m07s instead of 2m25s on two shared cores) and runs as long.
if ! cargo deny --version >/dev/null 2>&1; then
    cargo install cargo-deny --version "=0.20.2" --locked --debug --quiet
fi

for tool in valgrind jq shellcheck; do
    if command -v "$tool" >/dev/null; then "$tool" --version; else echo "$tool: not installed"; fi
done
cargo deny --version
