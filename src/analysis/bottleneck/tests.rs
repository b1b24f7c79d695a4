use super::*;
use crate::experiment::bottleneck::Response;
use crate::measure::Reading;
use crate::measure::threads::{Activity, ThreadsSeen};

/// So little that no bound is met by rounding.
const HAIR: f64 = 1e-6;

fn answer(ratio: f64) -> Reading<Response> {
    Reading::Value(Response { ratio, if_limit: 0.5, cost: Some(1.0) })
}

/// Four workers on two cores that they use up, with all answers as the CPU gives them.
pub(crate) fn cpu_bound() -> Observation {
    let seen = ThreadsSeen {
        lasting_ns: 1_000_000_000,
        samples: 140,
        activity: Activity { running: 2.0, waiting_for_core: 2.0, ..Activity::default() },
        one_at_work: 1.0,
        beside: 0.0,
        others: Reading::Value(0.0),
        lock: None,
        minor_faults: 0,
        major_faults: 0,
        cpu_ns: 2_000_000_000,
        system_share: Some(0.0),
        memory_pressure: Reading::Value(0.0),
        threads: Vec::new(),
    };
    Observation {
        cores: 2,
        workers: 4,
        in_excess: true,
        per_second: 1_000.0,
        seen,
        half_the_cores: answer(0.5),
        slower_cores: answer(0.5),
        held_calls: Reading::absent("no thread was blocked in such a call"),
    }
}

/// The same with one thread at work and three that wait to be told.
pub(crate) fn serial() -> Observation {
    let mut seen = cpu_bound();
    seen.seen.activity = Activity { running: 1.0, parked: 3.0, ..Activity::default() };
    seen.half_the_cores = answer(1.0);
    seen
}

/// Four threads, of which so much is blocked by what `change` says, and all answers as such calls give them.
fn blocked(share: f64, change: impl Fn(&mut Activity, f64)) -> Observation {
    let mut seen = cpu_bound();
    seen.seen.activity = Activity { running: 4.0 * (1.0 - share), ..Activity::default() };
    change(&mut seen.seen.activity, 4.0 * share);
    (seen.half_the_cores, seen.slower_cores, seen.held_calls) = (answer(1.0), answer(0.5), answer(0.5));
    seen
}

fn verdict_on(change: impl FnOnce(&mut Observation)) -> Bottleneck {
    let mut seen = cpu_bound();
    change(&mut seen);
    judge(&seen).bottleneck
}

#[test]
fn cores_that_are_used_up_are_the_limit_and_their_figures_say_so() {
    let verdict = judge(&cpu_bound());
    assert_eq!((verdict.bottleneck, verdict.looked_like, &verdict.why), (Bottleneck::Cpu, None, &None));
    let figures: Vec<Figure> = verdict.evidence.iter().map(|evidence| evidence.figure).collect();
    assert_eq!(figures, [Figure::CoresUsed, Figure::WithSlowerCores, Figure::WithHalfTheCores]);
    assert_eq!(verdict.evidence[0].bound, Bound::AtLeast(2.0 * rules::CORES_USED));
}

#[test]
fn cores_that_are_not_used_up_are_not() {
    let with = |running| verdict_on(|seen| seen.seen.activity = Activity { running, ..Activity::default() });
    assert_eq!(with(2.0 * rules::CORES_USED), Bottleneck::Cpu);
    assert_eq!(with(2.0 * rules::CORES_USED - HAIR), Bottleneck::Unclear, "half of them are not enough");
}

#[test]
fn who_brings_the_load_uses_cores_too() {
    let with = |beside| {
        verdict_on(|seen| {
            seen.seen.activity = Activity { running: 1.2, ..Activity::default() };
            seen.seen.beside = beside;
        })
    };
    assert_eq!([with(0.4), with(0.3)], [Bottleneck::Cpu, Bottleneck::Unclear]);
}

#[test]
fn who_brings_the_load_may_be_the_limit() {
    let with = |beside| verdict_on(|seen| seen.seen.beside = beside);
    assert_eq!([with(rules::BESIDE - HAIR), with(rules::BESIDE)], [Bottleneck::Cpu, Bottleneck::Unclear]);
}

#[test]
fn too_few_samples_tell_nothing() {
    let with = |samples| verdict_on(|seen| seen.seen.samples = samples);
    assert_eq!(
        [with(rules::LEAST_SAMPLES), with(rules::LEAST_SAMPLES - 1)],
        [Bottleneck::Cpu, Bottleneck::Unclear]
    );
}

#[test]
fn nothing_limits_what_has_nothing_more_to_do() {
    assert_eq!(verdict_on(|seen| seen.in_excess = false), Bottleneck::NotSaturated);
}

