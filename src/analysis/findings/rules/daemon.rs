//! What throughput and grades of `daemon_performance` allow to say.

use super::latency::is_graded;
use super::{Ahead, Sentences, ahead, named, nothing, of_pairs, range, tally, those_there, with};
use crate::analysis::daemon_performance::{Graded, SystemGrades, grades as graded_systems};
use crate::analysis::findings::Topic;
use crate::analysis::findings::context::{Context, Pair};
use crate::analysis::findings::node::{Found, Missing, Node};
use crate::analysis::findings::sentence::{Figure, Quantity, Sentence, say};
use crate::analysis::findings::verdict::{Compared, Verdict, readable};
use crate::analysis::grades::{Grade, GradeThresholds};
use crate::measure::Reading;
use crate::results::daemon_performance::DaemonPerformance;

const TARGET: &str = "daemon_performance";

/// The ratios of the candidate over the baseline in a list of figures.
pub(in crate::analysis::findings) fn ratios(
    context: &Context<'_>,
    target: &'static str,
    list: &'static str,
    pair: &Pair,
) -> Found<Vec<Compared>> {
    let figures = context.list(target, list)?;
    those_there(
        figures.iter().map(|figure| Compared::of(figure, &pair.candidate, &pair.baseline, "estimate")),
    )
}

/// Where one is faster, and where nothing was shown.
pub(super) fn idle(context: &Context<'_>) -> Sentences {
    of_pairs(context, |pair| {
        let all = ratios(context, TARGET, "throughput", pair)?;
        Ok(ways(pair, &all, "with handlers that do nothing"))
    })
}

pub(super) fn handler_time(context: &Context<'_>) -> Sentences {
    of_pairs(context, |pair| {
        let all = ratios(context, TARGET, "handler_time", pair)?;
        Ok(ways(pair, &all, "when each delivery takes its handler time"))
    })
}

/// A sentence for each direction that was shown, and one for what was not.
pub(super) fn ways(pair: &Pair, all: &[Compared], when: &'static str) -> Vec<(Topic, Sentence)> {
    let mut found = Vec::new();
    for Ahead { better, worse, where_it_is } in ahead(pair, all) {
        let count = tally(where_it_is.len(), all);
        let told =
            say![better, " is faster than ", worse, " in ", count.clone(), " comparisons ", when, ": "];
        let sentence = told.with(range(&where_it_is)).then(" times its throughput.");
        found.push((Topic::Strength(better.clone()), sentence));
        let told = say![worse, " is slower than ", better, " in ", count, " comparisons ", when, "."];
        found.push((Topic::Weakness(worse.clone()), told));
    }
    found.extend(undecided(pair, all, when));
    found
}

/// Equivalent is a result, not shown is none.
fn undecided(pair: &Pair, all: &[Compared], when: &'static str) -> Option<(Topic, Sentence)> {
    let (same, open) = (with(Verdict::Same, all), with(Verdict::NotShown, all));
    let listed = |some: &[&Compared]| Sentence::joined(some.iter().map(|compared| named(compared)), ", ");
    let mut told = Sentence(Vec::new());
    if !same.is_empty() {
        told.join("; ", say!["the same within 1 %: "].with(listed(&same)));
    }
    if !open.is_empty() {
        told.join("; ", say!["no difference shown: "].with(listed(&open)));
    }
    let intro = say![&pair.candidate, " over ", &pair.baseline, " ", when, ": "];
    (!told.0.is_empty()).then(|| (Topic::Observation, intro.with(told).then(".")))
}

/// Where more threads did less than one, round for round: who has cores to spare should know.
pub(super) fn threads(context: &Context<'_>) -> Sentences {
    let figures = context.list(TARGET, "throughput")?;
    let on_one = |figure: &&Node<'_>| figure.number("threads").is_ok_and(|threads| threads == 1.0);
    let (one, more): (Vec<_>, Vec<_>) = figures.iter().partition(on_one);
    let same = |a: &Node<'_>, b: &Node<'_>| {
        let scenario = |figure: &Node<'_>| figure.at("scenario").ok()?.word("name").map(str::to_owned);
        scenario(a) == scenario(b) && a.word("publishing") == b.word("publishing")
    };
    let pairs = || {
        one.iter().flat_map(|one| more.iter().filter(|more| same(one, more)).map(move |more| (*one, *more)))
    };
    let mut told = Vec::new();
    let mut missing = nothing("throughput on one and on more threads");
    for system in context.systems() {
        match those_there(pairs().map(|(one, more)| on_more_threads(&system, one, more))) {
            Ok(all) => {
                let mut less: Vec<Compared> = with(Verdict::Less, &all).into_iter().cloned().collect();
                less.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
                if !less.is_empty() {
                    let intro =
                        say![&system, " does less on several threads than on one, in every round of "];
                    let intro =
                        intro.with(say![tally(less.len(), &all), " cases with handlers that do nothing: "]);
                    let sentence = intro.with(range(&less)).then(" times its throughput on one.");
                    told.push((Topic::Weakness(system), sentence));
                }
            }
            Err(why) => missing = why,
        }
    }
    if pairs().next().is_none() { Err(missing) } else { Ok(told) }
}

