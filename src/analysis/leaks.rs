//! Does a system hold more and more? Cycles of the same work, some and three times as many, each in a process of its own
//! and on one thread: what is held at quiet may not depend on how many there were. Counts repeat exactly, so that one
//! block more is one block more. Where it does depend, three times as many again tell a leak, which goes on, from a
//! buffer that found its size late.
//!
//! What fills and is emptied again is told by the least that it holds in the last half of a run, which of a leak is what
//! was held half-way: of two runs the halves count. From half-way through one to half-way through the next there are as
//! many events as the shorter run has, and what leaks a block in so many is found.

use std::collections::BTreeSet;

use crate::experiment::{Entries, HeapRun, HeapSample, half_way};
use crate::results::memory_profiling::{Growth, Held, Residue, Verdict};

/// How much longer each run is than the one before.
pub const TIMES_AS_LONG: u64 = 3;

/// What a run that counted to its end still holds; none if it did not.
pub fn residue(run: &HeapRun) -> Option<Residue> {
    let left = run.left?;
    let late = &run.quiet[half_way(run.quiet.len())..];
    let least = |of: fn(&HeapSample) -> u64| late.iter().map(of).min();
    Some(Residue {
        events: run.events,
        half_way: late.first()?.events,
        open: Held { blocks: least(|sample| sample.blocks)?, bytes: least(|sample| sample.bytes)? },
        closed: Held { blocks: left.blocks.live, bytes: left.bytes.live },
        gauges: run.gauges.clone(),
    })
}

/// What two or three runs say; none if there has to be one more, [`TIMES_AS_LONG`] as the last.
///
/// # Panics
/// With less than two runs, or if a later one published no more than the one before.
pub fn verdict(runs: &[Residue]) -> Option<Verdict> {
    assert!(runs.len() > 1, "one run says nothing of growth");
    assert!(runs.is_sorted_by(|a, b| a.half_way < b.half_way && a.events < b.events), "runs get longer");
    let trends: Option<Vec<Trend>> = amounts(runs).iter().map(|amount| trend(amount)).collect();
    Some(match trends?.into_iter().max() {
        Some(Trend::GoesOn) => Verdict::Leaking(growth(runs)),
        Some(Trend::Slows) => Verdict::Unclear(growth(runs)),
        Some(Trend::Ends) | None => Verdict::Clean,
    })
}

/// Held after so many events, run by run.
type Amount = Vec<(u64, u64)>;

/// All that may not grow. Each structure is one: where one shrinks, another may still leak. Entries of a list that has room
/// for more cost no block.
fn amounts(runs: &[Residue]) -> Vec<Amount> {
    let structures: BTreeSet<&str> =
        runs.iter().flat_map(|run| &run.gauges).map(|gauge| &*gauge.structure).collect();
    let beyond = |run: &Residue, name: &str| gauge(run, name).map_or(0, beyond_bound);
    let of_structure =
        |name: &str| runs.iter().map(|run| (run.half_way, beyond(run, name))).collect::<Amount>();
    let mut amounts = vec![
        open(runs, |held| held.blocks),
        open(runs, |held| held.bytes),
        closed(runs, |held| held.blocks),
        closed(runs, |held| held.bytes),
    ];
    amounts.extend(structures.into_iter().map(of_structure));
    amounts
}

fn open(runs: &[Residue], of: fn(&Held) -> u64) -> Amount {
    runs.iter().map(|run| (run.half_way, of(&run.open))).collect()
}

fn closed(runs: &[Residue], of: fn(&Held) -> u64) -> Amount {
    runs.iter().map(|run| (run.events, of(&run.closed))).collect()
}

fn gauge<'a>(run: &'a Residue, structure: &str) -> Option<&'a Entries> {
    run.gauges.iter().find(|gauge| gauge.structure == structure)
}

/// One that keeps no more than it may does what it is there for.
fn beyond_bound(gauge: &Entries) -> u64 {
    gauge.least.saturating_sub(gauge.bound.unwrap_or(0))
}

/// The worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trend {
    Ends,
    Slows,
    GoesOn,
}

