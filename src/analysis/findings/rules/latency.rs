//! What latencies under equal load allow to say.

use crucible_tables::thousands;

use super::{Ahead, Sentences, ahead, nothing, of_pairs, range, side_by_side, tally, those_there};
use crate::analysis::daemon_performance::{LatencyVerdict, lag, latency_verdict};
use crate::analysis::findings::Topic;
use crate::analysis::findings::context::{Context, Pair};
use crate::analysis::findings::node::{Found, Missing, Node};
use crate::analysis::findings::sentence::{Figure, Quantity, Sentence, say};
use crate::analysis::findings::verdict::{Compared, Verdict, readable};
use crate::results::daemon_performance::{GRADED_RATE, LatencyFigure, Quantile};

const TARGET: &str = "daemon_performance";

/// Latencies of a pair, load by load; never none.
pub(in crate::analysis::findings) struct Latencies(Vec<[AtQuantile; 3]>);

/// The candidate over the baseline under one load, by one of the quantiles: more is worse.
struct AtQuantile {
    quantile: Quantile,
    told: LatencyVerdict,
    /// Named after the load. Its verdict follows from what is told.
    compared: Compared,
    /// How late the load generator was at this quantile.
    late: Figure,
}

pub(in crate::analysis::findings) fn latencies(context: &Context<'_>, pair: &Pair) -> Found<Latencies> {
    let figures = context.list(TARGET, "latency")?;
    Ok(Latencies(those_there(figures.iter().map(|figure| under_load(figure, pair)))?))
}

fn under_load(figure: &Node<'_>, pair: &Pair) -> Found<[AtQuantile; 3]> {
    if !has_rounds(figure) {
        return Err(Missing::new(figure.what(), "one run each: --latency-rounds 15 compares them"));
    }
    let typed: LatencyFigure = serde::Deserialize::deserialize(figure.value())
        .map_err(|error| Missing::new(figure.what(), format!("not as expected: {error}")))?;
    let [p50, p95, p99] = Quantile::ALL.map(|quantile| at_quantile(figure, &typed, pair, quantile));
    Ok([p50?, p95?, p99?])
}

fn at_quantile(
    figure: &Node<'_>,
    typed: &LatencyFigure,
    pair: &Pair,
    quantile: Quantile,
) -> Found<AtQuantile> {
    let mut compared = Compared::of(figure, &pair.candidate, &pair.baseline, quantile.key())?;
    let ratio =
        typed.ratios.iter().find(|ratio| ratio.system == pair.candidate && ratio.over == pair.baseline);
    let told = latency_verdict(typed, ratio.ok_or_else(|| nothing("the ratio of latencies"))?, quantile);
    let mut late = Vec::new();
    for system in [&pair.candidate, &pair.baseline] {
        let lag = typed.systems.iter().find(|one| one.system == *system).and_then(|one| lag(one, quantile));
        let lag = lag.ok_or_else(|| Missing::new(figure.what(), "its load generator's lag is not known"))?;
        let rounds = figure.of_system("systems", system)?.at("rounds")?;
        late.push(rounds.cited(Quantity::Time(lag as f64)));
    }
    let latest = late.iter().filter_map(Figure::number).fold(0.0, f64::max);
    let late = Figure::computed(&late, Quantity::Time(latest));
    compared.name = format!("{}, {} events/s", compared.name, thousands(typed.events_per_second));
    compared.figure = Figure::computed([&compared.figure, &late], compared.figure.quantity.clone());
    compared.verdict = match told {
        LatencyVerdict::Lower => Verdict::Less,
        LatencyVerdict::Higher => Verdict::More,
        LatencyVerdict::Same => Verdict::Same,
        LatencyVerdict::WithinLag | LatencyVerdict::NotShown => Verdict::NotShown,
    };
    Ok(AtQuantile { quantile, told, compared, late })
}

impl Latencies {
    fn by(&self, quantile: Quantile) -> impl Iterator<Item = &AtQuantile> {
        self.0.iter().flatten().filter(move |at| at.quantile == quantile)
    }

