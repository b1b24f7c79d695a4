//! What to do, from what the figures allow to say. A system against itself gets none.

use super::context::{Context, Pair};
use super::criteria::{Answer, Criterion, throughputs};
use super::rules::{latencies, leak_free, outcomes, p99s, ratios, tally, with};
use super::sentence::{Figure, Quantity, Sentence, say};
use super::verdict::{Compared, Verdict};
use super::{Finding, Topic};
use crate::analysis::daemon_performance::LatencyVerdict;

/// The name of the rule that says which system to ship.
pub(super) const CHOICE: &str = "recommendation/choice";

/// The name of the rule that says what speaks against the candidate.
pub(super) const COSTS: &str = "recommendation/costs";

/// Criteria in which the candidate is held against the baseline.
const AGAINST_THE_BASELINE: [&str; 3] = ["memory_efficiency", "scalability", "resilience"];

/// All recommendations.
pub(super) fn all(context: &Context<'_>, criteria: &[Criterion]) -> Vec<Finding> {
    let mut all = Vec::new();
    for pair in &context.pairs {
        let choice = choice(context, pair).map(|sentence| recommended(CHOICE, sentence));
        let costs = choice.is_some().then(|| costs(context, pair, criteria)).flatten();
        all.extend(choice);
        all.extend(costs.map(|sentence| recommended(COSTS, sentence)));
        all.extend(
            where_it_pays(context, pair)
                .map(|sentence| recommended("recommendation/where_it_pays", sentence)),
        );
    }
    for system in context.systems() {
        all.extend(
            byte_budget(context, &system).map(|sentence| recommended("recommendation/variant", sentence)),
        );
        all.extend(mend_leak(context, &system).map(|sentence| recommended("recommendation/leak", sentence)));
    }
    all
}

fn recommended(rule: &'static str, sentence: Sentence) -> Finding {
    Finding { rule, topic: Topic::Recommendation, sentence }
}

/// Which one to ship.
fn choice(context: &Context<'_>, pair: &Pair) -> Option<Sentence> {
    let all = throughputs(context, pair).ok()?;
    let (more, less) = (with(Verdict::More, &all).len(), with(Verdict::Less, &all).len());
    let tally = |some| tally(some, &all);
    let Pair { baseline, candidate } = pair;
    let told = match (more, less) {
        (0, 0) => return None,
        (0, _) => say![
            "Keep ",
            baseline,
            ": ",
            candidate,
            " is slower in ",
            tally(less),
            " comparisons of throughput, and faster in none",
        ],
        (_, 0) if later(context, pair).is_some() => say![
            "Weigh throughput against latency: ",
            candidate,
            " is faster than ",
            baseline,
            " in ",
            tally(more),
            " comparisons of throughput, and slower in none",
        ],
        (_, 0) => say![
            "Ship ",
            candidate,
            ": it is faster than ",
            baseline,
            " in ",
            tally(more),
            " comparisons of throughput, and slower in none",
        ],
        (_, _) => say![
            "Choose by workload: ",
            candidate,
            " is faster than ",
            baseline,
            " in ",
            tally(more),
            " and slower in ",
            tally(less),
            " comparisons of throughput",
        ],
    };
    let latency = latency(context, pair).unwrap_or_else(|| Sentence(Vec::new()));
    Some(told.with(latency).then("."))
}

/// Who reads of throughput has to know how latency came out; single runs decide nothing.
fn latency(context: &Context<'_>, pair: &Pair) -> Option<Sentence> {
    if let Ok(all) = latencies(context, pair) {
        let of_any = |told| all.tally_of_any(told);
        return Some(say![
            "; under equal load P50, P95 or P99 of its latency is lower in ",
            of_any(LatencyVerdict::Lower),
            " cases and higher in ",
            of_any(LatencyVerdict::Higher),
        ]);
    }
    let (lower, higher) = p99s(context, &pair.candidate, &pair.baseline).ok()?;
    Some(say![
        "; latency is not decided: in single runs under equal load its P99 was lower in ",
        lower,
        " cases and higher in ",
        higher,
    ])
}

