//! Two profiles, site by site.
//!
//! A site is the chain of the user's own places. An edit moves lines, so chains are matched by their functions first:
//! - as many chains of the same functions on both sides are matched in the order of their lines, which an edit keeps;
//! - if all lines of one side are among those of the other, lines did not move, and each is matched with itself;
//! - else it cannot be told which is which, and all of these functions are compared as one.
//!
//! Files do not count: one project may lie in two folders.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use crucible_profiles::dhat::{Amount, Place, Site, Sites};
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::{Source, amount};
use crate::args::By;

/// What differs between two profiles.
#[derive(Debug, Clone, Serialize)]
pub struct Diff {
    /// The one before.
    pub old: Source,
    /// The one after.
    pub new: Source,
    /// What sites are compared by.
    pub by: By,
    /// What differences may be divided by.
    pub events: Option<NonZeroU64>,
    /// Both profiles as wholes.
    pub totals: Vec<Whole>,
    /// How many sites there are of each kind.
    pub appeared: usize,
    pub gone: usize,
    pub grown: usize,
    pub shrunk: usize,
    pub unchanged: usize,
    /// The largest difference first.
    pub sites: Vec<Change>,
    /// How many more differ.
    pub more: usize,
}

/// A profile as a whole.
#[derive(Debug, Clone, Serialize)]
pub struct Whole {
    /// Of what.
    pub by: By,
    /// Before.
    pub old: Amount,
    /// After.
    pub new: Amount,
}

/// How a site differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Appeared,
    Gone,
    Grown,
    Shrunk,
}

/// A site that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// How.
    pub kind: Kind,
    /// Before.
    pub old: Amount,
    /// After.
    pub new: Amount,
    /// Bytes more for each event; less than zero if less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_event: Option<f64>,
    /// Blocks more for each event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks_per_event: Option<f64>,
    /// Who asks for it, and who calls them, as in the newer profile that has it.
    pub stack: Vec<Place>,
}

/// Less than zero if there is less now.
pub fn difference(old: u64, new: u64) -> i128 {
    i128::from(new) - i128::from(old)
}

/// A site of one of the profiles.
struct Sided {
    /// The old or the new one.
    side: usize,
    chain: Box<[u32]>,
    amount: Amount,
}

/// A site of both profiles. It is known as in the newer one that has it.
struct Pair {
    old: Amount,
    new: Amount,
    known: Sided,
}

impl Pair {
    /// None if nothing differs.
    fn kind(&self) -> Option<Kind> {
        let none = Amount::default();
        Some(match (self.old, self.new) {
            (old, new) if old == new => return None,
            (old, _) if old == none => Kind::Appeared,
            (_, new) if new == none => Kind::Gone,
            (old, new) if (new.bytes, new.blocks) > (old.bytes, old.blocks) => Kind::Grown,
            _ => Kind::Shrunk,
        })
    }

    fn by_how_much(&self) -> (u64, u64) {
        (self.new.bytes.abs_diff(self.old.bytes), self.new.blocks.abs_diff(self.old.blocks))
    }

    fn told(&self, kind: Kind, sites: [&Sites; 2], events: Option<NonZeroU64>) -> Change {
        let Self { old, new, known } = self;
        let each = |old: u64, new: u64| Some(difference(old, new) as f64 / events?.get() as f64);
        Change {
            kind,
            old: *old,
            new: *new,
            bytes_per_event: each(old.bytes, new.bytes),
            blocks_per_event: each(old.blocks, new.blocks),
            stack: sites[known.side].places(&known.chain),
        }
    }
}

/// Compares `old` with `new`, and shows the `top` largest differences.
pub fn diff(
    [old, new]: [Source; 2],
    sites: [&Sites; 2],
    by: By,
    events: Option<NonZeroU64>,
    top: usize,
) -> Diff {
    let pairs = pairs(sites, by);
    let mut changes: Vec<_> = pairs.iter().filter_map(|pair| Some((pair.kind()?, pair))).collect();
    changes.sort_by_key(|(_, pair)| std::cmp::Reverse(pair.by_how_much()));
    let count = |kind| changes.iter().filter(|change| change.0 == kind).count();
    let wholes = sites.map(Sites::sum);
    let measured = if old.has_lifetimes && new.has_lifetimes { 3 } else { 1 };
    let whole = |by| Whole { by, old: amount(by, &wholes[0]), new: amount(by, &wholes[1]) };
    Diff {
        old,
        new,
        by,
        events,
        totals: [By::Total, By::Peak, By::End].into_iter().take(measured).map(whole).collect(),
        appeared: count(Kind::Appeared),
        gone: count(Kind::Gone),
        grown: count(Kind::Grown),
        shrunk: count(Kind::Shrunk),
        unchanged: pairs.len() - changes.len(),
        more: changes.len().saturating_sub(top),
        sites: changes.iter().take(top).map(|&(kind, pair)| pair.told(kind, sites, events)).collect(),
    }
}

/// Sites by the functions of their chains, each as a number that is the same in both profiles.
type Groups = BTreeMap<Box<[u32]>, [Vec<Sided>; 2]>;

