//! What `memory_profiling` allows to say. Its counts repeat exactly, so that a difference needs no interval.

use super::{Sentences, nothing, of_pairs, those_there};
use crate::analysis::findings::Topic;
use crate::analysis::findings::context::{Context, Pair};
use crate::analysis::findings::node::{Found, Node};
use crate::analysis::findings::sentence::{Figure, Quantity, say};
use crate::analysis::findings::verdict::RELEVANT;

const TARGET: &str = "memory_profiling";

/// The long run of the medium scenario.
const LONG: &str = "stability";

fn run<'a>(context: &Context<'a>, system: &str) -> Found<Node<'a>> {
    let figure = context.target(TARGET)?.named("usage", LONG).ok_or_else(|| nothing(LONG))?;
    figure.of_system("systems", system)?.at("run")
}

/// Bytes that an event asks for.
pub(in crate::analysis::findings) fn per_event(context: &Context<'_>, system: &str) -> Found<Figure> {
    let run = run(context, system)?;
    let figures = [
        run.figure("after.bytes.allocated", Quantity::Bytes)?,
        run.figure("before.bytes.allocated", Quantity::Bytes)?,
        run.figure("events", Quantity::Count)?,
    ];
    let [after, before, events] = [0, 1, 2].map(|at: usize| figures[at].number().unwrap_or_default());
    Ok(Figure::computed(&figures, Quantity::Bytes((after - before) / events.max(1.0))))
}

/// The most bytes that were held.
pub(in crate::analysis::findings) fn peak(context: &Context<'_>, system: &str) -> Found<Figure> {
    run(context, system)?.figure("after.bytes.peak", Quantity::Bytes)
}

pub(super) fn usage(context: &Context<'_>) -> Sentences {
    side_by_side(
        context,
        per_event,
        " asks the heap for less than ",
        " an event (medium scenario, counted exactly): ",
    )
}

pub(super) fn peaks(context: &Context<'_>) -> Sentences {
    side_by_side(context, peak, " holds less heap at its peak than ", " (medium scenario, counted exactly): ")
}

