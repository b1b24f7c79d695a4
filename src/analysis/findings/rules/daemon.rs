//! What `daemon_performance` allows to say.

use std::collections::BTreeMap;

use crucible_tables::thousands;

use super::{
    Ahead, Sentences, ahead, named, nothing, of_pairs, range, side_by_side, tally, those_there, with,
};
use crate::analysis::daemon_performance::{
    Graded, LatencyVerdict, SystemGrades, grades as graded_systems, lag, latency_verdict,
};
use crate::analysis::findings::Topic;
use crate::analysis::findings::context::{Context, Pair};
use crate::analysis::findings::node::{Found, Missing, Node};
use crate::analysis::findings::sentence::{Figure, Quantity, Sentence, say};
use crate::analysis::findings::verdict::{Compared, Verdict, readable};
use crate::analysis::grades::{Grade, GradeThresholds};
use crate::measure::Reading;
use crate::results::daemon_performance::{DaemonPerformance, GRADED_RATE, LatencyFigure, Quantile};

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

/// The ratio of a quantile of the candidate over that of the baseline, under one load: more is worse.
struct LatencyRatio {
    quantile: Quantile,
    told: LatencyVerdict,
    /// Named after the load. Its verdict follows from what is told.
    compared: Compared,
    /// How late the load generator was at this quantile.
    late: Figure,
}

/// All of a pair.
pub(in crate::analysis::findings) struct LatencyRatios(Vec<LatencyRatio>);

pub(in crate::analysis::findings) fn latencies(context: &Context<'_>, pair: &Pair) -> Found<LatencyRatios> {
    let figures = context.list(TARGET, "latency")?;
    let all =
        figures.iter().flat_map(|figure| Quantile::ALL.map(|quantile| latency_ratio(figure, pair, quantile)));
    Ok(LatencyRatios(those_there(all)?))
}

fn latency_ratio(figure: &Node<'_>, pair: &Pair, quantile: Quantile) -> Found<LatencyRatio> {
    if !has_rounds(figure) {
        return Err(Missing::new(figure.what(), "one run each: --latency-rounds 15 compares them"));
    }
    let key = quantile.key();
    let mut compared = Compared::of(figure, &pair.candidate, &pair.baseline, key)?;
    let typed: LatencyFigure = serde::Deserialize::deserialize(figure.value())
        .map_err(|error| Missing::new(figure.what(), format!("not as expected: {error}")))?;
    let ratio =
        typed.ratios.iter().find(|ratio| ratio.system == pair.candidate && ratio.over == pair.baseline);
    let told = latency_verdict(&typed, ratio.ok_or_else(|| nothing("the ratio of latencies"))?, quantile);
    let (mut rests_on, mut late) = (vec![compared.figure.clone()], Vec::new());
    for system in [&pair.candidate, &pair.baseline] {
        let found = figure.of_system("systems", system)?;
        rests_on.push(found.figure(&format!("run.latency.{key}"), Quantity::Time)?);
        let lag = typed.systems.iter().find(|one| one.system == *system).and_then(|one| lag(one, quantile));
        let lag = lag.ok_or_else(|| Missing::new(figure.what(), "its load generator's lag is not known"))?;
        late.push(found.at("rounds")?.cited(Quantity::Time(lag as f64)));
    }
    rests_on.extend(late.iter().cloned());
    let latest = late.iter().filter_map(Figure::number).fold(0.0, f64::max);
    compared.name = format!("{}, {} events/s", compared.name, thousands(typed.events_per_second));
    compared.figure = Figure::computed(&rests_on, compared.figure.quantity.clone());
    compared.verdict = match told {
        LatencyVerdict::Lower => Verdict::Less,
        LatencyVerdict::Higher => Verdict::More,
        LatencyVerdict::WithinLag | LatencyVerdict::NotShown => Verdict::NotShown,
    };
    Ok(LatencyRatio { quantile, told, compared, late: Figure::computed(&late, Quantity::Time(latest)) })
}

