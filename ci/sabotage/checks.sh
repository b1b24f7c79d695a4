# What ci/prove-checks.sh expects of the checks, without sabotage and with one. Sourced by it, in the copied tree:
# `work` is the temporary folder, `sabotage` the one in force, `quick` whether benches are not optimized.
# shellcheck shell=bash disable=SC2154

failures=0
all_noticed() { [ "$failures" -eq 0 ]; }

# A check of the current sabotage, whether it came out as it has to, and what it said.
row() {
    local check=$1 verdict=$2 detail=${3:-}
    printf '%-24s %-20s %-11s  %s\n' "$sabotage" "$check" "$verdict" "$detail"
    case $verdict in
    noticed | passes | inverted) ;;
    *)
        failures=$((failures + 1))
        tail -n 25 "$log" | sed 's/^/    | /'
        ;;
    esac
}

# Runs a command; what it prints is in $log, how it ended in $status.
run() {
    log=$work/log status=0
    "$@" >"$log" 2>&1 </dev/null &
    child=$!
    wait "$child" || status=$?
    child=
}

# --quick shares one build of the systems between tests and benches. Otherwise the benches are built as they are
# measured, so without --workspace: that would add the features which only tests use.
cargo_test() { run cargo test --workspace --locked --no-fail-fast "$@"; }
cargo_bench() {
    local build=()
    if $quick; then build=(--workspace --profile dev); fi
    run cargo bench "${build[@]}" --locked "$@"
}

counts_instructions() { ! $quick && command -v valgrind >/dev/null; }

build() {
    cargo_test --test conformance --test differential --no-run
    local benches=(--bench kernels --bench daemon_performance)
    if counts_instructions; then benches+=(--bench instructions); fi
    [ "$status" -ne 0 ] || cargo_bench --no-run "${benches[@]}"
    [ "$status" -eq 0 ] || { tail -n 40 "$log" >&2 && refuse "$sabotage: the copied tree does not build"; }
}

# --- the commands; the same with and without sabotage

tests() { cargo_test --test conformance --test differential; }
kernels() { cargo_bench --bench kernels -- --sample-size 5 "route/$1/"; }
each_kernel() { cargo_bench --bench kernels -- --test "route/$1/"; }
instructions() { cargo_bench --bench instructions -- --exact "route/$1/medium/batch"; }

figure=throughput/medium/1_thread/batch
# Names of benchmarks follow; the one file of results is $results.
daemon_performance() {
    local out=$work/results/$sabotage-$1
    shift
    cargo_bench --bench daemon_performance -- --out "$out" --exact "$@"
    results=$(find "$out" -name '*.json' 2>/dev/null | head -n1) || true
}

# How many lines of $log match.
lines() { grep -cE "$1" "$log" || true; }
# Whether the command succeeded, or failed, with so many lines of this pattern: 2, or +1 for one and more.
succeeded_with() { [ "$status" -eq 0 ] && has "$@"; }
failed_with() { [ "$status" -ne 0 ] && has "$@"; }
has() {
    case $1 in
    +*) [ "$(lines "$2")" -ge "$1" ] ;;
    *) [ "$(lines "$2")" -eq "$1" ] ;;
    esac
}
# The pattern of a finished line of Divan's table, and of the table of counts.
timed() { echo "$1.* [0-9.]+ (ns|µs|ms|s) "; }
counted() { echo "^$1[^ ]* +[0-9]"; }

# --- without sabotage

passes() { if "${@:2}"; then row "$1" passes; else row "$1" "FAILS"; fi; }

control() {
    tests
    passes tests succeeded_with 2 '^test result: ok'
    local key
    for key in core coordinator; do
        kernels "$key"
        passes "kernels $key" succeeded_with 6 "$(timed "route/$key/")"
        if counts_instructions; then
            instructions "$key"
            passes "instructions $key" succeeded_with 1 "$(counted "route/$key/medium/batch")"
        fi
    done
    local figures=("$figure")
    $quick || figures=(throughput/{light,medium,heavy}/1_thread/{batch,single})
    daemon_performance figures "${figures[@]}" pass/medium/{CrucibleCore,DataCoordinator}/1_thread
    passes daemon_performance figures_are_there "${#figures[@]}"
    control_results=$results
}

figures_are_there() {
    succeeded_with 2 "$(timed pass/medium/)" &&
        jq -e --argjson figures "$1" '.complete and (.results.throughput | length) == $figures' "$results" >/dev/null
}

