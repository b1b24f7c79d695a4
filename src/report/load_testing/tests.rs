use super::*;
use crate::experiment::{Backlog, Phases, Recovery, Role, Waiting};
use crate::load::faults::Injected;
use crate::load::{LoadTestConfig, Pacing};
use crate::results::daemon_performance::ScenarioFacts;
use crate::results::load_testing::Judged;
use crucible_events::routing::Ledger;

fn latency(us: u64) -> LatencySummary {
    let ns = |factor: u64| Some(us * factor * 1_000);
    let mean = 1e3 * us as f64;
    LatencySummary { count: 11_500, mean, p50: ns(1), p95: ns(2), p99: ns(3), p999: ns(5), max: us * 9_000 }
}

fn system() -> SystemLoad {
    let seen = FailuresSeen {
        plan: "seed 42: error, 5 % of deliveries, from 1s to 2s".to_owned(),
        from_ns: 1_000_000_000,
        until_ns: Some(2_000_000_000),
        injected: Injected { errors: 300, ..Injected::default() },
        response: Phases { before: Some(latency(80)), during: Some(latency(90)), after: Some(latency(81)) },
        recovery: Recovery {
            latency_ns: Reading::Value(200_000_000),
            backlog_ns: Reading::absent("not within the test"),
        },
        retried: 298,
        timeouts: 0,
        breakers_opened: 1,
    };
    let run = LoadRun {
        pacing: Pacing {
            offered: 5_000,
            intended_rate: Some(5_000.0),
            achieved_rate: Some(5_000.2),
            lag: Some(latency(10)),
            invalid: None,
        },
        elapsed_ns: 1_000_000_000,
        ledger: Ledger { accepted: 11_502, acknowledged: 11_500, dead_lettered: 2, ..Ledger::default() },
        turned_away: 0,
        response: Some(latency(80)),
        service: Some(latency(20)),
        backlog: Backlog { most: 38, most_unpublished: 4, drained_ns: 65_000 },
        waiting: Waiting { most_for_one: 12, allowed: Some(1_024), batch: Some(64), ..Waiting::default() },
        cpu_percent: Reading::Value(27.7),
        peak_memory: Reading::absent("no /proc here"),
        failures: Some(seen),
    };
    let judged = |text: &str, outcome| Judged { threshold: text.parse().expect(text), outcome };
    SystemLoad {
        system: "CrucibleCore".to_owned(),
        role: Role::Candidate,
        run,
        seconds: vec![Second {
            at: 1.0,
            lasting: 1.0,
            events_per_second: 5_000.2,
            deliveries_per_second: 11_500.4,
            backlog: 14,
            errors: 300,
            response: Some(latency(80)),
            service: None,
        }],
        files: Vec::new(),
        thresholds: vec![
            judged("p99<5ms", Outcome::Held(240e3)),
            judged("error_rate<0.01%", Outcome::Crossed(0.0174)),
        ],
    }
}

fn results(systems: Vec<SystemLoad>) -> LoadTesting {
    let scenario = ScenarioFacts {
        name: "load".to_owned(),
        events: 1_000,
        services: 10,
        rules: 5,
        payload_bytes: 1_024,
        fan_out: 2.3,
    };
    let figure =
        LoadFigure { name: "failures".to_owned(), config: LoadTestConfig::default(), scenario, systems };
    LoadTesting { figures: vec![figure], known_answers: Vec::new() }
}