impl LatencyRatios {
    fn of(&self, quantile: Quantile) -> impl Iterator<Item = &LatencyRatio> {
        self.0.iter().filter(move |ratio| ratio.quantile == quantile)
    }

    /// Of how many loads this quantile came out as one of these, resting on all of them.
    pub(in crate::analysis::findings) fn tally(&self, quantile: Quantile, told: &[LatencyVerdict]) -> Figure {
        let some = self.of(quantile).filter(|ratio| told.contains(&ratio.told)).count();
        let figures = self.of(quantile).map(|ratio| &ratio.compared.figure);
        Figure::computed(figures, Quantity::Of(some, self.of(quantile).count()))
    }

    /// Under how many loads one of the quantiles came out like this, of those of which all quantiles are there.
    pub(in crate::analysis::findings) fn tally_of_any(&self, told: LatencyVerdict) -> Figure {
        let mut loads = BTreeMap::<&str, Vec<&LatencyRatio>>::new();
        self.0.iter().for_each(|ratio| loads.entry(&ratio.compared.name).or_default().push(ratio));
        loads.retain(|_, ratios| ratios.len() == Quantile::ALL.len());
        let some = loads.values().filter(|ratios| ratios.iter().any(|ratio| ratio.told == told)).count();
        let figures = loads.values().flatten().map(|ratio| &ratio.compared.figure);
        Figure::computed(figures, Quantity::Of(some, loads.len()))
    }

    /// By which quantiles the candidate is shown to be done later, and under how many loads.
    pub(in crate::analysis::findings) fn later(&self) -> impl Iterator<Item = (Quantile, Figure)> {
        let is_later = |quantile| self.of(quantile).any(|ratio| ratio.told == LatencyVerdict::Higher);
        let told = |quantile| (quantile, self.tally(quantile, &[LatencyVerdict::Higher]));
        Quantile::ALL.into_iter().filter(move |&quantile| is_later(quantile)).map(told)
    }
}

/// Who is done sooner when both get the same load.
pub(super) fn sooner(context: &Context<'_>) -> Sentences {
    of_pairs(context, |pair| {
        let all = latencies(context, pair)?;
        let mut found = Vec::new();
        for quantile in Quantile::ALL {
            let name = quantile.name();
            let inverted = Vec::from_iter(all.of(quantile).map(|ratio| ratio.compared.inverted()));
            for Ahead { better, worse, where_it_is } in ahead(pair, &inverted) {
                let count = tally(where_it_is.len(), &inverted);
                let told =
                    say!["The ", name, " of ", worse, " under equal load is higher than that of ", better];
                let told = told.with(say![" in ", count.clone(), " cases: "]).with(range(&where_it_is));
                found.push((Topic::Weakness(worse.clone()), told.then(" times it.")));
                let told =
                    say!["The ", name, " of ", better, " under equal load is lower than that of ", worse];
                found.push((Topic::Strength(better.clone()), told.with(say![" in ", count, " cases."])));
            }
            found.extend(not_sooner(pair, &all, quantile));
        }
        Ok(found)
    })
}

/// Where nothing was shown, and where the load generator may be what was shown.
fn not_sooner(pair: &Pair, all: &LatencyRatios, quantile: Quantile) -> Option<(Topic, Sentence)> {
    let are = |told| all.of(quantile).filter(move |ratio| ratio.told == told);
    let mut told = Sentence(Vec::new());
    let mut open = Vec::from_iter(are(LatencyVerdict::NotShown).map(|ratio| ratio.compared.clone()));
    if !open.is_empty() {
        open.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
        let count = all.tally(quantile, &[LatencyVerdict::NotShown]);
        told.join("; ", say!["no difference shown in ", count, " cases: "].with(range(&open)));
    }
    let late = |ratio: &LatencyRatio| named(&ratio.compared).with(say![", late by ", &ratio.late]);
    let within = Sentence::joined(are(LatencyVerdict::WithinLag).map(late), ", ");
    if !within.0.is_empty() {
        told.join("; ", say!["no more than the load generator was late itself: "].with(within));
    }
    let Pair { baseline, candidate } = pair;
    let intro = say![quantile.name(), " of ", candidate, " over that of ", baseline, " under equal load: "];
    (!told.0.is_empty()).then(|| (Topic::Observation, intro.with(told).then(".")))
}

