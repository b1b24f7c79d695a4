#!/usr/bin/env bash
# Proves that the gate of counts can fail, and says why when it does; `--help` tells how.
# shellcheck disable=SC2016 # messages quote by backticks
set -euo pipefail

usage() {
    cat <<'HELP'
Proves that `cargo regress` notices what it is for: in a clone of HEAD in a temporary folder it
  - spoils measurement, baseline and settings in every way that has an exit status, and expects that status and message;
  - plants ci/sabotage/gate/: 0.3 % more instructions in a function, a clone of a shared pointer for each delivery, a heap
    block for an event; each has to be caught, and explained to its function, and nothing else;
  - has `git bisect run` find the commit that planted the first.

  ci/prove-gate.sh

It builds the counted program five times: 7 minutes on two free cores. Builds are kept in $CARGO_TARGET_DIR/prove-gate
(default: target/prove-gate). Exit status: 0 if everything came out as it has to, 1 if not, 2 if it could not be tried.
HELP
}

cd "$(dirname "$0")/.."
root=$PWD
case ${1:-} in
'') ;;
--help | -h) usage && exit ;;
*) echo "prove-gate: unknown argument \`$1\`; see --help" >&2 && exit 2 ;;
esac

refuse() {
    echo "prove-gate: $*" >&2
    [ ! -s "$work/log" ] || tail -n 30 "$work/log" >&2
    exit 2
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v valgrind >/dev/null || refuse "valgrind is not installed: ci/install.sh"
command -v jq >/dev/null || refuse "jq is not installed: ci/install.sh"

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/prove-gate
export CARGO_TERM_COLOR=never GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=prover GIT_AUTHOR_EMAIL=prover@example.org GIT_COMMITTER_NAME=prover GIT_COMMITTER_EMAIL=prover@example.org
git diff --quiet HEAD || echo "uncommitted changes are not looked at: this is about $(git rev-parse --short HEAD)"
git -c advice.detachedHead=false clone --quiet --no-hardlinks "$root" "$work/tree" 2>"$work/log" || refuse "git clone failed"
cd "$work/tree"

kernels=(decode/json_1kib encode/json_1kib route/core/light/batch validate/full)
baseline=$work/baseline.json
measurement=$CARGO_TARGET_DIR/iai
manifest=$measurement/crucible-perf/instructions/manifest.json
summary=$measurement/crucible-perf/instructions/kernels/decode_json_1kib/summary.json

bench() { cargo bench --locked --bench instructions -- --exact "${kernels[@]}" >"$work/log" 2>&1; }
regress() { "$work/regress" "$@" --measurement "$measurement"; }

failures=0
row() {
    local mark=$1 what=$2 said=$3
    printf '%s %-34s %s\n' "$mark" "$what" "$(printf %s "$said" | tr '\n' ' ' | cut -c1-150)"
    [ "$mark" = ✓ ] || failures=$((failures + 1))
}

# judged WHAT STATUS MESSAGE [KERNEL…]: how `check` has to end, and what it has to say.
judged() {
    local what=$1 expected=$2 message=$3 status=0 said
    shift 3
    [ $# -gt 0 ] || set -- "${kernels[@]}"
    said=$(regress check "$@" --baseline "$baseline" 2>&1) || status=$?
    if [ "$status" -eq "$expected" ] && grep -qF -- "$message" <<<"$said"; then
        row ✓ "$what: $status" "$(grep -F -m1 -- "$message" <<<"$said" | sed "s|$work|…|g; s|$CARGO_TARGET_DIR|…|g")"
    else
        row ✗ "$what: $status, not $expected" "wants \`$message\`: $said"
    fi
}

# spoilt FILE COMMAND…: what the command makes of the file, until `mended` is called.
spoilt() {
    spoilt_file=$1
    cp -p "$1" "$work/kept"
    shift
    "$@" <"$work/kept" >"$work/spoilt" || refuse "$spoilt_file could not be spoilt"
    cat "$work/spoilt" >"$spoilt_file"
}
mended() { cp -p "$work/kept" "$spoilt_file"; }

half() { head -c 200; }
waiver() {
    cat
    printf '[[waivers]]\nkernel = "%s"\nmetric = "instructions"\nreason = "a proof"\nuntil = "%s"\n' "$1" "$2"
}

echo "building and measuring twice"
cargo build --locked --profile bench --package crucible-regress >"$work/log" 2>&1 || refuse "regress does not build"
cp "$CARGO_TARGET_DIR/release/regress" "$work/regress"
regress accept "${kernels[@]}" --reason "a proof" --baseline "$baseline" >"$work/log" 2>&1 || refuse "nothing to start from"

judged "as accepted" 0 "4 kernels, all as in"
# Another path, user, language, umask and size of the environment than those under which the committed counts were taken.
(umask 077 && USER=another LANG=de_DE.UTF-8 LC_ALL=C FILLING=$(printf '%05000d' 0) bench) || refuse "the bench failed"
cp "$baseline" "$work/accepted"
cp ci/baseline.json "$baseline"
# What the tree itself says has to be the same; what the machine says may differ.
of_tree() { jq -S '.fingerprint | {profile, instruments, crates}' "$1"; }
[ "$(of_tree "$baseline")" = "$(of_tree "$manifest")" ] || row ✗ "ci/baseline.json is of this tree" "take it anew"
if [ "$(jq -S .fingerprint "$baseline")" = "$(jq -S .fingerprint "$manifest")" ]; then
    judged "as committed, elsewhere" 0 "4 kernels, all as in"
else
    judged "as committed, incomparable" 5 "was taken under other circumstances"
fi
cp "$work/accepted" "$baseline"
judged "mistyped kernel" 1 'no kernel `decode/json`; try `decode/json_1kib`' decode/json
judged "partial measurement" 1 "the measurement is partial: 4 of" mailbox/batch/mixed validate/full
status=0 && regress chekc >/dev/null 2>&1 || status=$?
if [ "$status" -eq 2 ]; then row ✓ "wrong usage: 2" ""; else row ✗ "wrong usage: $status, not 2" ""; fi

spoilt "$manifest" true && rm "$manifest"
judged "no measurement" 1 "nothing was measured"
mended
spoilt "$manifest" jq '.listed = [] | .measured = []'
judged "empty measurement" 1 "the measurement is empty"
mended
spoilt "$summary" half
judged "truncated summary" 1 "summary.json"
mended
spoilt src/lib.rs sed '$a // a change'
judged "stale measurement" 1 'stale: since then `src/lib.rs` changed'
mended
spoilt "$baseline" half
judged "corrupt baseline" 1 "baseline.json\`: no baseline"
mended
spoilt "$baseline" jq '.fingerprint.rustc = "rustc 1.0.0"'
judged "another compiler" 5 "rustc: the baseline was taken with rustc 1.0.0"
mended
spoilt "$baseline" jq '.kernels["decode/gone"] = .kernels["decode/json_1kib"]'
judged "missing kernel" 4 "missing" "${kernels[@]}" decode/gone
mended
spoilt "$baseline" jq 'del(.kernels["validate/full"])'
judged "new kernel" 4 "new"
mended
spoilt "$baseline" jq '.kernels["validate/full"].counts.instructions += 100'
judged "improved kernel" 4 "accept --only-improvements"
mended
spoilt "$baseline" jq '.kernels["validate/full"].counts.instructions -= 100'
judged "regressed kernel" 3 "1 of 4 kernels costs more"
cp ci/regress.toml "$work/policy"
waiver validate/full 2999-12-31 <"$work/policy" >ci/regress.toml
judged "waived kernel" 0 "none worse"
waiver validate/full 2026-01-01 <"$work/policy" >ci/regress.toml
judged "expired waiver" 3 "held until 2026-01-01"
mended
waiver validate/full 2999-12-31 <"$work/policy" >ci/regress.toml
judged "unused waiver" 1 "the waiver is not used"
waiver validate/ful 2999-12-31 <"$work/policy" >ci/regress.toml
judged "misspelt waiver" 1 "validate/ful: no kernel has this name"
cp "$work/policy" ci/regress.toml

echo "planting all of ci/sabotage/gate/"
git apply "$root"/ci/sabotage/gate/*.patch 2>"$work/log" || refuse "the code has changed and a patch does not fit any more"
bench || refuse "the planted tree does not build"
# What regressed of a kernel, and the first place that each comes from.
found() {
    regress check "${kernels[@]}" --baseline "$baseline" --format json 2>&1 | jq -r --arg kernel "$1" --arg metric "$2" '
        .judgement.kernels[] | select(.kernel == $kernel) |
        (.changes[] | select(.metric == $metric)) as $change |
        "\($change.verdict) \($change.now - $change.baseline) from \([.origins[] | select(.metric == $metric)][0].place)"'
}
explained() {
    local said
    said=$(found "$2" "$3") || true
    if [[ $said =~ $4 ]]; then row ✓ "$1" "$2 $3 $said"; else row ✗ "$1" "wants \`$4\`: $said"; fi
}
explained "0.3 % in a function" decode/json_1kib instructions '^regressed (2[2-9]|3|4)[0-9]{2,3} from .*codec::decode$'
explained "clone for each delivery" route/core/light/batch bus_events '^regressed [0-9]+ from .*Receiver::acknowledge$'
explained "heap block for an event" encode/json_1kib blocks '^regressed 64 from .*encode \(src/systems/event/codec.rs\)$'
judged "nothing else" 0 "1 kernel, all as in" validate/full
git checkout --quiet -- src

echo "git bisect run"
git tag good
for commit in harmless planted later last; do
    [ "$commit" != planted ] || git apply "$root/ci/sabotage/gate/slower-decode.patch"
    echo "$commit" >>README.md
    git commit --quiet --all --message "$commit"
done
mkdir "$work/bisect"
cp "$baseline" "$work/regress" ci/regress.toml ci/bisect.sh "$work/bisect/"
git bisect start HEAD good >/dev/null
git bisect run "$work/bisect/bisect.sh" "$work/bisect" decode/json_1kib >"$work/log" 2>&1 || true
first=$(git log -1 --format=%s refs/bisect/bad)
if [ "$first" = planted ] && grep -q "is the first bad commit" "$work/log"; then
    row ✓ "git bisect run" "the first bad commit is: $first"
else
    row ✗ "git bisect run" "found \`$first\`: $(tail -n 3 "$work/log")"
fi

[ "$failures" -eq 0 ] || { echo "NOT as it has to be: $failures" && exit 1; }
echo "the gate holds"