fn pairs(sites: [&Sites; 2], by: By) -> Vec<Pair> {
    let mut functions = FxHashMap::default();
    let mut groups = Groups::new();
    for (side, sites) in sites.into_iter().enumerate() {
        for Site { chain, figures } in sites.by_chain(|figures| amount(by, figures) != Amount::default()) {
            let number = |&place: &u32| {
                let next = functions.len() as u32;
                *functions.entry(sites.place(place).without_line()).or_insert(next)
            };
            let group = groups.entry(chain.iter().map(number).collect()).or_default();
            group[side].push(Sided { side, chain, amount: amount(by, &figures) });
        }
    }
    let lines = |site: &Sided| {
        let line = |&place: &u32| sites[site.side].place(place).line;
        site.chain.iter().map(line).collect()
    };
    groups.into_values().flat_map(|group| matched(group, lines)).collect()
}

type Lines = Vec<Option<u32>>;

/// Pairs of the sites of the same functions.
fn matched([mut old, mut new]: [Vec<Sided>; 2], lines: impl Fn(&Sided) -> Lines + Copy) -> Vec<Pair> {
    if old.len() == new.len() {
        old.sort_by_cached_key(lines);
        new.sort_by_cached_key(lines);
        return old.into_iter().zip(new).filter_map(|(old, new)| Pair::of(Some(old), Some(new))).collect();
    }
    let is_within = |few: &[Sided], many: &[Sided]| {
        let many: BTreeSet<_> = many.iter().map(lines).collect();
        few.iter().all(|site| many.contains(&lines(site)))
    };
    if is_within(&old, &new) || is_within(&new, &old) {
        return by_line(old, new, lines);
    }
    Pair::of(merged(old), merged(new)).into_iter().collect()
}

/// Those of the same lines; the others alone.
fn by_line(old: Vec<Sided>, new: Vec<Sided>, lines: impl Fn(&Sided) -> Lines) -> Vec<Pair> {
    let mut by_line = BTreeMap::<Lines, [Option<Sided>; 2]>::new();
    for (side, sites) in [old, new].into_iter().enumerate() {
        for site in sites {
            let at = &mut by_line.entry(lines(&site)).or_default()[side];
            *at = merged(at.take().into_iter().chain([site]));
        }
    }
    by_line.into_values().filter_map(|[old, new]| Pair::of(old, new)).collect()
}

fn merged(sites: impl IntoIterator<Item = Sided>) -> Option<Sided> {
    sites.into_iter().reduce(|mut first, other| {
        first.amount += other.amount;
        first
    })
}

impl Pair {
    /// None if neither has it.
    fn of(old: Option<Sided>, new: Option<Sided>) -> Option<Self> {
        let amount = |site: &Option<Sided>| site.as_ref().map(|site| site.amount).unwrap_or_default();
        let (before, now) = (amount(&old), amount(&new));
        Some(Self { old: before, new: now, known: new.or(old)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chains of one place, whose number is its line.
    fn sides(old: &[(u32, u64)], new: &[(u32, u64)]) -> Vec<(u64, u64)> {
        let site = |side, &(line, bytes): &(u32, u64)| {
            let amount = Amount { bytes, blocks: 1 };
            Sided { side, chain: [line].into(), amount }
        };
        let of = |side, sites: &[(u32, u64)]| sites.iter().map(|at| site(side, at)).collect();
        let lines = |site: &Sided| site.chain.iter().copied().map(Some).collect();
        let pairs = matched([of(0, old), of(1, new)], lines);
        pairs.iter().map(|pair| (pair.old.bytes, pair.new.bytes)).collect()
    }

    #[test]
    fn lines_that_moved_are_matched_in_their_order() {
        assert_eq!(sides(&[(10, 1), (12, 2)], &[(12, 1), (14, 2)]), [(1, 1), (2, 2)], "both moved by two");
        assert_eq!(sides(&[(10, 1), (12, 2)], &[(10, 1), (20, 5)]), [(1, 1), (2, 5)]);
    }

    #[test]
    fn a_line_more_or_less_appeared_or_is_gone() {
        assert_eq!(sides(&[(10, 1)], &[(10, 1), (12, 2)]), [(1, 1), (0, 2)]);
        assert_eq!(sides(&[(10, 1), (12, 2)], &[(12, 2)]), [(1, 0), (2, 2)]);
        assert_eq!(sides(&[], &[(12, 2)]), [(0, 2)]);
    }

    #[test]
    fn what_cannot_be_told_apart_is_one() {
        assert_eq!(sides(&[(10, 1), (12, 2)], &[(11, 1), (13, 2), (15, 4)]), [(3, 7)]);
    }

    #[test]
    fn a_difference_has_a_kind() {
        let amount = |(bytes, blocks)| Amount { bytes, blocks };
        for (old, new, kind) in [
            ((8, 1), (8, 1), None),
            ((0, 0), (8, 1), Some(Kind::Appeared)),
            ((8, 1), (0, 0), Some(Kind::Gone)),
            ((8, 1), (8, 3), Some(Kind::Grown)),
            ((8, 3), (4, 5), Some(Kind::Shrunk)),
        ] {
            let known = Sided { side: 0, chain: [0].into(), amount: Amount::default() };
            assert_eq!(Pair { old: amount(old), new: amount(new), known }.kind(), kind, "{old:?} {new:?}");
        }
    }
}
