//! What `cargo regress` says of the instruction counts: each kernel against its own past, never one against another.

use super::Sentences;
use crate::analysis::findings::Topic;
use crate::analysis::findings::context::Context;
use crate::analysis::findings::node::Missing;
use crate::analysis::findings::sentence::{Figure, Quantity, say};

pub(super) fn counts(context: &Context<'_>) -> Sentences {
    let whole = context.target("instructions")?.whole();
    let judgement = whole.at("judgement")?;
    let mut kernels = judgement.list("kernels");
    kernels.retain(|kernel| kernel.word("verdict").is_some());
    if kernels.is_empty() {
        return Err(Missing::new("instructions", "no kernel was counted"));
    }
    let all: Vec<Figure> =
        kernels.iter().map(|kernel| kernel.cited(Quantity::Word("kernel".to_owned()))).collect();
    let of = |verdict: &str| kernels.iter().filter(|kernel| kernel.is("verdict", verdict)).count();
    let tally = |verdict| Figure::computed(&all, Quantity::Of(of(verdict), all.len()));
    let status = whole.at("status")?;
    let word = status.value().as_str().ok_or_else(|| Missing::new("instructions", "no status"))?;
    let word = Quantity::Word(word.to_owned());
    let sentence = say![
        "Instruction counts against the committed baseline: ",
        status.cited(word),
        "; ",
        tally("unchanged"),
        " kernels unchanged, ",
        tally("improved"),
        " improved, ",
        tally("regressed"),
        " regressed, ",
        tally("incomparable"),
        " incomparable.",
    ];
    Ok(vec![(Topic::Observation, sentence)])
}