#[test]
fn who_is_hardly_ever_at_work_waits_for_something_outside() {
    let with = |running, waiting_for_core, half_the_cores| {
        verdict_on(|seen| {
            seen.seen.activity = Activity { running, waiting_for_core, parked: 3.0, ..Activity::default() };
            (seen.seen.one_at_work, seen.half_the_cores) = (0.6, answer(half_the_cores));
        })
    };
    assert_eq!(with(0.4, rules::AT_WORK - 0.4, 1.0), Bottleneck::Outside);
    assert_eq!(with(0.4, rules::AT_WORK - 0.4 + HAIR, 1.0), Bottleneck::Unclear);
    assert_eq!(with(0.4, 0.0, 0.7), Bottleneck::Unclear, "fewer cores slow it down");
}

#[test]
fn calls_are_told_by_what_they_are_on_and_the_larger_part_first() {
    let on_sockets = |share| judge(&blocked(share, |activity, threads| activity.socket = threads)).bottleneck;
    assert_eq!(on_sockets(rules::NETWORK), Bottleneck::Network);
    assert_ne!(on_sockets(rules::NETWORK - HAIR), Bottleneck::Network);
    let on_files = |share| judge(&blocked(share, |activity, threads| activity.file = threads)).bottleneck;
    assert_eq!(on_files(rules::IO), Bottleneck::Io);
    assert_ne!(on_files(rules::IO - HAIR), Bottleneck::Io);
    let both = |file: f64| {
        judge(&blocked(0.8, |activity, threads| {
            (activity.file, activity.socket) = (file * threads, (1.0 - file) * threads);
        }))
    };
    assert_eq!(
        [both(0.6), both(0.4)].map(|verdict| verdict.bottleneck),
        [Bottleneck::Io, Bottleneck::Network]
    );
}

#[test]
fn a_call_that_can_be_held_without_loss_limits_nothing() {
    let mut seen = blocked(0.9, |activity, threads| activity.file = threads);
    seen.held_calls = answer(0.9);
    let verdict = judge(&seen);
    assert_eq!((verdict.bottleneck, verdict.looked_like), (Bottleneck::Unclear, Some(Bottleneck::Io)));
    seen.held_calls = Reading::absent("ptrace: EPERM");
    let verdict = judge(&seen);
    assert_eq!(verdict.looked_like, Some(Bottleneck::Io));
    assert!(verdict.why.is_some_and(|why| why.ends_with("ptrace: EPERM")));
}

#[test]
fn locks_are_told_by_who_waits_for_them_and_by_doing_as_much_on_half_the_cores() {
    let locks = |share| blocked(share, |activity, threads| activity.lock = threads);
    assert_eq!(judge(&locks(rules::LOCK)).bottleneck, Bottleneck::ThreadContention);
    assert_ne!(judge(&locks(rules::LOCK - HAIR)).bottleneck, Bottleneck::ThreadContention);
    let seen = Observation { half_the_cores: answer(0.6), ..locks(0.5) };
    assert_eq!(judge(&seen).looked_like, Some(Bottleneck::ThreadContention));
}

#[test]
fn what_is_done_under_a_lock_goes_before_the_lock() {
    let seen =
        blocked(0.9, |activity, threads| (activity.lock, activity.file) = (0.75 * threads, 0.25 * threads));
    assert_eq!(judge(&seen).bottleneck, Bottleneck::Io);
}

#[test]
fn memory_is_many_faults_that_take_much_of_the_cpu_time() {
    let faults = rules::FAULTS_PER_CPU_SECOND * 2.0;
    let with = |minor_faults: f64, system_share| {
        verdict_on(|seen| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a whole number
            let minor_faults = minor_faults as u64;
            (seen.seen.minor_faults, seen.seen.system_share) = (minor_faults, system_share);
        })
    };
    assert_eq!(with(faults, Some(rules::SYSTEM_SHARE)), Bottleneck::Memory);
    assert_eq!(with(faults - 1.0, Some(rules::SYSTEM_SHARE)), Bottleneck::Cpu);
    assert_eq!(with(faults, Some(rules::SYSTEM_SHARE - HAIR)), Bottleneck::Cpu);
    assert_eq!(with(faults, None), Bottleneck::Cpu);
}

#[test]
fn memory_is_being_blocked_over_it() {
    let memory = |share| judge(&blocked(share, |activity, threads| activity.memory = threads)).bottleneck;
    assert_eq!(memory(rules::BLOCKED_ON_MEMORY), Bottleneck::Memory);
    assert_ne!(memory(rules::BLOCKED_ON_MEMORY - HAIR), Bottleneck::Memory);
}

#[test]
fn the_machine_s_memory_pressure_counts_for_whoever_waits_for_its_disk() {
    let with = |pressure, major_faults| {
        verdict_on(|seen| {
            seen.seen.memory_pressure = pressure;
            seen.seen.major_faults = major_faults;
        })
    };
    let pressed = || Reading::Value(rules::MEMORY_PRESSURE);
    assert_eq!(with(pressed(), 50), Bottleneck::Memory);
    assert_eq!(with(pressed(), 49), Bottleneck::Cpu);
    assert_eq!(with(Reading::Value(rules::MEMORY_PRESSURE - HAIR), 50), Bottleneck::Cpu);
    assert_eq!(with(Reading::absent("no PSI"), 50), Bottleneck::Cpu);
}

