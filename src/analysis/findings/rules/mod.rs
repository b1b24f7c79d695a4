//! The rules, by the target whose figures they read.

mod bottlenecks;
mod comparison;
mod counts;
mod daemon;
mod growth;
mod heap;
mod latency;
mod limits;
mod loads;

use super::context::Pair;
use super::node::{Found, Missing};
use super::sentence::{Figure, Quantity, Sentence, say};
use super::verdict::{Compared, Verdict};
use super::{Context, Rule, Sentences};

pub(super) use comparison::side_by_side as side_by_side_ratios;
pub(super) use daemon::{graded, ratios};
pub(super) use growth::grown;
pub(super) use heap::{leak_free, outcomes, peak, per_event};
pub(super) use latency::latencies;
pub(super) use limits::limit_ratios;
pub(super) use loads::{fewer, lost, lost_in_failures, p99s};

/// All of them, in the order in which they are read.
pub(super) const ALL: &[Rule] = &[
    Rule {
        name: "comparison",
        asks: "the systems side by side, block by block",
        find: comparison::comparisons,
    },
    Rule {
        name: "comparison/noise",
        asks: "what the machine could not tell from noise",
        find: comparison::noise,
    },
    Rule { name: "bottlenecks", asks: "what holds systems back", find: bottlenecks::bottlenecks },
    Rule { name: "throughput/idle", asks: "throughput with handlers that do nothing", find: daemon::idle },
    Rule {
        name: "throughput/handler_time",
        asks: "throughput when handlers take time",
        find: daemon::handler_time,
    },
    Rule { name: "throughput/threads", asks: "throughput on more threads than one", find: daemon::threads },
    Rule {
        name: "latency/sooner",
        asks: "which system is done sooner at equal offered load",
        find: latency::sooner,
    },
    Rule { name: "latency/graded", asks: "latency at equal offered load", find: latency::graded },
    Rule { name: "latency/near_limit", asks: "latency near the limit", find: latency::near_limit },
    Rule { name: "grades", asks: "the grades of the medium scenario", find: daemon::grades },
    Rule { name: "load/burst", asks: "response times in bursts", find: loads::burst },
    Rule { name: "failures/lost", asks: "deliveries lost when services fail", find: loads::failures },
    Rule { name: "failures/recovery", asks: "the time to recover from failures", find: loads::recovery },
    Rule { name: "heap/per_event", asks: "heap asked for by each event", find: heap::usage },
    Rule { name: "heap/peak", asks: "the most heap that is held", find: heap::peaks },
    Rule { name: "leaks", asks: "whether systems leak", find: heap::leaks },
    Rule { name: "memory/pressure", asks: "what happens when memory runs out", find: heap::pressure },
    Rule { name: "limits", asks: "the highest sustained rate", find: limits::limits },
    Rule { name: "overload", asks: "what overload does", find: limits::overload },
    Rule { name: "growth", asks: "how throughput goes with size", find: growth::growth },
    Rule { name: "counts", asks: "instructions of each kernel against its own past", find: counts::counts },
];

/// The sentences of all pairs; the first reason if there is none at all.
fn of_pairs(context: &Context<'_>, mut find: impl FnMut(&Pair) -> Sentences) -> Sentences {
    let mut all = Vec::new();
    let mut missing = None;
    for pair in &context.pairs {
        match find(pair) {
            Ok(sentences) => all.extend(sentences),
            Err(why) => missing = missing.or(Some(why)),
        }
    }
    match missing {
        Some(why) if all.is_empty() => Err(why),
        _ => Ok(all),
    }
}

/// What there is of several; the first reason if there is nothing.
fn those_there<T>(all: impl IntoIterator<Item = Found<T>>) -> Found<Vec<T>> {
    let (mut there, mut missing) = (Vec::new(), None);
    for one in all {
        match one {
            Ok(one) => there.push(one),
            Err(why) => missing = missing.or(Some(why)),
        }
    }
    match missing {
        Some(why) if there.is_empty() => Err(why),
        _ => Ok(there),
    }
}

/// A part for each system, side by side; of whom there is none it says so. The first reason if there is nothing at all.
fn side_by_side(context: &Context<'_>, of: impl Fn(&str) -> Found<Sentence>) -> Found<Sentence> {
    let all: Vec<(String, Found<Sentence>)> =
        context.systems().into_iter().map(|system| (system.clone(), of(&system))).collect();
    if let (false, Some((_, Err(why)))) = (all.iter().any(|(_, part)| part.is_ok()), all.first()) {
        return Err(why.clone());
    }
    let part =
        |(system, part): (String, Found<Sentence>)| part.unwrap_or_else(|_| say![system, " not measured"]);
    Ok(Sentence::joined(all.into_iter().map(part), "; "))
}

/// How many of the comparisons, resting on all of them.
pub(super) fn tally(some: usize, all: &[Compared]) -> Figure {
    Figure::computed(all.iter().map(|compared| &compared.figure), Quantity::Of(some, all.len()))
}

/// Those with a verdict.
pub(super) fn with(verdict: Verdict, all: &[Compared]) -> Vec<&Compared> {
    all.iter().filter(|compared| compared.verdict == verdict).collect()
}

/// A system that has more than another, and where; ratios are its own over the other's, the smallest first.
struct Ahead<'p> {
    better: &'p String,
    worse: &'p String,
    where_it_is: Vec<Compared>,
}

/// The candidate where it has more, and the baseline where that has more: one, both or none.
fn ahead<'p>(pair: &'p Pair, all: &[Compared]) -> Vec<Ahead<'p>> {
    let Pair { baseline, candidate } = pair;
    let candidates = with(Verdict::More, all).into_iter().cloned().collect();
    let baselines = with(Verdict::Less, all).into_iter().map(Compared::inverted).collect();
    let sides = [(candidate, baseline, candidates), (baseline, candidate, baselines)];
    let sorted = |(better, worse, mut where_it_is): (_, _, Vec<Compared>)| {
        where_it_is.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
        (!where_it_is.is_empty()).then_some(Ahead { better, worse, where_it_is })
    };
    sides.into_iter().filter_map(sorted).collect()
}

/// A ratio with the name of what was compared.
fn named(compared: &Compared) -> Sentence {
    say![&compared.figure, " (", &compared.name, ")"]
}

/// From the smallest to the largest, or the only one.
fn range(sorted: &[Compared]) -> Sentence {
    match sorted {
        [only] => named(only),
        [first, .., last] => Sentence::joined([named(first), named(last)], " to "),
        [] => Sentence(Vec::new()),
    }
}

fn nothing(what: &str) -> Missing {
    Missing::new(what, "not in the results")
}