# --- with one

noticed() { if "${@:3}"; then row "$1" noticed "$2"; else row "$1" "NOT NOTICED"; fi; }

# is_noticed KEY SYSTEM OTHER: the names of the spoilt system in kernels and in the lineup, and of the sound one.
is_noticed() {
    local key=$1 system=$2 other=$3
    tests
    noticed tests "$(failed_tests)" failed_with +1 '^test .* FAILED$'

    local wrong="^error: kernel .route/$key/[a-z/]+. did wrong work, so no figure is given: .*(deliveries|checksum) expected [0-9]+, got [0-9]+"
    kernels "$key"
    noticed kernels "$(said "$wrong")" refused_without_figure "$wrong" "route/$key/"
    each_kernel "$key"
    noticed "each kernel" "$(lines '\.\.\. FAILED$') of 6" failed_with 6 '\.\.\. FAILED$'
    each_kernel "$other"
    passes "$other is right" succeeded_with 6 '\.\.\. ok$'
    if counts_instructions; then
        instructions "$key"
        noticed instructions "$(said "$wrong")" refused_without_figure "$wrong" "route/$key/"
    fi

    wrong="^error: $figure: $system, medium: wrong work, so no figure is given: .*expected [0-9]+"
    daemon_performance figure "$figure"
    noticed "daemon: figure" "$(said "$wrong")" refused_without_figure "$wrong" "$figure" "$system"
    wrong="^error: .*pass/medium/$system/1_thread.*, so no figure is given: .*(deliveries|checksum) expected [0-9]+, got [0-9]+"
    daemon_performance pass "pass/medium/$system/1_thread"
    noticed "daemon: pass" "$(said "$wrong")" refused_without_figure "$wrong" "pass/medium/$system"
}

# Tests that failed, and the cases of the contract in the table of the first.
failed_tests() { sed -nE 's/^test (.*) \.\.\. FAILED$/\1/p' "$log" | grep -v _is_noticed | xargs; }

# The first line that has this pattern, without what all of them say.
said() { grep -E -m1 "$1" "$log" | sed -E 's/^error: //; s/:? (did )?wrong work, so no figure is given//' || true; }

# refused_without_figure MESSAGE NAME [SYSTEM]: it failed with this message, and neither a table of Divan or of counts
# has a line for this name, nor a file of results one for this system.
refused_without_figure() {
    failed_with +1 "$1" && has 0 "$(timed "$2")" && has 0 "$(counted "$2")" && nothing_stored "${3:-}"
}

nothing_stored() {
    [ -z "$1" ] || [ -z "$results" ] ||
        jq -e --arg system "$1" '(.complete | not) and ([.. | objects | select(.system? == $system)] == [])' \
            "$results" >/dev/null
}

# --- the two systems under each other's names

# One line a figure: its name, CrucibleCore over DataCoordinator as it is and exchanged, and whether one is the inverse of
# the other. They come from two runs, on a busy machine some 30 % apart: the logarithm may miss by half, midway between
# the inverse and no difference at all. A ratio near 1 cannot tell.
compared() {
    jq -rn --slurpfile as_is "$1" --slurpfile exchanged "$2" '
        def ratios: .[0].results.throughput | map({key: .name,
            value: (.ratios[] | select(.system == "CrucibleCore" and .over == "DataCoordinator") | .estimate.ratio)}) | from_entries;
        ($exchanged | ratios) as $after | $as_is | ratios | to_entries[] | .value as $r | $after[.key] as $s |
        (if ($r | log | fabs) < (1.3 | log) then "near-1"
         elif (($r | log) + ($s | log) | fabs) <= 0.5 * ($r | log | fabs) then "inverted"
         else "NOT-INVERTED" end) as $verdict |
        "\(.key) \($r * 100 | round / 100) \($s * 100 | round / 100) \($verdict)"'
}

ratios_invert() {
    daemon_performance figures throughput/{light,medium,heavy}/1_thread/{batch,single}
    local name as_is exchanged verdict inverted=0
    while read -r name as_is exchanged verdict; do
        case $verdict in
        inverted) inverted=$((inverted + 1)) ;;
        near-1) verdict=passes ;;
        esac
        row "${name#throughput/}" "$verdict" "CrucibleCore / DataCoordinator: $as_is, exchanged $exchanged"
    done < <(compared "$control_results" "$results")
    [ "$inverted" -gt 0 ] || row ratios "NOT-INVERTED" "no figure could tell"
}
