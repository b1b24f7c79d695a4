#!/usr/bin/env bash
# Fuzzes crate crucible-events; `--help` tells how.
set -euo pipefail

usage() {
    cat <<'HELP'
Fuzzes crate crucible-events with libFuzzer: what comes from outside is an event, a rule or an error, never a panic, and
takes no more memory than its size accounts for.

  ci/fuzz.sh                      every target, 10,000,000 inputs each
  ci/fuzz.sh --runs 100000 rules  fewer inputs, these targets only
  ci/fuzz.sh --address …          with AddressSanitizer, for the dependencies' unsafe code: a third as fast, and it needs
                                  a nightly toolchain
  ci/fuzz.sh --list               the targets, and what each checks

It takes an hour and more, so it is no step of .ci/run: `cargo test` runs the same checks on some thousands of inputs.
What was learnt is kept in $CARGO_TARGET_DIR/fuzz (default: target/fuzz), where the next run goes on, and so is an input
that a check fails on. Exit status: 0 if nothing was found, 1 if something was, 2 if it could not be tried.
HELP
}

cd "$(dirname "$0")/.."
fuzz=src/systems/fuzz

refuse() {
    echo "fuzz: $*" >&2
    exit 2
}

all_targets() {
    local file
    for file in "$fuzz"/fuzz_targets/*.rs; do basename "$file" .rs; done
}

list() {
    local target
    for target in $(all_targets); do
        printf '%-14s %s\n' "$target" "$(sed -n '1s|^//! ||p' "$fuzz/checks/$target.rs")"
    done
}

runs=10000000 sanitizer=none toolchain=() targets=()
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit ;;
    --list) list && exit ;;
    --address) sanitizer=address toolchain=(+nightly) ;;
    --runs)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || refuse "--runs takes a number of inputs"
        runs=$2 && shift
        ;;
    *)
        [ -f "$fuzz/fuzz_targets/$1.rs" ] || refuse "no target \`$1\`; there are: $(all_targets | xargs)"
        targets+=("$1")
        ;;
    esac
    shift
done
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(all_targets)

cargo fuzz --version >/dev/null 2>&1 || refuse "cargo-fuzz is not installed: cargo install cargo-fuzz --locked"
command -v c++ >/dev/null || refuse "no C++ compiler, which libFuzzer needs (Debian: apt-get install g++)"
if [ $sanitizer = address ]; then
    cargo +nightly --version >/dev/null 2>&1 || refuse "--address needs a nightly toolchain: rustup toolchain install nightly --profile minimal"
fi

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
programs=$CARGO_TARGET_DIR/$(rustc -vV | sed -n 's/^host: //p')/release
# Tracing what is compared took 40 % of the time; dictionaries and mutators know the words.
cargo "${toolchain[@]}" fuzz build --fuzz-dir "$fuzz" --sanitizer $sanitizer --no-trace-compares >&2 || refuse "the targets do not build"

trap 'echo "fuzz: interrupted; what was learnt is kept" >&2; exit 130' INT
# Inputs are short: a few lines of rules and events. Longer ones take longer and seldom reach what these do not.
options=(-runs="$runs" -max_len=1024 -timeout=10 -print_final_stats=1)
found=()
for target in "${targets[@]}"; do
    kept=$CARGO_TARGET_DIR/$target dictionary=$fuzz/json.dict
    [ "$target" != configuration ] || dictionary=$fuzz/toml.dict
    mkdir -p "$kept/corpus"
    echo "── $target: $runs inputs; log and findings in $kept"
    status=0
    "$programs/$target" "${options[@]}" -dict="$dictionary" -artifact_prefix="$kept/" "$kept/corpus" "$fuzz/seeds/$target" 2>&1 |
        tee "$kept/log" | grep --line-buffered -E '^#[0-9]+\s+(INITED|pulse|DONE)' || status=${PIPESTATUS[0]}
    if grep -qE '^#[0-9]+\s+DONE' "$kept/log" && [ "$status" -eq 0 ]; then
        grep -E '^Done [0-9]+ runs' "$kept/log"
    else
        sed -nE '/panicked at|^memory allocation|^==.*ERROR/,$p' "$kept/log" | head -n 40
        echo "found after $(sed -nE 's/^#([0-9]+).*/\1/p' "$kept/log" | tail -n1 | grep . || echo 'the first') inputs; again: $programs/$target FILE"
        found+=("$target")
    fi
done

[ ${#found[@]} -eq 0 ] || { echo "something was found by: ${found[*]}" && exit 1; }
echo "nothing was found"