    /// Under how many loads this quantile came out as one of these.
    pub(in crate::analysis::findings) fn tally(&self, quantile: Quantile, told: &[LatencyVerdict]) -> Figure {
        let some = self.by(quantile).filter(|at| told.contains(&at.told)).count();
        let figures = self.by(quantile).map(|at| &at.compared.figure);
        Figure::computed(figures, Quantity::Of(some, self.0.len()))
    }

    /// Under how many loads one of the quantiles came out like this.
    pub(in crate::analysis::findings) fn tally_of_any(&self, told: LatencyVerdict) -> Figure {
        let some = self.0.iter().filter(|load| load.iter().any(|at| at.told == told)).count();
        let figures = self.0.iter().flatten().map(|at| &at.compared.figure);
        Figure::computed(figures, Quantity::Of(some, self.0.len()))
    }

    /// By which quantiles, and under how many loads, the candidate is shown to be done later; nothing if by none.
    pub(in crate::analysis::findings) fn later(&self) -> Sentence {
        let is_later = |quantile: &Quantile| self.by(*quantile).any(|at| at.told == LatencyVerdict::Higher);
        let told = |quantile: Quantile| {
            let some = self.tally(quantile, &[LatencyVerdict::Higher]);
            say![quantile.name(), " is higher in ", some, " cases"]
        };
        Sentence::joined(Quantile::ALL.into_iter().filter(is_later).map(told), ", its ")
    }
}

/// Who is done sooner when both get the same load.
pub(super) fn sooner(context: &Context<'_>) -> Sentences {
    of_pairs(context, |pair| {
        let all = latencies(context, pair)?;
        let mut found = Vec::new();
        for quantile in Quantile::ALL {
            let name = quantile.name();
            let inverted = Vec::from_iter(all.by(quantile).map(|at| at.compared.inverted()));
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

/// Where it is the same, where nothing was shown, and where the load generator may be what was shown.
fn not_sooner(pair: &Pair, all: &Latencies, quantile: Quantile) -> Option<(Topic, Sentence)> {
    let mut told = Sentence(Vec::new());
    for (verdict, what) in [
        (LatencyVerdict::Same, "the same within 1 % in "),
        (LatencyVerdict::NotShown, "no difference shown in "),
        (LatencyVerdict::WithinLag, "no more than the load generator was late itself in "),
    ] {
        let those = Vec::from_iter(all.by(quantile).filter(|at| at.told == verdict));
        let mut sorted = Vec::from_iter(those.iter().map(|at| at.compared.clone()));
        if sorted.is_empty() {
            continue;
        }
        sorted.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
        let count = all.tally(quantile, &[verdict]);
        told.join("; ", say![what, count, " cases: "].with(range(&sorted)));
        if verdict == LatencyVerdict::WithinLag {
            let latest = those.iter().filter_map(|at| at.late.number()).fold(0.0, f64::max);
            let latest = Figure::computed(those.iter().map(|at| &at.late), Quantity::Time(latest));
            told = told.with(say![", late by up to ", latest]);
        }
    }
    let Pair { baseline, candidate } = pair;
    let intro = say![quantile.name(), " of ", candidate, " over that of ", baseline, " under equal load: "];
    (!told.0.is_empty()).then(|| (Topic::Observation, intro.with(told).then(".")))
}

/// Figures side by side, and no winner.
pub(super) fn graded(context: &Context<'_>) -> Sentences {
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

pub(super) fn is_graded(figure: &Node<'_>) -> bool {
    let is = |path: &str, expected: f64| figure.number(path).is_ok_and(|found| found == expected);
    let medium = figure.at("scenario").is_ok_and(|scenario| scenario.is("name", "medium"));
    medium && is("threads", 1.0) && is("events_per_second", GRADED_RATE as f64)
}

/// A load that was not offered says nothing.
pub(super) fn valid(system: &Node<'_>) -> Found<()> {
    match system.at("run.pacing.invalid") {
        Ok(invalid) if !invalid.value().is_null() => {
            let why = invalid.word("kind").unwrap_or("not as intended");
            Err(Missing::new(system.what(), format!("the load was not the one that was asked for ({why})")))
        }
        _ => Ok(()),
    }
}
