#!/usr/bin/env bash
# All that is measured, with one command: installs what is missing, builds, runs every bench target, sums up.
# Runs with bash 3.2 as well, which is what macOS has.
set -euo pipefail

readonly NAME=run_performance_tests.sh

usage() {
    cat <<END
Builds the suite, runs every bench target one after the other and ends with a summary and the report on the run:
comprehensive_report_….md, .html (to be opened in a browser) and .json.

Usage: benches/$NAME quick|full [--out DIR]

  quick      ten minutes after the build; fewer samples of each kernel, no stress scenario
  full       some fifty minutes; more rounds, narrower intervals, the stress scenario too, and what the ratio owes to the order of functions and
             to the allocator (bias.sh; Linux); some 4 GB of memory
  --out DIR  where results are written [default: benchmark_results in the repository]
  --help     this

Exit status: 0 all measured, 1 something failed, 2 not understood, 4 nothing failed, but something was invalid or could not
be measured, 130 Ctrl-C. A list at the end says what it was.
If valgrind is missing and may not be installed, instructions are not measured; with CI=true that is a failure.
END
}

# One line: what, where, what to do. The second argument is the exit status.
die() {
    printf '%s: %s\n' "$NAME" "$1" >&2
    exit "${2:-1}"
}

mode='' out=''
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage && exit 0 ;;
    --out) [ -n "${2:-}" ] || die "--out wants a folder; see --help" 2
        out=$2 && shift ;;
    --out=?*) out=${1#--out=} ;;
    quick | full) [ -z "$mode" ] || die "\"$mode\" or \"$1\", not both; see --help" 2
        mode=$1 ;;
    *) die "unknown word \"$1\"; try quick or full; see --help" 2 ;;
    esac
    shift
done
[ -n "$mode" ] || die "say quick or full; see --help" 2

case $out in /* | '') ;; *) out=$PWD/$out ;; esac
cd "$(dirname "$0")/.."
: "${out:=$PWD/benchmark_results}"

command -v cargo >/dev/null || die "cargo is not installed; get Rust from https://rustup.rs"
mkdir -p "$out" 2>/dev/null || die "$out: the results folder cannot be made; name another one with --out DIR"
temp=$(mktemp -d)
ticker=''
trap 'rm -rf "$temp"; [ -z "$ticker" ] || kill "$ticker" 2>/dev/null || true' EXIT
# Files of this run are those that are newer; the folder is also seen to be writable.
marker=$out/.run_$$
{ : >"$marker"; } 2>/dev/null || die "$out: the results folder cannot be written to; name another one with --out DIR"
mv "$marker" "$temp/begin"

interrupted=''
trap 'interrupted=yes' INT

stamp=$(date -u +%Y%m%d_%H%M%S)
failed=()
invalid=()
absent=()

# ── what the machine lacks ──────────────────────────────────────────────────────────────────────────────────────────

# The package in the first argument, unless the command in the rest succeeds; where it may not, its target says what is missing.
install() {
    local package=$1 && shift
    ! "$@" >/dev/null 2>&1 || return 0
    local root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo -n)
    command -v apt-get >/dev/null || return 0
    [ ${#root[@]} -eq 0 ] || sudo -n true 2>/dev/null || return 0
    line "installing $package"
    {
        ${root[@]+"${root[@]}"} apt-get update -qq &&
            ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package"
    } >"$temp/install" 2>&1 || tail -n 1 "$temp/install"
}

has_jemalloc() { { ldconfig -p 2>/dev/null || /sbin/ldconfig -p; } | grep -q libjemalloc; }

# ── what is shown meanwhile ─────────────────────────────────────────────────────────────────────────────────────────

line() { printf ' %s\n' "$*"; }

result() { printf ' %s %-20s %s  %s\n' "$1" "$2" "$(clock "$3")" "$4"; }

clock() { printf '%2dm%02ds' $(($1 / 60)) $(($1 % 60)); }

# Seconds that a target takes about, as it did on two cores. A target that is not here takes a minute as far as we know.
estimate() {
    case $mode/$1 in
    quick/kernels) echo 10 ;;
    quick/daemon_performance) echo 80 ;;
    quick/load_testing) echo 85 ;;
    quick/memory_profiling) echo 20 ;;
    quick/scalability_testing) echo 95 ;;
    */instructions) echo 180 ;;
    quick/comparison_analysis) echo 75 ;;
    full/kernels) echo 20 ;;
    full/daemon_performance) echo 1440 ;;
    full/load_testing) echo 125 ;;
    full/memory_profiling) echo 165 ;;
    full/scalability_testing) echo 1060 ;;
    full/comparison_analysis) echo 120 ;;
    full/bias.sh) echo 60 ;;
    *) echo 60 ;;
    esac
}

