//! Key figures (requirement R5.3).

use serde::Serialize;

use super::context::Context;
use super::node::{Found, Missing};
use super::rules::{lost_in_failures, ratios};
use super::sentence::{Figure, Quantity};
use super::verdict::readable;
use crate::measure::Reading;

/// A key figure of one system.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kpi {
    /// What it is, with how it is computed.
    pub name: &'static str,
    /// Of whom.
    pub system: String,
    /// Of what: a workload or a size.
    pub of: String,
    /// The figure, or why there is none.
    pub figure: Reading<Figure>,
}

/// All of them.
pub(super) fn all(context: &Context<'_>) -> Vec<Kpi> {
    let mut all = Vec::new();
    let mut note = |name, system: &str, found: Found<Vec<(String, Figure)>>| match found {
        Ok(figures) => all.extend(figures.into_iter().map(|(of, figure)| Kpi {
            name,
            system: system.to_owned(),
            of,
            figure: Reading::Value(figure),
        })),
        Err(Missing { what, why }) => {
            all.push(Kpi { name, system: system.to_owned(), of: what, figure: Reading::absent(why) });
        }
    };
    for pair in &context.pairs {
        let compared = ratios(context, "daemon_performance", "throughput", pair);
        let improvements = compared.map(|all| {
            let medium = all.into_iter().filter(|compared| compared.name.starts_with("medium"));
            medium.map(|compared| (compared.name, improvement(compared.figure))).collect()
        });
        note("improvement (candidate − baseline) / baseline", &pair.candidate, improvements);
    }
    for system in context.systems() {
        note("memory efficiency freed / allocated", &system, efficiency(context, &system));
        note("scalability factor actual / expected", &system, factors(context, &system));
        let rate =
            lost_in_failures(context, &system).map(|figure| vec![("when services fail".to_owned(), figure)]);
        note("error rate failed / total", &system, rate);
    }
    all
}

/// A ratio as what it adds, in per cent.
fn improvement(figure: Figure) -> Figure {
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    let quantity = match figure.quantity {
        Quantity::Ratio { value, interval: Some((low, high)) } => {
            Quantity::Share { percent: percent(value), low: percent(low), high: percent(high) }
        }
        Quantity::Ratio { value, interval: None } => Quantity::Percent(percent(value)),
        other => other,
    };
    Figure { quantity, ..figure }
}

fn efficiency(context: &Context<'_>, system: &str) -> Found<Vec<(String, Figure)>> {
    let figure = context.target("memory_profiling")?.named("usage", "stability");
    let figure = figure.ok_or_else(|| Missing::new("stability", "not in the results"))?;
    let run = figure.of_system("systems", system)?.at("run")?;
    let parts = [
        run.figure("left.bytes.allocated", Quantity::Bytes)?,
        run.figure("left.bytes.live", Quantity::Bytes)?,
    ];
    let [allocated, live] = [0, 1].map(|at: usize| parts[at].number().unwrap_or_default());
    let percent = 100.0 * (allocated - live) / allocated.max(1.0);
    Ok(vec![(figure.what(), Figure::computed(&parts, Quantity::Percent(percent)))])
}

fn factors(context: &Context<'_>, system: &str) -> Found<Vec<(String, Figure)>> {
    let figures = context.list("scalability_testing", "dimensions")?;
    let factor = |figure: &super::node::Node<'_>| {
        let growth = figure.of_system("growth", system).ok()?;
        Some((readable(&figure.what()), growth.figure("factor.factor", Quantity::Number).ok()?))
    };
    let found: Vec<_> = figures.iter().filter_map(factor).collect();
    if found.is_empty() {
        Err(Missing::new("dimensions", "no scalability factor in the results"))
    } else {
        Ok(found)
    }
}