/// Of an amount that grew two runs do not tell it.
fn trend(amount: &[(u64, u64)]) -> Option<Trend> {
    let mut steps = amount.windows(2).map(|step| {
        let ((events, held), (later, then)) = (step[0], step[1]);
        (u128::from(then.saturating_sub(held)), u128::from(later - events))
    });
    let (early, meanwhile) = steps.next()?;
    if early == 0 {
        return Some(Trend::Ends);
    }
    let (late, then) = steps.next()?;
    Some(match late {
        0 => Trend::Ends,
        // A leak goes on at the same rate. Told by whole blocks it may seem to have halved: one of 3.03 blocks in the late
        // step of 1.01 in the early one may be seen as three after two. A vector that is its only trace doubles at
        // unequal distances, too.
        _ if 2 * late * meanwhile >= early * then => Trend::GoesOn,
        _ => Trend::Slows,
    })
}

/// From the last run but one to the last.
fn growth(runs: &[Residue]) -> Growth {
    let last = &runs[runs.len() - 2..];
    let rate = |amount: Amount| {
        let ((events, held), (later, then)) = (amount[0], amount[1]);
        then.saturating_sub(held) as f64 / (later - events) as f64
    };
    let of = |part: fn(&Held) -> u64| (rate(open(last, part)), rate(closed(last, part)));
    let (blocks, bytes) = (of(|held| held.blocks), of(|held| held.bytes));
    Growth {
        blocks_per_event: blocks.0.max(blocks.1),
        bytes_per_event: bytes.0.max(bytes.1),
        outlives_the_system: blocks.1 > 0.0 || bytes.1 > 0.0,
    }
}

/// The structures that gained entries from one run to a longer one: they hold what leaks. By how much per event, the
/// fastest first.
pub fn holders(shorter: &Residue, longer: &Residue) -> Vec<(String, f64)> {
    let events = longer.half_way.saturating_sub(shorter.half_way).max(1) as f64;
    let gained = |now: &Entries| {
        now.least.saturating_sub(gauge(shorter, &now.structure).map_or(0, |before| before.least))
    };
    let mut holders: Vec<_> = longer
        .gauges
        .iter()
        .filter(|now| gained(now) > 0)
        .map(|now| (now.structure.clone(), gained(now) as f64 / events))
        .collect();
    holders.sort_by(|a, b| b.1.total_cmp(&a.1));
    holders
}

#[cfg(test)]
mod tests {
    use super::*;

    const CYCLES: [u64; 3] = [40, 120, 360];

    fn entries(structure: &str, least: u64, bound: Option<u64>) -> Entries {
        Entries { structure: structure.to_owned(), least, bound }
    }

    /// What `held` and `gauges` say of so many cycles of 1,000 events; nothing stays when the system is closed.
    fn runs_with(held: impl Fn(u64) -> Held, gauges: impl Fn(u64) -> Vec<Entries>) -> Vec<Residue> {
        let residue = |cycles: u64| {
            let late = || cycles / 2 + 1..=cycles;
            let least = |of: fn(Held) -> u64| late().map(|cycle| of(held(cycle))).min().expect("some");
            Residue {
                events: cycles * 1_000,
                half_way: (cycles / 2 + 1) * 1_000,
                open: Held { blocks: least(|h| h.blocks), bytes: least(|h| h.bytes) },
                closed: Held::default(),
                gauges: gauges(cycles),
            }
        };
        CYCLES.map(residue).to_vec()
    }

    fn judged_by(runs: &[Residue]) -> Verdict {
        verdict(&runs[..2]).or_else(|| verdict(runs)).expect("three runs always say something")
    }

    fn judged(held: impl Fn(u64) -> Held) -> Verdict {
        judged_by(&runs_with(held, |_| Vec::new()))
    }

    fn judged_by_gauges(gauges: impl Fn(u64) -> Vec<Entries>) -> Verdict {
        judged_by(&runs_with(|_| held(10, 100), gauges))
    }

    fn held(blocks: u64, bytes: u64) -> Held {
        Held { blocks, bytes }
    }