# Seconds from the beginning of this target to the end of the run.
left_from() {
    local target found='' sum=0
    for target in $(steps); do
        [ "$target" != "$1" ] || found=yes
        [ -z "$found" ] || sum=$((sum + $(estimate "$target")))
    done
    echo "$sum"
}

about() { [ "$1" -ge 90 ] && echo "about $((($1 + 59) / 60)) min left" || echo "about a minute left"; }

# On a terminal: which benchmark the running target has come to, by the last name in its output, and how long all will
# take still. A target that takes longer than usual does not shorten the rest.
tick() {
    local begin=$SECONDS usual rest at spent
    usual=$(estimate "$1")
    rest=$(left_from "$1")
    while sleep 1; do
        spent=$((SECONDS - begin))
        [ "$spent" -lt "$usual" ] || spent=$usual
        at=$(grep -aoE '[a-z_]+(/[A-Za-z0-9_-]+)+|kernels::[a-z0-9_]+' "$2" | tail -n 1 || true)
        printf '\r\033[2K ▶ %-20s %s  %s  %s' "$1" "$(clock $((SECONDS - begin)))" "$(about $((rest - spent)))" "${at#kernels::}"
    done
}

start_ticker() {
    [ -t 1 ] || { line "▶ $1, $(about "$(left_from "$1")")" && return; }
    tick "$@" &
    ticker=$!
}

stop_ticker() {
    [ -n "$ticker" ] || return 0
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    ticker=''
    printf '\r\033[2K'
}

# ── building and running ────────────────────────────────────────────────────────────────────────────────────────────

# Cargo's messages for programs go to a file, those for people to the terminal.
build() {
    local begin=$SECONDS
    line "building (some minutes the first time)"
    if ! cargo bench --locked --no-run --message-format=json-render-diagnostics >"$temp/build"; then
        [ -z "$interrupted" ] || exit 130
        die "the build failed; cargo says why above"
    fi
    # Now, so that an hour of measuring does not end in a message of the compiler.
    cargo perf-report --help >/dev/null || die "the build of the report failed; cargo says why above"
    cargo regress --help >/dev/null || die "the build of the gate failed; cargo says why above"
    result ✓ build $((SECONDS - begin)) ""
}

targets() { awk '/^\[\[bench\]\]/ { bench = 1 } bench && /^name/ { gsub(/"/, "", $3); print $3; bench = 0 }' Cargo.toml; }

# Whatever is run, one after the other: in full, too, what the ratio owes to accidents of the build.
steps() {
    targets
    [ "$mode" != full ] || echo bias.sh
}

executable() {
    sed -n 's/.*"kind":\["bench"\].*"name":"'"$1"'".*"executable":"\([^"]*\)".*/\1/p' "$temp/build"
}

# What a target is asked for, in this mode.
arguments() {
    case $mode/$1 in
    # Most kernels take microseconds, the slowest milliseconds: seconds altogether.
    quick/kernels) echo "--sample-size 100" ;;
    # Two rounds more than the confidence of so many ratios needs, and leaks of a block in 100,000 events: with the usual 15 and
    # 400,000 it takes most of a minute more than the ten minutes that quick may.
    quick/daemon_performance) echo "--sample-size 13" ;;
    quick/memory_profiling) echo "--cycles 100" ;;
    quick/load_testing) echo "pattern failures production" ;;
    full/load_testing) echo "pattern failures production stress" ;;
    full/memory_profiling) echo "--cycles 1000" ;;
    full/comparison_analysis | full/scalability_testing) echo "--full" ;;
    full/daemon_performance) echo "--sample-size 31 --latency-rounds 15 --scenario light --scenario medium --scenario heavy --scenario stress" ;;
    esac
}

# Not through cargo: at Ctrl-C it would end before the target has kept what was finished.
run() {
    local target=$1 log=$temp/$1 begin=$SECONDS status=0 program
    : >"$log"
    start_ticker "$target" "$log"
    if [ "$target" = bias.sh ]; then
        benches/bias.sh --out "$out/bias_$stamp" >"$log" 2>&1 || status=$?
    else
        program=$(executable "$target")
        # shellcheck disable=SC2046 # several words on purpose
        "$program" --bench $(arguments "$target") --out "$out" >"$log" 2>&1 || status=$?
    fi
    stop_ticker
    judge "$target" "$status" $((SECONDS - begin))
}

