use super::*;
use crate::experiment::{Entries, HeapRun, Standing};
use crate::measure::heap::{Amount, Heap};
use crate::results::daemon_performance::ScenarioFacts;
use crate::results::memory_profiling::{Held, LeakSite};
use crate::sut::Publishing;

const fn amount(allocated: u64, live: u64, peak: u64) -> Amount {
    Amount { allocated, live, peak }
}

fn usage_of(system: &str, blocks_per_event: u64) -> SystemUsage {
    let before = Heap { blocks: amount(1_000, 500, 600), bytes: amount(80_000, 40_000, 50_000) };
    let spent = 5_000 * blocks_per_event;
    let after =
        Heap { blocks: amount(1_000 + spent, 510, 600), bytes: amount(80_000 + 64 * spent, 40_640, 50_000) };
    let run = HeapRun {
        events: 5_000,
        deliveries: 15_000,
        ledger: crucible_events::routing::Ledger::default(),
        before,
        after,
        left: Some(Heap::default()),
        quiet: Vec::new(),
        timeline: Vec::new(),
        gauges: Vec::new(),
    };
    SystemUsage { system: system.to_owned(), run }
}

fn run_of(events: u64, held: u64) -> Residue {
    Residue {
        events,
        half_way: events / 2,
        open: Held { blocks: held, bytes: held * 64 },
        closed: Held { blocks: held - 100, bytes: (held - 100) * 64 },
        gauges: vec![Entries { structure: "queue".to_owned(), least: held, bound: None }],
    }
}

fn leak_of(system: &str, verdict: Verdict, held: &[u64]) -> LeakFigure {
    let runs = [400_000, 1_200_000, 3_600_000].into_iter().zip(held);
    LeakFigure {
        name: "leak/batch".to_owned(),
        system: system.to_owned(),
        verdict,
        runs: runs.map(|(events, &held)| run_of(events, held)).collect(),
        sites: Vec::new(),
        holders: Vec::new(),
    }
}

fn leaks() -> Vec<LeakFigure> {
    let growth =
        |outlives_the_system| Growth { blocks_per_event: 2.5e-6, bytes_per_event: 0.24, outlives_the_system };
    let site = LeakSite {
        place: "core::route (publish.rs:240)".to_owned(),
        blocks_per_event: 2.5e-6,
        bytes_per_event: 0.24,
    };
    let holders = vec![("queue".to_owned(), 2.5e-6)];
    vec![
        leak_of("Clean", Verdict::Clean, &[100, 100]),
        LeakFigure {
            sites: vec![site],
            holders,
            ..leak_of("Leaks", Verdict::Leaking(growth(false)), &[100, 101, 104])
        },
        leak_of("Grows", Verdict::Unclear(growth(true)), &[100, 200, 201]),
    ]
}

fn pressed(system: &str, on_full: Full, still: Option<Still>, died: Option<&str>) -> PressureFigure {
    let last = Standing { published: 1_280, accepted: 640, refused: 640, shed: 12, heap: 16 << 20, still };
    PressureFigure {
        name: "pressure/64_kib".to_owned(),
        system: system.to_owned(),
        limit: 32 << 20,
        payload_bytes: 64 << 10,
        on_full,
        last,
        died: died.map(str::to_owned),
    }
}

fn results() -> MemoryProfiling {
    let scenario = ScenarioFacts {
        name: "medium".to_owned(),
        events: 1_000,
        services: 20,
        rules: 50,
        payload_bytes: 1_024,
        fan_out: 3.0,
    };
    let class = |up_to, blocks| SizeClass { up_to, blocks, bytes: blocks * 10 };
    MemoryProfiling {
        usage: vec![UsageFigure {
            name: "stability".to_owned(),
            scenario,
            publishing: Publishing::Batch,
            systems: vec![usage_of("Thirsty", 12), usage_of("Thrifty", 0)],
        }],
        leaks: leaks(),
        pressure: vec![
            pressed("Dies", Full::Wait, None, Some("signal: 6 (SIGABRT)")),
            pressed("Refuses", Full::Refuse, Some(Still::Refuses { why: "no room".to_owned() }), None),
            pressed("Waits", Full::DropLowest, Some(Still::Blocks), None),
            pressed("Holds", Full::Wait, Some(Still::Holds), None),
        ],
        profiles: vec![ProfileFigure {
            system: "Thirsty".to_owned(),
            file: "benchmark_results/thirsty.dhat.json".into(),
            events: 5_000,
            sizes: vec![class(64, 900), class(4_096, 99), class(u64::MAX, 1)],
        }],
    }
}

#[test]
fn all_that_there_is_to_say() {
    insta::assert_snapshot!(text(&results()));
}

#[test]
fn what_was_not_taken_has_no_table() {
    assert_eq!(text(&MemoryProfiling::default()), "");
    let only = text(&MemoryProfiling { leaks: leaks(), ..MemoryProfiling::default() });
    assert!(only.starts_with("Leaks") && !only.contains("Heap use"), "{only}");
}

#[test]
fn a_line_of_blocks_shows_the_course() {
    let samples: Vec<_> =
        [0, 10, 70, 70, 35, 0].into_iter().map(|bytes| HeapSample { events: 0, blocks: 0, bytes }).collect();
    assert_eq!(sparkline(&samples, 6), "▁▂██▄▁");
    assert_eq!(sparkline(&samples, 3), "▂█▄");
    assert_eq!(sparkline(&[], 3), "");
}

#[test]
fn rates_are_told_so_that_they_can_be_said() {
    assert_eq!([0.0, 2.5e-6, 0.01, 1.0, 24.0].map(rate), ["0", "1 in 400,000", "1 in 100", "1.00", "24.0"]);
}