/// By which quantiles, and under how many loads, the candidate is shown to be done later.
fn later(context: &Context<'_>, pair: &Pair) -> Option<Sentence> {
    let told = latencies(context, pair).ok()?.later();
    (!told.0.is_empty()).then(|| say!["under equal load its "].with(told))
}

/// What is worse with the candidate than with the baseline.
fn costs(context: &Context<'_>, pair: &Pair, criteria: &[Criterion]) -> Option<Sentence> {
    let of_candidate = criteria.iter().filter(|criterion| criterion.system == pair.candidate);
    let worse = of_candidate
        .filter(|criterion| criterion.answer == Answer::No && AGAINST_THE_BASELINE.contains(&criterion.name));
    let told = worse
        .map(|criterion| say!["not ", criterion.asks, ": "].with(criterion.because.clone()).without_end());
    let told = Sentence::joined(later(context, pair).into_iter().chain(told), "; ");
    (!told.0.is_empty())
        .then(|| say!["Weigh what speaks against ", &pair.candidate, ": "].with(told).then("."))
}

/// The least and the most that handler times leave of the gain, and where nothing is left to see.
fn where_it_pays(context: &Context<'_>, pair: &Pair) -> Option<Sentence> {
    let all: Vec<Compared> = ratios(context, "daemon_performance", "handler_time", pair).ok()?;
    let is_shown = |compared: &&Compared| matches!(compared.verdict, Verdict::More | Verdict::Less);
    let mut shown: Vec<&Compared> = all.iter().filter(is_shown).collect();
    shown.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    let (least, most) = (shown.first()?, shown.last()?);
    if least.name == most.name {
        return None;
    }
    let told = say![
        "Look at what your handlers do: ",
        &pair.candidate,
        " has ",
        &most.figure,
        " times the throughput of ",
        &pair.baseline,
        " (",
        most.name.clone(),
        "), and ",
        &least.figure,
        " times (",
        least.name.clone(),
        ")",
    ];
    let count = |verdict| {
        let some = all.iter().filter(|compared| compared.verdict == verdict).count();
        let figures = all.iter().map(|compared| &compared.figure);
        (some > 0).then(|| Figure::computed(figures, Quantity::Of(some, all.len())))
    };
    let same = count(Verdict::Same).map(|same| say!["; both have the same within 1 % in ", same, " cases"]);
    let open = count(Verdict::NotShown).map(|open| say!["; no difference is shown in ", open, " cases"]);
    Some([same, open].into_iter().flatten().fold(told, Sentence::with).then("."))
}

/// A variant lived where the default died.
fn byte_budget(context: &Context<'_>, system: &str) -> Option<Sentence> {
    let all = outcomes(context, system).ok()?;
    let died: Vec<_> = all.iter().filter(|outcome| outcome.system == system && outcome.died).collect();
    let variant = all.iter().map(|outcome| &outcome.system).find(|name| *name != system)?;
    let of_variant: Vec<_> = all.iter().filter(|outcome| outcome.system == *variant).collect();
    if died.is_empty() || of_variant.iter().any(|outcome| outcome.died) {
        return None;
    }
    let (died_count, tests) = (died.len(), all.iter().filter(|outcome| outcome.system == system).count());
    let died = Figure::computed(died.iter().map(|outcome| &outcome.figure), Quantity::Of(died_count, tests));
    let lived =
        Figure::computed(of_variant.iter().map(|outcome| &outcome.figure), Quantity::Of(0, of_variant.len()));
    Some(say![
        "Give ",
        system.to_owned(),
        " a byte budget where events may be large: without one it died of memory in ",
        died,
        " tests, with one (",
        variant,
        ") in ",
        lived,
        ".",
    ])
}

fn mend_leak(context: &Context<'_>, system: &str) -> Option<Sentence> {
    let all = leak_free(context, system).ok()?;
    let bad: Vec<&Figure> = all.iter().filter(|(clean, _)| !clean).map(|(_, figure)| figure).collect();
    let count = Quantity::Of(bad.len(), all.len());
    (!bad.is_empty()).then(|| {
        say![
            "Find out what ",
            system.to_owned(),
            " holds before it is shipped: it holds more and more in ",
            Figure::computed(bad, count),
            " leak tests."
        ]
    })
}
