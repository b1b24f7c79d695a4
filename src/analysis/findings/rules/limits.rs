//! What `scalability_testing` tells of the highest sustained rates.

use super::{Ahead, Sentences, ahead, of_pairs, range, side_by_side, tally, those_there};
use crate::analysis::findings::Topic;
use crate::analysis::findings::context::{Context, Pair};
use crate::analysis::findings::node::{Found, Missing, Node};
use crate::analysis::findings::sentence::{Quantity, Sentence, say};
use crate::analysis::findings::verdict::{Compared, readable};

const TARGET: &str = "scalability_testing";

/// Limits that theory knows test the test, not the systems.
fn judged<'a>(context: &Context<'a>) -> Found<Vec<Node<'a>>> {
    let figures = context.list(TARGET, "limits")?;
    Ok(figures.into_iter().filter(|figure| figure.get("theory").is_none()).collect())
}

/// The ratios of the candidate's limits over the baseline's.
pub(in crate::analysis::findings) fn limit_ratios(
    context: &Context<'_>,
    pair: &Pair,
) -> Found<Vec<Compared>> {
    let figures = judged(context)?;
    those_there(figures.iter().map(|figure| {
        let compared = Compared::of(figure, &pair.candidate, &pair.baseline, "estimate");
        compared.map_err(|missing| gave_up(figure).unwrap_or(missing))
    }))
}

fn gave_up(figure: &Node<'_>) -> Option<Missing> {
    let systems = figure.list("systems");
    let late =
        systems.iter().find(|system| system.at("pacer_gave_up").is_ok_and(|gave| gave.value() == true))?;
    let system = late.word("system").unwrap_or_default();
    let why = format!("the load generator gave up before {system} did: its limit is not known");
    Some(Missing::new(figure.what(), why))
}

pub(super) fn limits(context: &Context<'_>) -> Sentences {
    let mut told = sustained(context)?;
    let verdicts = of_pairs(context, |pair| {
        let all = limit_ratios(context, pair)?;
        let mut found = Vec::new();
        for Ahead { better, worse, where_it_is } in ahead(pair, &all) {
            let count = tally(where_it_is.len(), &all);
            let sentence = say![better, " sustains more than ", worse, " at ", count, " limits: "];
            let sentence = sentence.with(range(&where_it_is)).then(" times its rate.");
            found.push((Topic::Strength(better.clone()), sentence.clone()));
            found.push((Topic::Weakness(worse.clone()), sentence));
        }
        Ok(found)
    });
    // Without ratios the rates still stand side by side.
    told.extend(verdicts.unwrap_or_default());
    Ok(told)
}

fn sustained(context: &Context<'_>) -> Sentences {
    let mut told = Vec::new();
    for figure in judged(context)? {
        let parts = those_there(context.systems().iter().map(|system| {
            let found = figure.of_system("systems", system)?;
            let at_least = found.at("pacer_gave_up").is_ok_and(|gave| gave.value() == true);
            Ok(match (found.figure("confirmed.rate", Quantity::Rate), at_least) {
                (Ok(rate), false) => say![system, " ", rate, " confirmed"],
                (Ok(rate), true) => say![system, " at least ", rate, " (the load generator gave up first)"],
                (Err(_), true) => {
                    let found = found.figure("found", Quantity::Rate)?;
                    say![
                        system,
                        " at least ",
                        found,
                        " for a short time (the load generator gave up first, nothing confirmed)"
                    ]
                }
                (Err(_), false) => say![
                    system,
                    " ",
                    found.figure("found", Quantity::Rate)?,
                    " for a short time, not confirmed"
                ],
            })
        }))?;
        let name = readable(&figure.what());
        let sentence =
            say!["Highest sustained rate, ", name, ": "].with(Sentence::joined(parts, "; ")).then(".");
        told.push((Topic::Observation, sentence));
    }
    if told.is_empty() { Err(super::nothing("limits")) } else { Ok(told) }
}

pub(super) fn overload(context: &Context<'_>) -> Sentences {
    let mut told = Vec::new();
    let mut missing = super::nothing("overload");
    for figure in judged(context)? {
        let parts = side_by_side(context, |system| {
            let found = figure.of_system("systems", system)?;
            let run = found
                .at("overload")
                .map_err(|_| Missing::new(figure.what(), "no rate was confirmed that could be exceeded"))?;
            if let Some(why) = run.word("not_offered") {
                return Err(Missing::new(figure.what(), why));
            }
            let (offered, done) =
                (run.figure("rate", Quantity::Rate)?, run.figure("events_per_second", Quantity::Rate)?);
            let gone = run.figure("backlog_gone_ns", Quantity::Time)?;
            Ok(say![
                system.to_owned(),
                " does ",
                done,
                " of ",
                offered,
                " offered, and its backlog is gone ",
                gone,
                " after it"
            ])
        });
        match parts {
            Ok(parts) => told.push((
                Topic::Observation,
                say!["Overload, ", readable(&figure.what()), ": ",]
                    .with(parts)
                    .then(". One run each: no verdict."),
            )),
            Err(why) => missing = why,
        }
    }
    if told.is_empty() { Err(missing) } else { Ok(told) }
}