/// A verdict where all rounds of one side are beyond all of the other.
fn on_more_threads(system: &str, one: &Node<'_>, more: &Node<'_>) -> Found<Compared> {
    let of = |figure: &Node<'_>| -> Found<(Figure, f64, (f64, f64))> {
        let found = figure.of_system("systems", system)?;
        let rounds = found.list("rounds").into_iter().filter_map(|round| round.value().as_f64());
        let ends = rounds.fold((f64::INFINITY, 0.0), |(low, high), round| (round.min(low), round.max(high)));
        Ok((found.figure("events_per_second", Quantity::Rate)?, found.number("events_per_second")?, ends))
    };
    let ((figure_one, rate_one, ends_one), (figure_more, rate_more, ends_more)) = (of(one)?, of(more)?);
    let ratio = rate_more / rate_one;
    let interval = (ends_more.0 / ends_one.1, ends_more.1 / ends_one.0);
    let quantity = Quantity::Ratio { value: ratio, interval: None };
    let figure = Figure::computed([&figure_one, &figure_more], quantity);
    Ok(Compared {
        name: readable(&more.what()),
        figure,
        ratio,
        interval,
        verdict: Verdict::of(ratio, interval),
    })
}

/// Grades of all systems, each with the figure behind it.
pub(in crate::analysis::findings) fn graded(
    context: &Context<'_>,
    system: &str,
) -> Found<Vec<(&'static str, Grade, Figure)>> {
    let root = context.target(TARGET)?;
    let whole = root.whole();
    let results = whole.at("results")?;
    let typed: DaemonPerformance = serde::Deserialize::deserialize(results.value())
        .map_err(|error| Missing::new(TARGET, format!("not as expected: {error}")))?;
    let all = graded_systems(&typed, &GradeThresholds::default());
    let of = all.into_iter().find(|grades| grades.system == system).ok_or_else(|| nothing("grades"))?;
    let closed = root.list("throughput").into_iter().find(|figure| {
        let medium = figure.at("scenario").is_ok_and(|scenario| scenario.is("name", "medium"));
        medium && figure.number("threads") == Ok(1.0) && figure.is("publishing", "batch")
    });
    let open = root.list("latency").into_iter().find(is_graded);
    let cited = |figure: &Option<Node<'_>>, path: &str, quantity| {
        let figure = figure.as_ref().ok_or_else(|| nothing("the medium scenario on one thread"))?;
        figure.of_system("systems", system)?.figure(path, quantity)
    };
    let SystemGrades { throughput, mean_latency_ns, memory, cpu_percent, .. } = &of;
    those_there([
        grade("throughput", throughput, cited(&closed, "events_per_second", Quantity::Rate)),
        grade("mean latency", mean_latency_ns, cited(&open, "run.latency.mean", Quantity::Time)),
        grade("memory", memory, cited(&closed, "peak_memory", Quantity::Bytes)),
        grade("CPU", cpu_percent, cited(&open, "run.cpu_percent", Quantity::Percent)),
    ])
}

fn grade<T>(
    what: &'static str,
    graded: &Reading<Graded<T>>,
    figure: Found<Figure>,
) -> Found<(&'static str, Grade, Figure)> {
    match graded {
        Reading::Value(graded) => Ok((what, graded.grade, figure?)),
        Reading::Absent { not_measured } => Err(Missing::new(what, not_measured)),
    }
}

pub(super) fn grades(context: &Context<'_>) -> Sentences {
    let mut found = Vec::new();
    let mut missing = None;
    for system in context.systems() {
        match graded(context, &system) {
            Ok(grades) => found.extend(graded_sentences(&system, &grades)),
            Err(why) => missing = missing.or(Some(why)),
        }
    }
    match missing {
        Some(why) if found.is_empty() => Err(why),
        _ => Ok(found),
    }
}

fn graded_sentences(system: &str, grades: &[(&'static str, Grade, Figure)]) -> Vec<(Topic, Sentence)> {
    let name = system.to_owned();
    let part = |(what, grade, figure): &(&'static str, Grade, Figure)| {
        say![*what, " ", grade.as_str(), " (", figure, ")"]
    };
    let told = |some: Vec<&(&'static str, Grade, Figure)>, topic, verb: &'static str| {
        let parts = Sentence::joined(some.into_iter().map(part), ", ");
        (!parts.0.is_empty()).then(|| (topic, say![&name, verb].with(parts).then(" in the medium scenario.")))
    };
    let poor = |(_, grade, _): &&(&'static str, Grade, Figure)| *grade == Grade::Poor;
    let fair = |(_, grade, _): &&(&'static str, Grade, Figure)| *grade == Grade::Acceptable;
    let well = |graded: &&(&'static str, Grade, Figure)| !poor(graded) && !fair(graded);
    [
        told(grades.iter().filter(well).collect(), Topic::Strength(name.clone()), " has good grades: "),
        told(grades.iter().filter(fair).collect(), Topic::Observation, " is acceptable: "),
        told(grades.iter().filter(poor).collect(), Topic::Weakness(name.clone()), " has poor grades: "),
    ]
    .into_iter()
    .flatten()
    .collect()
}