#[test]
fn response_and_service_time_stand_side_by_side_over_their_floor() {
    let shown = text(&results(vec![system()]));
    let expected = "\
Latency under open load, from the intended moment to done
figure          system  events/s     mean      P50     P95     P99   P99.9     max  service P50  service P99  pacer lag P99
failures  CrucibleCore     5,000  80.0 µs  80.0 µs  160 µs  240 µs  400 µs  720 µs      20.0 µs      60.0 µs        30.0 µs

What it took
figure          system  deliveries  done /s  errors  backlog at most  outside  drained in  waiting for one service, of  CPU of a core  peak memory
failures  CrucibleCore      11,500   11,500  0.02 %               38        4     65.0 µs                  12 of 1,088         27.7 %            –

Failures: response time of events due before, during and after them
figure          system  P50 before  P50 during  P50 after  P99 before  P99 during  P99 after  recovered in  backlog too
failures  CrucibleCore     80.0 µs     90.0 µs    81.0 µs      240 µs      270 µs     243 µs        200 ms            –

What became of failed deliveries
figure          system  failed tries  tried again  given up  dead letters  expired  turned away  time-outs  breakers opened                                          injected
failures  CrucibleCore           300          298         0             2        0            0          0                1  seed 42: error, 5 % of deliveries, from 1s to 2s

Response time counts from the intended moment, service time from the beginning of the handler's work. The pacer's lag P99
is the floor under every response time. `stress` offers more than the systems do: its times are those of a queue that grows.
Outside: deliveries whose events the publisher held back, since the system did not take them; their memory is in the peak, too.
`–`: not measured; the reasons follow.
not measured: failures, CrucibleCore, peak memory: no /proc here
not measured: failures, CrucibleCore, recovery of the backlog: not within the test
✓ p99<5ms  failures, CrucibleCore: 240us
✗ error_rate<0.01%  failures, CrucibleCore: 0.02%
";
    assert_eq!(shown, expected, "\n{shown}");
}

#[test]
fn of_an_invalid_load_no_latency_is_shown() {
    let mut late = system();
    late.run.pacing.invalid = Some(InvalidLoad::Lag { p50_ns: 150_000 });
    late.run.failures = None;
    late.thresholds[0].outcome = Outcome::Invalid;
    let shown = text(&results(vec![late]));
    let row = "failures  CrucibleCore  INVALID 5,000     –    –    –    –      –    –            –            –        30.0 µs\n";
    assert!(shown.contains(row), "{shown}");
    assert!(
        shown.contains("failures, CrucibleCore: INVALID: the pacer was 150000 ns late at P50"),
        "{shown}"
    );
    assert!(shown.contains("– p99<5ms  failures, CrucibleCore: not judged"), "{shown}");
}

#[test]
fn of_a_load_that_was_stopped_what_was_measured_until_then_is_shown() {
    let mut stopped = system();
    stopped.run.pacing.invalid = Some(InvalidLoad::Stopped { offered: 5_000 });
    let shown = text(&results(vec![stopped]));
    let row = "failures  CrucibleCore  stopped 5,000  80.0 µs  80.0 µs  160 µs  240 µs";
    assert!(shown.contains(row) && !shown.contains("INVALID"), "{shown}");
}

#[test]
fn seconds_are_told_one_by_one_and_in_a_few_words() {
    let results = results(vec![system()]);
    let expected = "\
failures, CrucibleCore: second by second
s    offered /s  done /s  backlog      P50     P99     max  service P50  errors
1.0       5,000   11,500       14  80.0 µs  240 µs  720 µs            –     300

";
    assert_eq!(seconds(&results.figures), expected);
    assert_eq!(state(&system().seconds[0]), "5,000/s · backlog 14 · P99 240 µs · 300 errors");
}

#[test]
fn known_answers_stand_beside_what_theory_says() {
    let answer = |holds, lost| KnownAnswer {
        name: "known_answers/mean_wait".to_owned(),
        system: "CrucibleCore".to_owned(),
        what: "mean wait".to_owned(),
        expected: "200.0 µs ± 10 %".to_owned(),
        measured: "203.1 µs".to_owned(),
        holds,
        lost_percent: lost,
    };
    let known_answers = vec![
        answer(true, Some(3.0)),
        answer(false, Some(0.3)),
        answer(false, Some(3.0)),
        answer(false, None),
    ];
    let results = LoadTesting { figures: Vec::new(), known_answers };
    let expected = "\
Known answers
figure                         system       what        has to be        is            time lost beside it
known_answers/mean_wait  CrucibleCore  mean wait  200.0 µs ± 10 %  203.1 µs         ✓                3.0 %
known_answers/mean_wait  CrucibleCore  mean wait  200.0 µs ± 10 %  203.1 µs         ✗                0.3 %
known_answers/mean_wait  CrucibleCore  mean wait  200.0 µs ± 10 %  203.1 µs  not idle                3.0 %
known_answers/mean_wait  CrucibleCore  mean wait  200.0 µs ± 10 %  203.1 µs         ✗                    –

";
    assert_eq!(text(&results), expected);
}
