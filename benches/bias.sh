#!/usr/bin/env bash
# What the ratio of the two systems owes to accidents: to where the linker puts functions, and to the allocator.
set -euo pipefail

readonly NAME=bias.sh

usage() {
    cat <<END
Measures the ratio of the two systems again with functions in other orders and with another allocator than
the C library's, and prints it beside that of the usual build. Linux; takes a minute for each line.

Usage: benches/$NAME [--layouts N] [--sample-size N] [--out DIR] [FILTER...]

  --layouts N      so many random orders of functions [default: 3]
  --sample-size N  rounds of each figure [default: 15]
  --out DIR        keeps the results, in a folder for each build [default: benchmark_results/bias]
  FILTER           figures of daemon_performance [default: throughput/medium/1_thread]

Other allocators are those that are installed, as shared libraries: jemalloc, mimalloc, tcmalloc
(apt-get install libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4).
Exit status: 0 measured, 1 failed, 2 not understood, 4 cannot be measured on this machine.
END
}

die() {
    printf '%s: %s\n' "$NAME" "$1" >&2
    exit "${2:-1}"
}

layouts=3 rounds=15 out='' filters=()
number() { case $2 in '' | *[!0-9]* | 0?*) die "$1 wants a number, not \"$2\"; see --help" 2 ;; esac }
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage && exit 0 ;;
    --layouts) number "$1" "${2:-}" && layouts=$2 && shift ;;
    --sample-size) number "$1" "${2:-}" && rounds=$2 && shift ;;
    --out) [ -n "${2:-}" ] || die "--out wants a folder; see --help" 2
        out=$2 && shift ;;
    -*) die "unknown flag \"$1\"; see --help" 2 ;;
    *) filters+=("$1") ;;
    esac
    shift
done
[ ${#filters[@]} -gt 0 ] || filters=(throughput/medium/1_thread)

case $out in /* | '') ;; *) out=$PWD/$out ;; esac
cd "$(dirname "$0")/.."
: "${out:=$PWD/benchmark_results/bias}"
[ "$(uname)" = Linux ] || die "not measured: needs Linux: the order of functions is shuffled by its linker, lld" 4
command -v jq >/dev/null || die "not measured: jq is not installed; ci/install.sh installs it" 4
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

# The program with functions in the order that this seed gives; with 0 as the linker has them.
build() {
    local extra=()
    [ "$1" -eq 0 ] || extra=(-C "link-arg=-Wl,--shuffle-sections=.text*=$1")
    cargo rustc --locked --quiet --profile bench --bench daemon_performance --message-format=json-render-diagnostics \
        -- ${extra[@]+"${extra[@]}"} >"$temp/messages" || die "the build with functions in order $1 failed; cargo says why above"
    local program
    program=$(jq -r 'select(.executable and .target.name == "daemon_performance") | .executable' "$temp/messages" | tail -n 1)
    cp "$program" "$temp/layout_$1"
}

# The ratio of each figure, with its interval; the library in the third argument is preloaded.
measure() {
    local name=$1 program=$2 library=${3:-} folder=$out/$1
    mkdir -p "$folder" 2>/dev/null || die "$folder: the folder cannot be made; name another one with --out DIR"
    local stored
    LD_PRELOAD=$library "$program" --bench --sample-size "$rounds" --system DataCoordinator --system CrucibleCore \
        --out "$folder" "${filters[@]}" >"$temp/log" 2>&1 || die "$name: $(tail -n 1 "$temp/log")"
    stored=$(sed -n 's/^.*\/\(daemon_performance_[0-9_]*\.json\).*$/\1/p' "$temp/log" | tail -n 1)
    [ -n "$stored" ] || die "$(head -n 1 "$temp/log"); \`cargo bench --bench daemon_performance -- --list\` tells their names" 2
    jq -r --arg name "$name" '
        def short: . * 100 | round / 100;
        [.results.throughput[], .results.handler_time[]] | .[] | .name as $figure
        | .ratios[] | select(.system == "CrucibleCore" and .over == "DataCoordinator") | .estimate
        | [$name, $figure, (.ratio | short),
           (if .interval then "[\(.interval.low | short), \(.interval.high | short)]" else "[too few rounds]" end)]
        | @tsv' "$folder/$stored" >"$temp/rows"
    [ -s "$temp/rows" ] || die "no ratio of throughputs among: ${filters[*]}" 2
    awk -F '\t' '{ printf " %-16s  %-38s  %6s  %s\n", $1, $2, $3, $4 }' "$temp/rows"
}

# Where the dynamic linker finds a library of this name, if it does.
library() { { ldconfig -p 2>/dev/null || /sbin/ldconfig -p; } | awk -v name="$1" 'index($1, name) == 1 && !n++ { print $NF }'; }

printf ' %-16s  %-38s  %6s  %s\n' build figure "core /" "coordinator [interval]"
build 0
measure usual "$temp/layout_0"
for seed in $(seq 1 "$layouts"); do
    build "$seed"
    measure "layout_$seed" "$temp/layout_$seed"
done
for allocator in jemalloc mimalloc tcmalloc_minimal; do
    found=$(library "lib$allocator.so")
    if [ -n "$found" ]; then
        measure "$allocator" "$temp/layout_0" "$found"
    else
        echo " $allocator: not measured, not installed"
    fi
done