/// Figures side by side, and no winner.
pub(super) fn latency(context: &Context<'_>) -> Sentences {
    let figures = context.list(TARGET, "latency")?;
    let graded = figures
        .iter()
        .find(|figure| is_graded(figure))
        .ok_or_else(|| nothing("latency, medium, one thread"))?;
    let parts = side_by_side(context, |system| {
        let found = graded.of_system("systems", system)?;
        valid(&found)?;
        let (p50, p99) = (
            found.figure("run.latency.p50", Quantity::Time)?,
            found.figure("run.latency.p99", Quantity::Time)?,
        );
        let floor = found.figure("run.pacing.lag.p99", Quantity::Time)?;
        Ok(say![
            system.to_owned(),
            " P50 ",
            p50,
            ", P99 ",
            p99,
            " (of the P99, up to ",
            floor,
            " may be the load generator's)"
        ])
    })?;
    let offered = graded.figure("events_per_second", Quantity::Rate)?;
    let told = say!["At ", offered, " offered (medium, one thread) a delivery is done after: "];
    Ok(vec![(Topic::Observation, told.with(parts).then(rests_on_runs(graded)))])
}

/// Near what the slower system can do at all, where queues tell systems apart.
pub(super) fn near_limit(context: &Context<'_>) -> Sentences {
    let mut told = Vec::new();
    let mut missing = nothing("latency near the limit");
    for figure in context.list(TARGET, "latency")? {
        let Ok(share) = figure.figure("percent_of_slower", Quantity::Percent) else { continue };
        let parts = side_by_side(context, |system| {
            let found = figure.of_system("systems", system)?;
            valid(&found)?;
            Ok(say![system.to_owned(), " P99 ", found.figure("run.latency.p99", Quantity::Time)?])
        });
        match parts {
            Ok(parts) => {
                let offered = figure.figure("events_per_second", Quantity::Rate)?;
                let intro = say![
                    "At ",
                    share,
                    " of what the slower system does closed loop (",
                    readable(&figure.what()),
                    ", ",
                    offered,
                    "): "
                ];
                told.push((Topic::Observation, intro.with(parts).then(rests_on_runs(&figure))));
            }
            Err(why) => missing = why,
        }
    }
    if told.is_empty() { Err(missing) } else { Ok(told) }
}

/// Of several rounds another rule tells whether systems differ.
fn rests_on_runs(figure: &Node<'_>) -> &'static str {
    if has_rounds(figure) {
        ". Of several rounds those of the median P99; whether they differ is told elsewhere."
    } else {
        ". One run each: no verdict."
    }
}

fn has_rounds(figure: &Node<'_>) -> bool {
    figure.list("systems").iter().any(|system| !system.list("rounds").is_empty())
}

fn is_graded(figure: &Node<'_>) -> bool {
    let is = |path: &str, expected: f64| figure.number(path).is_ok_and(|found| found == expected);
    let medium = figure.at("scenario").is_ok_and(|scenario| scenario.is("name", "medium"));
    medium && is("threads", 1.0) && is("events_per_second", GRADED_RATE as f64)
}

/// A load that was not offered says nothing.
pub(in crate::analysis::findings) fn valid(system: &Node<'_>) -> Found<()> {
    match system.at("run.pacing.invalid") {
        Ok(invalid) if !invalid.value().is_null() => {
            let why = invalid.word("kind").unwrap_or("not as intended");
            Err(Missing::new(system.what(), format!("the load was not the one that was asked for ({why})")))
        }
        _ => Ok(()),
    }
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
