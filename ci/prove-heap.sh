#!/usr/bin/env bash
# Proves that memory_profiling finds leaks, and only leaks; `--help` tells how.
set -euo pipefail

usage() {
    cat <<'HELP'
Proves that memory_profiling finds leaks and calls nothing else one: copies the committed tree (HEAD) to a temporary folder,
plants ci/sabotage/heap/planted.patch there, and lets the bench look at
  - 24 leaks, a block for each event to one for 100,000, in each system and each stage; each has to be found at its line, and
    five of them, events that are held too long, at the structure that holds them; four leak just as often as is promised
    to be found, and give all back when the system closes;
  - 20 runs without a leak, among them caches that fill and clear, counted by the system or not, double in the middle, or take
    long to warm up.

  ci/prove-heap.sh              all of it
  ci/prove-heap.sh --only NAME  only this one (may be given more than once)
  ci/prove-heap.sh --list       their names

It takes some five minutes on a free core. Builds are kept in $CARGO_TARGET_DIR/prove-heap (default: target/prove-heap).
Exit status: 0 if everything came out as it has to, 1 if not, 2 if it could not be tried.
HELP
}

cd "$(dirname "$0")/.."
root=$PWD
patch=$root/ci/sabotage/heap/planted.patch

refuse() {
    echo "prove-heap: $*" >&2
    exit 2
}

# What is planted, how often its place is passed until a block leaks, how events are published, cycles of the shortest run,
# what passes the place (if that is each event once, the rate that is told has to be right), and where it has to be found: at
# the line of this file that plants it, or in this structure. What is kept goes when the system closes, and is in no
# structure that is counted: it leaks as slowly as is promised to be found.
leaks() {
    cat <<'LEAKS'
core-accept                       1  batch   20  event at crucible_core/publish.rs
core-window                      10  batch   20  event at crucible_core/window.rs
core-route                      100  batch   20  part  at crucible_core/publish.rs
core-envelope                   100  batch   20  part  at crucible_core/outbox.rs
core-receiver                   100  batch   20  part  at mailbox/receiver.rs
core-serve                       10  batch   20  part  at crucible_core/service.rs
core-count                       10  batch   20  part  at crucible_core/publish.rs
core-services                     1  batch   20  part  at crucible_core/control.rs
core-single                  100000  single  50  event at crucible_core/publish.rs
core-kept                     40000  batch   40  event at crucible_core/window.rs
core-kept                     40000  single  40  event at crucible_core/window.rs
coordinator-check             10000  batch   40  event at data_coordinator/shared.rs
coordinator-route              1000  batch   40  part  at data_coordinator/registry.rs
coordinator-publish          100000  single  50  event at data_coordinator/shared.rs
coordinator-loop                100  single  20  part  at data_coordinator/coordination.rs
coordinator-serve                10  batch   20  part  at data_coordinator/service.rs
coordinator-legacy                1  batch   20  event at data_coordinator/legacy.rs
coordinator-kept              40000  batch   40  event at data_coordinator/legacy.rs
coordinator-kept              40000  single  40  event at data_coordinator/legacy.rs
held-by-letters-accept         1000  batch   40  event in dead letters
held-by-letters-route         10000  batch   40  part  in dead letters
held-by-letters-serve           100  single  20  part  in dead letters
held-by-legacy                 1000  batch   40  event in legacy channel
held-by-legacy               100000  single 100  event in legacy channel
LEAKS
}

caches() { printf '%s\n' 'cache-that-fills-and-clears:9000' 'cache-with-a-gauge:9000' 'cache-that-doubles:45000' 'cache-that-warms-up:30000'; }

names() {
    leaks | awk '{print $1}' | uniq
    caches | cut -d: -f1
    echo "nothing-planted"
}

only=()
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit ;;
    --list) names && exit ;;
    --only)
        names | grep -Fx -e "${2:-}" >/dev/null || refuse "--only wants one of: $(names | xargs)"
        only+=("$2") && shift
        ;;
    *) refuse "unknown argument \`$1\`; see --help" ;;
    esac
    shift
