//! What `comparison_analysis` allows to say: the same systems block by block, with a control that tells noise.

use super::daemon::ways;
use super::{Sentences, nothing, of_pairs, those_there};
use crate::analysis::findings::Topic;
use crate::analysis::findings::context::{Context, Pair};
use crate::analysis::findings::node::{Found, Missing, Node};
use crate::analysis::findings::sentence::{Quantity, Sentence, say};
use crate::analysis::findings::verdict::{Compared, Verdict, readable};

const TARGET: &str = "comparison_analysis";

/// The candidate against the baseline in all comparisons; none of them counts if a system differed from itself.
pub(in crate::analysis::findings) fn side_by_side(
    context: &Context<'_>,
    pair: &Pair,
) -> Found<Vec<Compared>> {
    let results = context.target(TARGET)?.whole();
    if results.at("results.reliability.reliable").is_ok_and(|reliable| reliable.value() == false) {
        return Err(Missing::new(TARGET, "unreliable: a system came out different from itself"));
    }
    let is_side = |figure: &Node<'_>, side: &str, name: &str| {
        figure.at(side).is_ok_and(|side| side.is("system", name) && side.get("revision").is_none())
    };
    let mut figures = context.list(TARGET, "comparisons")?;
    figures.retain(|figure| {
        is_side(figure, "system", &pair.candidate) && is_side(figure, "over", &pair.baseline)
    });
    if figures.is_empty() {
        return Err(nothing("comparisons of these systems"));
    }
    those_there(figures.iter().map(compared))
}

fn compared(figure: &Node<'_>) -> Found<Compared> {
    let estimate = figure.at("quartile.estimate")?;
    let ratio = estimate.number("ratio")?;
    let ends = estimate.number("interval.low").and_then(|low| Ok((low, estimate.number("interval.high")?)));
    let interval = ends.map_err(|_| Missing::new(figure.what(), "too few rounds for an interval"))?;
    // The bench judges by quartile and total together.
    let verdict = match figure.word("verdict") {
        Some("faster") => Verdict::More,
        Some("slower") => Verdict::Less,
        Some("equivalent") => Verdict::Same,
        _ => Verdict::NotShown,
    };
    let figure_of = estimate.cited(Quantity::Ratio { value: ratio, interval: Some(interval) });
    Ok(Compared { name: readable(&figure.what()), figure: figure_of, ratio, interval, verdict })
}

pub(super) fn comparisons(context: &Context<'_>) -> Sentences {
    of_pairs(context, |pair| Ok(ways(pair, &side_by_side(context, pair)?, "side by side, block by block")))
}

/// What this machine could not tell from nothing.
pub(super) fn noise(context: &Context<'_>) -> Sentences {
    let whole = context.target(TARGET)?.whole();
    let reliability = whole.at("results.reliability")?;
    let floor = reliability.figure("noise_floor_percent", Quantity::Percent)?;
    let reliable = reliability.at("reliable")?;
    let told: Sentence = match reliable.value().as_bool() {
        Some(true) => say![
            "No system was shown to differ from itself; how far that goes: ±",
            floor,
            " in the worst case. Trust smaller effects of single comparisons less.",
        ],
        Some(false) => say![
            "A system came out different from itself (",
            reliable.cited(Quantity::Word("not reliable".to_owned())),
            "): no comparison side by side counts. What the controls could not tell from nothing: ",
            floor,
            ".",
        ],
        None => return Err(nothing("controls")),
    };
    Ok(vec![(Topic::Observation, told)])
}