/// Less is better.
fn side_by_side(
    context: &Context<'_>,
    of: fn(&Context<'_>, &str) -> Found<Figure>,
    less: &'static str,
    of_what: &'static str,
) -> Sentences {
    of_pairs(context, |Pair { baseline, candidate }| {
        let (a, b) = (of(context, baseline)?, of(context, candidate)?);
        let (Some(of_a), Some(of_b)) = (a.number(), b.number()) else { return Err(nothing(LONG)) };
        let told = |better: &String, less_of: &Figure, worse: &String, more_of: &Figure| {
            let sentence = say![better, less, worse, of_what, less_of, " against ", more_of, "."];
            vec![
                (Topic::Strength(better.clone()), sentence.clone()),
                (Topic::Weakness(worse.clone()), sentence),
            ]
        };
        Ok(match of_b / of_a.max(1.0) {
            ratio if ratio > 1.0 + RELEVANT => told(baseline, &a, candidate, &b),
            ratio if ratio < 1.0 / (1.0 + RELEVANT) => told(candidate, &b, baseline, &a),
            _ => vec![(
                Topic::Observation,
                say![baseline, " and ", candidate, " differ by less than 1 %", of_what, a, " and ", b, ".",],
            )],
        })
    })
}

/// The verdicts on a system: true where it does not leak.
pub(in crate::analysis::findings) fn leak_free(
    context: &Context<'_>,
    system: &str,
) -> Found<Vec<(bool, Figure)>> {
    let figures = context.list(TARGET, "leaks")?;
    let of_system: Vec<_> = figures.iter().filter(|figure| figure.is("system", system)).collect();
    if of_system.is_empty() {
        return Err(nothing("leaks"));
    }
    those_there(of_system.into_iter().map(|figure| {
        let verdict = figure.at("verdict")?;
        if verdict.value().is_null() {
            return Err(nothing("leaks"));
        }
        let clean = verdict.value().as_str() == Some("clean");
        let word = match verdict.value() {
            serde_json::Value::String(word) => word.clone(),
            other => other.as_object().and_then(|map| map.keys().next().cloned()).unwrap_or_default(),
        };
        Ok((clean, verdict.cited(Quantity::Word(word))))
    }))
}

pub(super) fn leaks(context: &Context<'_>) -> Sentences {
    let of = |system: &String| {
        let all = leak_free(context, system)?;
        let bad: Vec<&Figure> = all.iter().filter(|(clean, _)| !clean).map(|(_, figure)| figure).collect();
        let figures = all.iter().map(|(_, figure)| figure);
        Ok(match bad.first() {
            None => {
                let clean = Figure::computed(figures, Quantity::Of(all.len(), all.len()));
                (
                    Topic::Strength(system.clone()),
                    say![
                        system,
                        " does not leak: in ",
                        clean,
                        " tests as much is held after many events as after few.",
                    ],
                )
            }
            Some(first) => {
                let found = Figure::computed(figures, Quantity::Of(bad.len(), all.len()));
                (
                    Topic::Weakness(system.clone()),
                    say![system, " holds more and more in ", found, " leak tests: ", *first, ".",],
                )
            }
        })
    };
    those_there(context.systems().iter().map(of))
}

/// What became of a system whose services stand still under a limit of memory.
pub(in crate::analysis::findings) struct PressureOutcome {
    pub(in crate::analysis::findings) system: String,
    pub(in crate::analysis::findings) died: bool,
    /// Its publisher waits where there is no room: what all can be asked for.
    pub(in crate::analysis::findings) waits: bool,
    pub(in crate::analysis::findings) figure: Figure,
}

/// Of a system and its variants, which have its name and a hyphen before theirs.
pub(in crate::analysis::findings) fn outcomes(
    context: &Context<'_>,
    system: &str,
) -> Found<Vec<PressureOutcome>> {
    let figures = context.list(TARGET, "pressure")?;
    let is_of =
        |name: &str| name.strip_prefix(system).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    let outcome = |figure: &Node<'_>| {
        let name = figure.word("system")?.to_owned();
        let died = figure.word("died").is_some();
        is_of(&name).then(|| {
            let word = if died { "it died" } else { "it lived on" };
            let waits = figure.is("on_full", "wait");
            PressureOutcome {
                system: name,
                died,
                waits,
                figure: figure.cited(Quantity::Word(word.to_owned())),
            }
        })
    };
    let found: Vec<_> = figures.iter().filter_map(outcome).collect();
    if found.is_empty() { Err(nothing("pressure")) } else { Ok(found) }
}

pub(super) fn pressure(context: &Context<'_>) -> Sentences {
    let mut told = Vec::new();
    for system in context.systems() {
        let all = match outcomes(context, &system) {
            Ok(all) => all,
            Err(why) if told.is_empty() => return Err(why),
            Err(_) => continue,
        };
        let mut names: Vec<&String> = all.iter().map(|outcome| &outcome.system).collect();
        names.sort();
        names.dedup();
        for name in names {
            let own: Vec<&PressureOutcome> = all.iter().filter(|outcome| outcome.system == *name).collect();
            let died = own.iter().filter(|outcome| outcome.died).count();
            let figure = Figure::computed(own.iter().map(|o| &o.figure), Quantity::Of(died, own.len()));
            told.push(if died == 0 {
                (
                    Topic::Strength(system.clone()),
                    say![
                        name,
                        " outlives publishers that fill its memory: it died in ",
                        figure,
                        " tests, and lets them wait or refuses.",
                    ],
                )
            } else {
                (
                    Topic::Weakness(system.clone()),
                    say![
                        name,
                        " runs out of memory when services stand still: it died in ",
                        figure,
                        " tests.",
                    ],
                )
            });
        }
    }
    Ok(told)
}
