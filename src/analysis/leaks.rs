//! Does a system hold more and more? Cycles of the same work, some and two and a half times as many, each in a process
//! of its own and on one thread: what is held at quiet may not depend on how many there were. Counts repeat exactly, so
//! that one block more is one block more. Where it does depend, two and a half times as many again tell a leak, which
//! goes on, from a buffer that found its size late.

use crate::experiment::{GaugeChange, HeapRun, HeapSample};
use crate::results::memory_profiling::{Growth, Held, Residue, Verdict};

/// What a run that counted to its end still holds; none if it did not.
pub fn residue(run: &HeapRun) -> Option<Residue> {
    let left = run.left?;
    let late = &run.quiet[run.quiet.len() / 2..];
    let least = |of: fn(&HeapSample) -> u64| late.iter().map(of).min();
    Some(Residue {
        events: run.events,
        open: Held { blocks: least(|sample| sample.blocks)?, bytes: least(|sample| sample.bytes)? },
        closed: Held { blocks: left.blocks.live, bytes: left.bytes.live },
        gauges: run.gauges.clone(),
    })
}

/// What may not grow. Entries are counted, too: those of a list that has room for more cost no block.
fn amounts(residue: &Residue) -> [u64; AMOUNTS] {
    let Residue { open, closed, gauges, .. } = residue;
    let entries = gauges.iter().map(|gauge| gauge.after).sum();
    [open.blocks, open.bytes, closed.blocks, closed.bytes, entries]
}

/// What two or three runs say; none if there have to be more of them, each with two and a half times the cycles of the
/// one before.
///
/// # Panics
/// With less than two runs, or if a later one published no more than the one before.
pub fn verdict(runs: &[Residue]) -> Option<Verdict> {
    let [first, second] = runs.first_chunk().expect("one run says nothing of growth");
    assert!(runs.is_sorted_by(|a, b| a.events < b.events), "runs get longer");
    let grew = |a: &Residue, b: &Residue| -> [f64; AMOUNTS] {
        let events = (b.events - a.events) as f64;
        std::array::from_fn(|at| (amounts(b)[at] as f64 - amounts(a)[at] as f64) / events)
    };
    let early = grew(first, second);
    if early.iter().all(|&rate| rate <= 0.0) {
        return Some(Verdict::Clean);
    }
    let third = runs.get(2)?;
    let late = grew(second, third);
    let goes_on = |at: usize| late[at] > 0.0 && late[at] >= early[at] * STILL_AS_FAST;
    let growth = Growth {
        // The least of the last half of a run that leaks is what it held half-way.
        blocks_per_event: (late[0] * 2.0).max(late[2]).max(0.0),
        bytes_per_event: (late[1] * 2.0).max(late[3]).max(0.0),
        outlives_the_system: late[2] > 0.0 || late[3] > 0.0,
    };
    Some(if (0..AMOUNTS).any(|at| early[at] > 0.0 && goes_on(at)) {
        Verdict::Leaking(growth)
    } else if (0..AMOUNTS).any(|at| early[at] > 0.0 && late[at] > 0.0) {
        Verdict::Unclear(growth)
    } else {
        Verdict::Clean
    })
}

/// Blocks and bytes while open and after closing, and entries.
const AMOUNTS: usize = 5;

/// A leak goes on at the same rate. A vector that is its only trace doubles at unequal distances.
const STILL_AS_FAST: f64 = 0.5;

/// The structures that gained entries from one run to a longer one: they hold what leaks. By how much per event, the
/// fastest first.
pub fn holders(shorter: &Residue, longer: &Residue) -> Vec<(String, f64)> {
    let gained = |gauge: &GaugeChange| gauge.after as f64 - gauge.before as f64;
    let events = longer.events.saturating_sub(shorter.events).max(1) as f64;
    let mut holders: Vec<_> = longer
        .gauges
        .iter()
        .filter_map(|gauge| {
            let then =
                shorter.gauges.iter().find(|other| other.structure == gauge.structure).map_or(0.0, gained);
            let rate = (gained(gauge) - then) / events;
            (rate > 0.0).then(|| (gauge.structure.clone(), rate))
        })
        .collect();
    holders.sort_by(|a, b| b.1.total_cmp(&a.1));
    holders
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `held` says of so many cycles of 1,000 events.
    fn runs(held: impl Fn(u64) -> Held) -> Vec<Residue> {
        let sample = |cycle: u64| {
            let Held { blocks, bytes } = held(cycle);
            HeapSample { events: cycle * 1_000, blocks, bytes }
        };
        let residue = |cycles: u64| {
            let late: Vec<_> = (cycles / 2..=cycles).map(sample).collect();
            let least = |of: fn(&HeapSample) -> u64| late.iter().map(of).min().expect("some");
            Residue {
                events: cycles * 1_000,
                open: Held { blocks: least(|s| s.blocks), bytes: least(|s| s.bytes) },
                closed: Held::default(),
                gauges: Vec::new(),
            }
        };
        [40, 100, 250].map(residue).to_vec()
    }

    fn judged(held: impl Fn(u64) -> Held) -> Verdict {
        let runs = runs(held);
        verdict(&runs[..2]).or_else(|| verdict(&runs)).expect("three runs always say something")
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
    fn what_stays_after_the_end_is_said() {
        let residue = |events: u64| Residue {
            events,
            open: held(10, 100),
            closed: held(events / 1_000, events),
            gauges: Vec::new(),
        };
        let runs = [residue(10_000), residue(25_000), residue(62_500)];
        assert_eq!(verdict(&runs[..2]), None, "two runs do not tell a leak from a late buffer");
        let Some(Verdict::Leaking(growth)) = verdict(&runs) else { panic!("it goes on") };
        assert!(growth.outlives_the_system);
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
        let residue = |events: u64| {
            let gauges =
                vec![GaugeChange { structure: "list".to_owned(), before: 0, after: events / 100_000 }];
            Residue { events, open: held(10, 100), closed: Held::default(), gauges }
        };
        let runs = [80_000, 200_000, 500_000].map(residue);
        assert!(matches!(verdict(&runs), Some(Verdict::Leaking(_))));
    }

    #[test]
    fn who_gained_entries_holds() {
        let gauge =
            |structure: &str, after| GaugeChange { structure: structure.to_owned(), before: 5, after };
        let residue =
            |events, gauges| Residue { events, open: Held::default(), closed: Held::default(), gauges };
        let shorter = residue(1_000, vec![gauge("window", 1_005), gauge("letters", 5)]);
        let longer = residue(3_000, vec![gauge("window", 1_005), gauge("letters", 25), gauge("new", 7)]);
        assert_eq!(holders(&shorter, &longer), [("letters".to_owned(), 0.01), ("new".to_owned(), 0.001)]);
    }
}
