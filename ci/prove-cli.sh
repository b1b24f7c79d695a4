#!/usr/bin/env bash
# What people meet who mistype, name a folder that cannot be written, or press Ctrl-C: one clear line, and what was
# finished is kept. Runs the bench programs themselves.
#   ci/prove-cli.sh                 as they are measured
#   ci/prove-cli.sh --profile dev   any options of `cargo bench`: this one builds faster
set -euo pipefail
set -m # a process group for each background job, as a terminal makes: the one that Ctrl-C reaches
cd "$(dirname "$0")/.."
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# //p' ci/prove-cli.sh && exit 0 ;; esac

command -v jq >/dev/null || { echo "prove-cli: jq is not installed: ci/install.sh" >&2 && exit 2; }
build=(cargo bench --locked --no-run --message-format json-render-diagnostics "$@")
programs=$("${build[@]}" | jq -r 'select(.executable and (.target.kind | index("bench"))) | "\(.target.name) \(.executable)"')

work=$(mktemp -d) job=
clean_up() {
    [ -z "$job" ] || kill -KILL -- "-$job" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT
failures=0
touch "$work/a_file"
cd "$work" # so that results in the default folder are not the user's

program() { awk -v name="$1" '$1 == name { print $2 }' <<<"$programs"; }

# run TARGET ARGUMENT…: as cargo bench runs it. Its streams are in out and err, its status in $status.
run() {
    status=0
    "$(program "$1")" "${@:2}" --bench >out 2>err </dev/null || status=$?
}

report() {
    printf '%s %s: %s\n' "$1" "$2" "$3"
    [ "$1" = ✓ ] || failures=$((failures + 1))
}

# says STATUS PATTERN TARGET ARGUMENT…: it prints nothing but one line on stderr that matches, and ends with this status.
says() {
    run "${@:3}"
    local mark=✗
    if [ "$status" -eq "$1" ] && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] && grep -qE "$2" err; then mark=✓; fi
    report "$mark" "${*:3}" "$(cat out err) (exit $status)"
}

for target in kernels instructions daemon_performance load_testing; do
    says 2 "^$target: .*'--sampel-size'.*--help" "$target" --sampel-size 5
    says 2 "^$target: .*--sample-size.*--help" "$target" --sample-size none
    if [ "$target" != instructions ] || command -v valgrind >/dev/null; then
        says 1 "^$target: .*a_file/results: the results folder cannot be made.*--out DIR" "$target" --out "$work/a_file/results"
    fi
    run "$target" no_such_benchmark
    if [ "$status" -eq 0 ] && grep -q "^$target: no benchmark matches .no_such_benchmark.$" err; then mark=✓; else mark=✗; fi
    report "$mark" "$target no_such_benchmark" "$(cat out err) (exit $status)"
done
says 2 '^daemon_performance: unknown scenario "heavvy"; try light, medium, heavy, stress' daemon_performance --scenario heavvy
says 2 '^daemon_performance: unknown system "Crucible"; try DataCoordinator, CrucibleCore, ' daemon_performance --system Crucible
printf 'seed = 1\nthreds = 2\n' >load.toml
# shellcheck disable=SC2016 # the backquotes are the message's
says 2 '^load_testing: load.toml: at line 2, column 1: unknown field `threds`' load_testing --config load.toml
says 2 '^load_testing: .*--pattern.*unknown pattern "brust"; try steady, burst,' load_testing --pattern brust
says 2 '^load_testing: .*threshold "p98<5ms": unknown metric "p98"; try mean, p50,' load_testing --threshold 'p98<5ms'
says 2 '^load_testing: .*8KiB..2KiB.*smaller size first' load_testing --payload 8KiB..2KiB
says 2 '^load_testing: --system: unknown system "Crucible"; try DataCoordinator, CrucibleCore, ' load_testing --system Crucible
says 2 "^memory_profiling: .*'99999999999'.*--cycles" memory_profiling --cycles 99999999999
ln -s a_file benchmark_results
says 1 '^daemon_performance: benchmark_results: the results folder cannot be made' daemon_performance
rm benchmark_results
if [ -d /proc/self ]; then # there not even root can make a file
    says 1 '^daemon_performance: /proc: the results folder cannot be written to.*--out DIR' daemon_performance --out /proc
fi

# begin TARGET ARGUMENT…: in the background, its group in $job.
begin() {
    "$(program "$1")" "${@:2}" --out results --bench >out 2>err </dev/null &
    job=$!
}

# Waits until a condition holds, at most a minute, or the program ends before it does.
until_it() {
    local tries=600
    until "$@" || ! kill -0 "$job" 2>/dev/null || [ $((tries -= 1)) -eq 0 ]; do sleep 0.1; done
}

press_ctrl_c() {
    kill -INT -- "-$job" || true
    status=0
    wait "$job" || status=$?
    job=
}

figures() { jq -e "$1" results/daemon_performance_*.json >/dev/null 2>&1; }

begin daemon_performance throughput
until_it figures '.results.throughput | length >= 1'
press_ctrl_c
if [ "$status" -eq 130 ] && [ "$(grep -c '^interrupted: ' err)" -eq 1 ] && grep -q '^Throughput' out &&
    figures '(.complete | not) and (.results.throughput | length >= 1 and length < 12)'; then mark=✓; else mark=✗; fi
report "$mark" "daemon_performance, Ctrl-C" "$(grep '^interrupted' err) kept: $(jq -c '[.complete, (.results.throughput[].name)]' results/*.json) (exit $status)"
rm -r results

begin load_testing --system CrucibleCore --rate 500 --duration 60s
a_second() { grep -qs . results/load_testing_*_custom_CrucibleCore.jsonl; }
until_it a_second
press_ctrl_c
stopped='.results.figures[0].systems[0].run.pacing | .invalid.kind == "stopped" and .offered > 400'
if [ "$status" -eq 130 ] && grep -q '^custom, CrucibleCore: second by second' out &&
    jq -e "(.complete | not) and ($stopped)" results/load_testing_*.json >/dev/null; then mark=✓; else mark=✗; fi
report "$mark" "load_testing, Ctrl-C" "$(grep '^interrupted' err) kept: $(jq -c '.results.figures[0].systems[0].run.pacing.offered' results/load_testing_*.json) events (exit $status)"
rm -r results

# A machine that is too busy to offer the load says so (4), and is asked again.
for _ in 1 2 3 4 5; do
    rm -rf results
    run load_testing --system CrucibleCore --rate 500 --duration 3s --threshold 'p50<1ns' --threshold 'error_rate<1%' --out results
    [ "$status" -eq 4 ] || break
done
if [ "$status" -eq 3 ] && grep -q '^✗ p50<1ns  custom, CrucibleCore: ' out && grep -q '^✓ error_rate<1%' out; then mark=✓; else mark=✗; fi
report "$mark" "load_testing, a threshold that does not hold" "$(grep '^✗' out) (exit $status)"
rm -r results

begin kernels decode validate route/coordinator
until_it grep -q 'decode/json_1kib.*│.*│' out
press_ctrl_c
kept=$(find results -name 'kernels_*.txt') || true
if [ "$status" -eq 130 ] && grep -q '^interrupted: ' "$kept" && grep -q 'decode/json_1kib.*│.*│' "$kept"; then mark=✓; else mark=✗; fi
report "$mark" "kernels, Ctrl-C" "$(grep '^kept' err), which ends: $(grep '^interrupted' "$kept") (exit $status)"

[ "$failures" -eq 0 ] || { echo "$failures not as it should be" && exit 1; }
