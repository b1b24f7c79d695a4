//! What holds a system back when more is published than it does, with the figures that decided.

use serde::Deserialize;

use super::{Sentences, nothing};
use crate::analysis::findings::Topic;
use crate::analysis::findings::context::Context;
use crate::analysis::findings::node::{Found, Missing, Node};
use crate::analysis::findings::sentence::{Piece, Quantity, Sentence, say};
use crate::analysis::findings::verdict::readable;
use crate::results::bottleneck::{Bottleneck, Figure};

pub(super) fn bottlenecks(context: &Context<'_>) -> Sentences {
    let mut told = Vec::new();
    let mut missing = nothing("bottlenecks");
    for figure in context.list("scalability_testing", "limits")? {
        // Limits that theory knows test the test, not the systems.
        if figure.get("theory").is_some() {
            continue;
        }
        for system in context.systems() {
            match of_system(&figure, &system) {
                Ok(sentence) => told.push(sentence),
                Err(why) => missing = why,
            }
        }
    }
    if told.is_empty() { Err(missing) } else { Ok(told) }
}

fn of_system(figure: &Node<'_>, system: &str) -> Found<(Topic, Sentence)> {
    let seen = figure.of_system("systems", system)?.at("bottleneck")?;
    if let Some(why) = seen.word("not_measured") {
        return Err(Missing::new(figure.what(), why));
    }
    let verdict = seen.at("verdict")?;
    let unknown = || Missing::new(figure.what(), "a bottleneck of another version");
    let what = verdict.at("bottleneck")?;
    let bottleneck = Bottleneck::deserialize(what.value()).map_err(|_| unknown())?;
    let found = what.cited(Quantity::Word(bottleneck.as_str().to_owned()));
    let intro =
        say!["When more is published than it does (", readable(&figure.what()), "), ", system.to_owned()];
    let (topic, words) = match bottleneck {
        Bottleneck::NotSaturated | Bottleneck::Outside => (Topic::Observation, " has no bottleneck inside; "),
        Bottleneck::Unclear => (Topic::Observation, " is held back by something "),
        _ => (Topic::Bottleneck(system.to_owned()), " is held back by "),
    };
    let evidence = Sentence::joined(verdict.list("evidence").iter().filter_map(decided), ", ");
    let mut sentence = intro.then(words).with(Sentence(vec![Piece::from(found)]));
    if !evidence.0.is_empty() {
        sentence = sentence.then(" (").with(evidence).then(")");
    }
    Ok((topic, sentence.then(".")))
}

/// One figure that decided, with its name.
fn decided(evidence: &Node<'_>) -> Option<Sentence> {
    let figure = Figure::deserialize(evidence.get("figure")?.value()).ok()?;
    let quantity: fn(f64) -> Quantity = match figure {
        Figure::CoresUsed | Figure::WaitingForCore => Quantity::Number,
        Figure::Samples | Figure::FaultsPerCpuSecond => Quantity::Count,
        Figure::WithHalfTheCores
        | Figure::WithSlowerCores
        | Figure::WithHeldCalls
        | Figure::CostWithHalfTheCores => |value| Quantity::Ratio { value, interval: None },
        _ => Quantity::Fraction,
    };
    Some(say![figure.as_str(), " ", evidence.figure("value", quantity).ok()?])
}