judge() {
    local target=$1 log=$temp/$1 missing late
    missing=$(sed -n "s/^$target: \(not measured: .*\)/\1/p" "$log" | head -n 1)
    # A load that the machine could not offer says nothing about the systems, nor does a run in which a system differed from itself.
    late=$(grep -aE '^not measured: .*: (INVALID|INCOMPLETE): ' "$log" | grep -vc 'different from itself' || true)
    if [ -n "$interrupted" ]; then
        result ✗ "$target" "$3" "interrupted"
    elif [ "$2" -ne 0 ] && [ "$2" -ne 4 ]; then
        cp "$log" "$out/${target}_${stamp}_failed.log"
        failed+=("$target")
        result ✗ "$target" "$3" "${missing:-exit status $2; the end of its output:}"
        [ -n "$missing" ] || complaint "$target" "$log" | tail -n 5 | cut -c1-200 | sed 's/^/     /'
    elif [ -n "$missing" ]; then
        absent+=("$target: ${missing#not measured: }")
        result – "$target" "$3" "$missing"
    elif [ "$2" -eq 4 ] || [ "$late" -gt 0 ]; then
        late=$(nothing_counts "$target" "$late")
        invalid+=("$target: $late")
        result – "$target" "$3" "$late"
    else
        result ✓ "$target" "$3" "$(remark "$target")"
    fi
    [ "$target" != instructions ] || [ "$2" -ne 0 ] || keep_judgement
}

# Why a target that did all that was asked for says nothing, or not all.
nothing_counts() {
    if [ "$2" -gt 0 ]; then
        echo "loads that could not be offered as asked for: $2; the machine was busy"
    else
        grep -a -m 1 -E '^(UNRELIABLE|INVALID)' "$temp/$1" || echo "status 4: nothing can be said of it"
    fi
}

# For the report: what is said of the counts, as the gate says it.
keep_judgement() {
    local file
    file=$out/instructions_$(date -u +%Y%m%d_%H%M%S).json
    cargo regress check --format json >"$temp/judgement" 2>/dev/null || true
    [ ! -s "$temp/judgement" ] || mv "$temp/judgement" "$file"
}

# How the counts compare with the committed ones. Whether that is good enough is the gate's to say, not this script's.
remark() {
    [ "$1" = instructions ] || return 0
    { cargo regress check 2>&1 || true; } | head -n 1
}

# What a failed target complained of.
complaint() {
    grep -a '^no figure: ' "$2" || grep -aE '^error|^'"$1"': ' "$2" || grep -a -A1 '^thread .* panicked' "$2" || tail -n 3 "$2"
}

# ── the summary ─────────────────────────────────────────────────────────────────────────────────────────────────────