    #[test]
    fn what_goes_on_is_a_leak() {
        let Verdict::Leaking(growth) = judged(|cycle| held(100 + cycle / 5, 1000 + cycle / 5 * 24)) else {
            panic!("a block every 5,000 events")
        };
        assert_eq!((growth.blocks_per_event, growth.bytes_per_event), (2e-4, 48e-4));
        assert!(!growth.outlives_the_system);
        // A list of numbers that nobody takes out: one block, which doubles.
        let list = |cycle: u64| held(1, (cycle * 1_000).next_power_of_two() * 8);
        assert!(matches!(judged(list), Verdict::Leaking(_)), "{:?}", judged(list));
    }

    #[test]
    fn a_block_in_as_many_events_as_the_shorter_run_has_is_found_whenever_it_begins() {
        let promised = CYCLES[0];
        for every in 1..=promised {
            for phase in 0..every {
                let leaks = |cycle: u64| held(100 + (cycle + phase) / every, 1_000);
                let verdict = judged(leaks);
                assert!(matches!(verdict, Verdict::Leaking(_)), "1 in {every} after {phase}: {verdict:?}");
            }
        }
    }

    #[test]
    fn what_stays_after_the_end_is_said() {
        let residue = |events: u64| Residue {
            events,
            half_way: events / 2,
            open: held(10, 100),
            closed: held(events / 1_000, events),
            gauges: Vec::new(),
        };
        let runs = [residue(10_000), residue(30_000), residue(90_000)];
        assert_eq!(verdict(&runs[..2]), None, "two runs do not tell a leak from a late buffer");
        let Some(Verdict::Leaking(growth)) = verdict(&runs) else { panic!("it goes on") };
        assert!(growth.outlives_the_system);
        assert_eq!((growth.blocks_per_event, growth.bytes_per_event), (1e-3, 1.0));
    }

    #[test]
    fn what_finds_its_size_is_clean() {
        assert_eq!(judged(|_| held(100, 1_000)), Verdict::Clean, "flat");
        assert_eq!(judged(|cycle| held(100 + cycle.min(15), 1_000)), Verdict::Clean, "warm-up");
        assert_eq!(judged(|cycle| held(100 + cycle % 20 * 7, 1_000)), Verdict::Clean, "fills and clears");
        let doubles = |cycle: u64| held(100, if cycle < 45 { 4_096 } else { 8_192 });
        assert_eq!(judged(doubles), Verdict::Clean, "doubles its capacity in the middle");
        assert_eq!(judged(|cycle| held(100 - cycle.min(50), 1_000)), Verdict::Clean, "shrinks");
    }

    #[test]
    fn what_grows_ever_more_slowly_is_unclear() {
        let fills = |cycle: u64| held(100 + (1_000.0 * (1.0 - (-(cycle as f64) / 30.0).exp())) as u64, 1_000);
        assert!(matches!(judged(fills), Verdict::Unclear(_)), "{:?}", judged(fills));
    }

    #[test]
    fn a_list_that_has_room_is_told_by_its_entries() {
        let list = |cycles| vec![entries("list", cycles / 80, None)];
        assert!(matches!(judged_by_gauges(list), Verdict::Leaking(_)));
    }

    #[test]
    fn a_structure_that_shrinks_hides_none_that_grows() {
        let two = |cycles| vec![entries("list", cycles, None), entries("queue", 1_000 - cycles, None)];
        assert!(matches!(judged_by_gauges(two), Verdict::Leaking(_)));
    }

    #[test]
    fn what_keeps_no_more_than_it_may_is_clean() {
        let keeps = |most| move |cycles| vec![entries("letters", cycles, Some(most))];
        assert_eq!(judged_by_gauges(keeps(360)), Verdict::Clean);
        assert!(matches!(judged_by_gauges(keeps(30)), Verdict::Leaking(_)));
    }

    #[test]
    fn who_gained_entries_holds() {
        let residue = |half_way, gauges| Residue {
            events: half_way * 2,
            half_way,
            open: Held::default(),
            closed: Held::default(),
            gauges,
        };
        let shorter = residue(1_000, vec![entries("window", 1_005, None), entries("letters", 5, Some(100))]);
        let longer = residue(
            3_000,
            vec![entries("window", 1_005, None), entries("letters", 25, Some(100)), entries("new", 2, None)],
        );
        assert_eq!(holders(&shorter, &longer), [("letters".to_owned(), 0.01), ("new".to_owned(), 0.001)]);
    }
}