#[test]
fn one_at_a_time_while_the_others_wait_is_a_serial_stage() {
    let with = |one_at_work, running| {
        let mut seen = serial();
        (seen.seen.one_at_work, seen.seen.activity.running) = (one_at_work, running);
        judge(&seen)
    };
    assert_eq!(with(rules::ONE_AT_WORK, 1.0).bottleneck, Bottleneck::SerialStage);
    assert_eq!(with(rules::ONE_AT_WORK - HAIR, 1.0).bottleneck, Bottleneck::Unclear);
    assert_eq!(with(1.0, 2.0 * rules::CORES_USED - HAIR).bottleneck, Bottleneck::SerialStage);
    assert_eq!(with(1.0, 2.0 * rules::CORES_USED).looked_like, Some(Bottleneck::Cpu));
}

#[test]
fn a_serial_stage_does_as_much_on_half_the_cores_and_less_on_slower_ones() {
    let verdict = judge(&Observation { half_the_cores: answer(confirm::STAYS - HAIR), ..serial() });
    assert_eq!(verdict.looked_like, Some(Bottleneck::SerialStage));
    let verdict = judge(&Observation { slower_cores: answer(0.75 + HAIR), ..serial() });
    assert_eq!(verdict.looked_like, Some(Bottleneck::SerialStage));
    let met = Observation { half_the_cores: answer(confirm::STAYS), slower_cores: answer(0.75), ..serial() };
    assert_eq!(judge(&met).bottleneck, Bottleneck::SerialStage);
}

#[test]
fn where_one_thread_or_one_core_is_all_there_is_nothing_is_serial() {
    for (cores, workers) in [(1, 4), (4, 1)] {
        let mut seen = Observation { cores, workers, ..serial() };
        seen.half_the_cores = Reading::absent("there is one core, or one thread");
        assert_eq!(judge(&seen).bottleneck, Bottleneck::Cpu, "{cores} cores, {workers} workers");
    }
}

#[test]
fn work_that_gets_cheaper_with_half_the_cores_is_contended_without_a_lock() {
    let with = |ratio, cost| {
        let half_the_cores = Reading::Value(Response { ratio, if_limit: 0.5, cost: Some(cost) });
        judge(&Observation { half_the_cores, ..cpu_bound() })
    };
    assert_eq!(with(confirm::STAYS, rules::CHEAPER).bottleneck, Bottleneck::ThreadContention);
    let dearer = with(0.75 + HAIR, rules::CHEAPER + HAIR);
    assert_eq!((dearer.bottleneck, dearer.looked_like), (Bottleneck::Unclear, Some(Bottleneck::Cpu)));
    assert_eq!(with(0.75 - HAIR, rules::CHEAPER).bottleneck, Bottleneck::Cpu);
}

/// Four threads on two cores, of which others have a half.
fn disturbed() -> Observation {
    let mut seen = cpu_bound();
    seen.seen.activity = Activity { running: 0.9, waiting_for_core: 1.1, ..Activity::default() };
    (seen.seen.others, seen.half_the_cores) = (Reading::Value(rules::OTHERS_ON_CORES), answer(1.0));
    seen
}

#[test]
fn with_others_on_the_cores_it_is_unclear() {
    let mut seen = disturbed();
    let verdict = judge(&seen);
    assert_eq!((verdict.bottleneck, verdict.looked_like), (Bottleneck::Unclear, None));
    assert!(verdict.why.is_some_and(|why| why.contains("others were on the cores")));
    let figures: Vec<Figure> = verdict.evidence.iter().map(|evidence| evidence.figure).collect();
    assert_eq!(figures, [Figure::WaitingForCore, Figure::OthersOnCores]);
    (seen.seen.minor_faults, seen.seen.system_share) = (1_000_000, Some(0.9));
    assert_eq!(judge(&seen).bottleneck, Bottleneck::Memory, "shares of what CPU time it had");
}

#[test]
fn it_takes_threads_that_would_use_the_cores_and_others_who_do() {
    let with = |waiting_for_core, others| {
        let mut seen = disturbed();
        seen.seen.activity.waiting_for_core = waiting_for_core;
        seen.seen.others = others;
        judge(&seen).bottleneck
    };
    let (waiting, working) = (2.0 * rules::CORES_USED - 0.9, Reading::Value(rules::OTHERS_ON_CORES));
    assert_eq!(with(waiting, working.clone()), Bottleneck::Unclear);
    assert_eq!(with(waiting - HAIR, working), Bottleneck::SerialStage);
    assert_eq!(with(waiting, Reading::Value(rules::OTHERS_ON_CORES - HAIR)), Bottleneck::SerialStage);
    assert_eq!(with(waiting, Reading::absent("no /proc/stat")), Bottleneck::Unclear);
}