# Of the table under the title `$2` in the file `$1`: the columns named in the rest, as `name` or `name=new name`, of the
# rows that match the expression $ROWS; a name that is asked for twice stands there twice. Our tables part their cells by
# two spaces or more. Bytes, not characters, since awks differ: those that continue a character are not counted.
columns() {
    local file=$1 title=$2
    shift 2
    [ -f "$file" ] || return 0
    (IFS='|' && LC_ALL=C awk -v title="$title" -v wanted="$*" -v rows="${ROWS:-.}" '
        function width(text) { gsub(/[\200-\277]/, "", text); return length(text) }
        function pad(text, to, left,   blank) {
            blank = sprintf("%" (to > width(text) ? to - width(text) : 0) "s", "")
            return left ? text blank : blank text
        }
        BEGIN { FS = "  +"; count = split(wanted, column, "|") }
        index($0, title) == 1 { table = 1; if (title == $1 && NF > 1) { header = 1 } else { next } }
        !table { next }
        /^$/ { exit }
        !head++ {
            for (c = 1; c <= count; c++) {
                split(column[c], names, "=")
                for (at[c] = 1; at[c] <= NF && (taken[at[c]] || $at[c] != names[1]); at[c]++) { }
                taken[at[c]] = 1
                cell[0, c] = names[2] != "" ? names[2] : names[1]
                most[c] = width(cell[0, c])
            }
            next
        }
        $0 ~ rows {
            n++
            for (c = 1; c <= count; c++) {
                cell[n, c] = $at[c]
                if (width($at[c]) > most[c]) most[c] = width($at[c])
            }
        }
        END {
            if (!n) exit
            print ""
            for (r = 0; r <= n; r++) {
                text = " "
                for (c = 1; c <= count; c++) text = text (c > 1 ? "  " : "") pad(cell[r, c], most[c], c == 1)
                sub(/ +$/, "", text)
                print text
            }
        }' "$file")
}

tables() {
    local daemon=$temp/daemon_performance
    columns "$daemon" "Throughput, closed loop" "=events/s, idle handlers" fan-out threads DataCoordinator \
        CrucibleCore "CrucibleCore / DataCoordinator=ratio [interval]" "CrucibleCore / reference=/ reference"
    columns "$daemon" "Ratio of throughputs against handler time" "each delivery takes" threads \
        "DataCoordinator events/s=DataCoordinator" "CrucibleCore events/s=CrucibleCore" \
        "CrucibleCore / DataCoordinator=ratio [interval]"
    ROWS='  1,000  ' columns "$daemon" "Latency under offered load" "=latency at 1,000 events/s" threads system \
        mean P50 P99 "pacer lag P99" "CPU of a core"
    local load=$temp/load_testing
    columns "$load" "Latency under open load" "figure=open load" system events/s P50 P99 "service P50" "pacer lag P99"
    columns "$load" "Failures: response time" "figure=5 % fail, then none" system "P99 before" "P99 during" "P99 after" \
        "recovered in"
    columns "$daemon" "Grades" "=grades" throughput "mean latency" memory "CPU of a core"
    ROWS='^stability|^payload/64' columns "$temp/memory_profiling" "Heap use" "figure=heap, counted exactly" system "blocks/event" \
        "bytes/event" "live blocks, first and last" peak
    columns "$temp/memory_profiling" "Leaks" "figure=leaks" system verdict events "blocks held"
    columns "$temp/memory_profiling" "Under pressure" "system=memory runs out" "events of" "publisher asks to" taken outcome
    ROWS='^route/' columns "$temp/instructions" kernel "kernel=counted under valgrind" "per event=instructions per event" \
        "per event=atomics per event"
    # These fit a terminal as they are.
    [ ! -f "$temp/bias.sh" ] || { echo && cat "$temp/bias.sh"; }
    [ ! -f "$temp/comparison_analysis" ] ||
        awk '/^ *time +over +ratio \[interval\]/ { table = 1; print "" } table { print " " $0 }' "$temp/comparison_analysis"
}

# One line for each thing that is not as it should be.
verdict() {
    local what
    for what in ${absent[@]+"${absent[@]}"}; do printf ' not measured: %s\n' "$what"; done
    for what in ${invalid[@]+"${invalid[@]}"}; do printf ' invalid: %s\n' "$what"; done
    for what in ${failed[@]+"${failed[@]}"}; do printf ' failed: %s\n' "$what"; done
    [ -z "$interrupted" ] || printf ' interrupted: what was finished is kept\n'
}

# What the figures say, and where the report is.
report() {
    line "report"
    if cargo perf-report --results "$out" --run "$stamp" >"$temp/report" 2>&1; then
        grep -v -e '^from ' -e 'comprehensive_report_' "$temp/report" | sed 's/^/ /'
    else
        failed+=("report: $(tail -n 1 "$temp/report")")
        result ✗ report 0 "$(tail -n 1 "$temp/report")"
    fi
}

files() { find "$out" -maxdepth 1 -type f -newer "$temp/begin" ! -name '.*' | sort | sed "s|^$PWD/||; s/^/ /"; }

summary() {
    local page=$out/summary_$stamp.txt
    { echo "$headline" && tables && echo && verdict; } >"$page"
    sed 1d "$page"
}

commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain 2>/dev/null)" ] || commit="$commit, changed"
headline="crucible-perf $mode · commit $commit · $(rustc --version | cut -d' ' -f1,2) · $(getconf _NPROCESSORS_ONLN) cores"
echo "$headline"
install valgrind command -v valgrind
if [ "$mode" = full ]; then
    install jq command -v jq
    install libjemalloc2 has_jemalloc
fi
build
for step in $(steps); do
    [ -z "$interrupted" ] || break
    run "$step"
done
summary
report
files
[ -z "$interrupted" ] || exit 130
[ ${#failed[@]} -eq 0 ] || exit 1
[ $((${#invalid[@]} + ${#absent[@]})) -eq 0 ] || exit 4