done
wanted() { [ ${#only[@]} -eq 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; }

command -v jq >/dev/null || refuse "jq is not installed: ci/install.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# git apply must not take the user's repository for the one to patch, should the temporary folder lie within it.
export GIT_CEILING_DIRECTORIES=$work
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/prove-heap
export CARGO_TERM_COLOR=never
# One build, and minutes of work after it: optimized, but in parallel.
export CARGO_PROFILE_BENCH_CODEGEN_UNITS=16

git diff --quiet HEAD || echo "uncommitted changes are not looked at: this is about $(git rev-parse --short HEAD)"
mkdir "$work/tree"
# -m: with the time of the commit, files would look older than what an earlier run of this script built of others.
git archive HEAD | tar -x -m -C "$work/tree"
cd "$work/tree"
git apply "$patch" 2>"$work/log" || refuse "the code has changed and $patch does not fit any more: $(head -n 1 "$work/log")"
cargo bench --locked --bench memory_profiling --no-run --message-format=json 2>"$work/log" >"$work/build" || {
    tail -n 30 "$work/log" >&2
    refuse "the planted tree does not build"
}
program=$(jq -r 'select(.reason == "compiler-artifact" and .target.name == "memory_profiling") | .executable' "$work/build")

# looked PLANTED SYSTEM PUBLISHING CYCLES SEED: the one figure.
looked() {
    local out=$work/out
    rm -rf "$out"
    PLANTED=$1 "$program" --bench --exact "leak/$3" --system "$2" --cycles "$4" --seed "$5" --out "$out" >"$work/log" 2>&1 || true
    jq -c '.results.leaks[0]' "$out"/memory_profiling_*.json 2>>"$work/log" || refuse "$1 gave no figure: $(tail -n 3 "$work/log")"
}

failures=0
row() {
    local mark=$1
    printf '%s %-30s %-16s %-7s %s\n' "$@"
    [ "$mark" = ✓ ] || failures=$((failures + 1))
}

system_of() { if [[ $1 == coordinator-* || $1 == *-legacy ]]; then echo DataCoordinator; else echo CrucibleCore; fi; }

while read -r name every publishing cycles passed how where; do
    wanted "$name" || continue
    system=$(system_of "$name")
    found=$(looked "$name:$every" "$system" "$publishing" "$cycles" 42)
    # The place or structure, blocks or entries that it gained, and in how many events.
    IFS=$'\t' read -r told gained events < <(jq -r --arg how "$how" '
        if (.verdict | type) != "object" or (.verdict | has("leaking") | not) then ["no leak: \(.verdict)", 0, 1]
        elif $how == "at" then (.runs[-1].events - .runs[-2].events) as $events
            | [.sites[0].place, (.sites[0].blocks_per_event * $events | round), $events]
        else (.runs[-1].half_way - .runs[-2].half_way) as $events
            | [(.holders[0] // ["no structure", 0])[0], ((.holders[0] // ["", 0])[1] * $events | round), $events] end | @tsv' <<<"$found")
    place=$told
    if [ "$how" = at ]; then
        line=$(cd src/systems && grep -rn --include='*.rs' "is_due(\"$name\")" . | cut -d: -f1,2 | sed 's|^\./||')
        [[ $line == *"$where:"* ]] || refuse "$name is planted at $line, not in $where"
        where=$line
        place=${told##*\(} # `function (file:line)`; the file with or without the folders before those of the crate
        place=${place%\)}
        [[ $place != */"$line" ]] || place=$line
    fi
    mark=✗
    if [ "$place" = "$where" ]; then mark=✓; fi
    off=$((gained * every - events))
    if [ "$passed" = event ] && [ ${off#-} -ge "$every" ]; then mark=✗; fi
    row "$mark" "$name:$every" "$system" "$publishing" "$told: $gained in $events events"
done < <(leaks)

clean() {
    local found
    found=$(looked "$1" "$2" "$3" 40 "$4")
    if [ "$(jq -r .verdict <<<"$found")" = clean ]; then mark=✓; else mark=✗; fi
    row "$mark" "$1" "$2" "$3" "$(jq -c '[.verdict, ([.runs[].open.blocks] | join(" → "))]' <<<"$found")"
}

for system in DataCoordinator CrucibleCore; do
    for publishing in batch single; do
        for cache in $(caches); do
            if wanted "${cache%:*}"; then clean "$cache" "$system" "$publishing" 42; fi
        done
        for seed in 1 2; do
            if wanted nothing-planted; then clean "nothing:1" "$system" "$publishing" "$seed"; fi
        done
    done
done

[ "$failures" -eq 0 ] || { echo "NOT as it has to be: $failures" && exit 1; }
echo "leaks are found, and nothing else is called one"
