use crucible_profiles::dhat::{Amount, Figures, Place, Sites};
use rustc_hash::FxHashMap;
use serde::Serialize;

/// Who called a site, and how much on their behalf.
#[derive(Debug, Clone, Serialize)]
pub struct Caller {
    /// Who.
    #[serde(flatten)]
    pub place: Place,
    /// How much.
    #[serde(flatten)]
    pub amount: Amount,
    /// Who called them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<Caller>,
}

/// A caller on whose behalf less than this share of a site was allocated is not told: one in twenty.
const SHARE_TOLD: u64 = 20;

#[derive(Default)]
struct Node {
    amount: Amount,
    callers: FxHashMap<u32, Node>,
}

/// The callers of each of these places; `amount` says how much of a stack counts.
pub fn callers(sites: &Sites, of: &[u32], amount: impl Fn(&Figures) -> Amount) -> Vec<Vec<Caller>> {
    let mut roots: FxHashMap<u32, Node> = of.iter().map(|&place| (place, Node::default())).collect();
    sites.for_each(|figures, _, chain| {
        let amount = amount(figures);
        if amount == Amount::default() {
            return;
        }
        let Some(mut node) = roots.get_mut(&chain[0]) else { return };
        node.amount += amount;
        for &place in &chain[1..] {
            node = node.callers.entry(place).or_default();
            node.amount += amount;
        }
    });
    of.iter().map(|place| told(sites, &roots[place], roots[place].amount)).collect()
}

fn told(sites: &Sites, node: &Node, whole: Amount) -> Vec<Caller> {
    let is_large = |amount: Amount| {
        amount.bytes.saturating_mul(SHARE_TOLD) >= whole.bytes && amount.blocks > 0
            || amount.blocks.saturating_mul(SHARE_TOLD) >= whole.blocks
    };
    let large = node.callers.iter().filter(|(_, caller)| is_large(caller.amount));
    let mut callers: Vec<_> = large
        .map(|(&place, caller)| Caller {
            place: sites.place(place).clone(),
            amount: caller.amount,
            callers: told(sites, caller, whole),
        })
        .collect();
    callers.sort_by(|a, b| {
        (b.amount.bytes, b.amount.blocks, &a.place).cmp(&(a.amount.bytes, a.amount.blocks, &b.place))
    });
    callers
}
