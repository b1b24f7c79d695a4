use crucible_profiles::dhat::{Amount, Place, Sites};
use serde::Serialize;

use super::{Source, percent};

/// What was not given back.
#[derive(Debug, Clone, Serialize)]
pub struct Leaks {
    /// Of what.
    pub source: Source,
    /// All that was ever allocated.
    pub total: Amount,
    /// What lived at the end.
    pub end: Amount,
    /// The largest first.
    pub sites: Vec<Live>,
    /// How many more there are.
    pub more: usize,
    /// What those come to.
    pub more_amount: Amount,
}

/// What was left of one chain of calls.
#[derive(Debug, Clone, Serialize)]
pub struct Live {
    /// How much.
    #[serde(flatten)]
    pub amount: Amount,
    /// Of the bytes that were left.
    pub percent: f64,
    /// Who asked for it, and who called them: only what is the user's own.
    pub stack: Vec<Place>,
}

/// The `top` largest of what lived at the end.
pub fn leaks(source: Source, sites: &Sites, top: usize) -> Leaks {
    let all = sites.sum();
    let mut live = sites.by_chain(|figures| figures.end != Amount::default());
    live.sort_by(|a, b| {
        let key = |amount: Amount| (amount.bytes, amount.blocks);
        key(b.figures.end).cmp(&key(a.figures.end)).then_with(|| a.chain.cmp(&b.chain))
    });
    let rest = live.split_off(top.min(live.len()));
    let mut more_amount = Amount::default();
    rest.iter().for_each(|site| more_amount += site.figures.end);
    let shown = live.iter().map(|site| Live {
        amount: site.figures.end,
        percent: percent(site.figures.end.bytes, all.end.bytes),
        stack: sites.places(&site.chain),
    });
    Leaks { source, total: all.total, end: all.end, sites: shown.collect(), more: rest.len(), more_amount }
}
