use crucible_profiles::dhat::{Amount, Figures, Place, Sites};
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::callers::callers;
use super::{Caller, Source, percent};

/// What a profile comes to.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Of what.
    pub source: Source,
    /// All that was ever allocated.
    pub total: Amount,
    /// What lived when the program held most.
    pub peak: Option<Amount>,
    /// What lived at the end.
    pub end: Option<Amount>,
    /// What lived only for a short time.
    pub short_lived: Option<Amount>,
    /// Sites whose blocks lived no longer than this on average are short-lived.
    pub short_lived_at_most: Option<u64>,
    /// Whether rankings tell callers.
    #[serde(skip)]
    pub tree: bool,
    /// The largest sites by each.
    pub rankings: Vec<Ranking>,
}

/// What sites are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    Total,
    Peak,
    End,
    ShortLived,
}

/// The largest sites by one of the ranks.
#[derive(Debug, Clone, Serialize)]
pub struct Ranking {
    /// By what.
    pub by: Rank,
    /// The largest first: by bytes, and what is short-lived by blocks.
    pub sites: Vec<RankedSite>,
    /// How many more there are.
    pub more: usize,
    /// What those come to.
    pub more_amount: Amount,
}

/// A place that asks for memory.
#[derive(Debug, Clone, Serialize)]
pub struct RankedSite {
    /// The first that is the user's.
    #[serde(flatten)]
    pub place: Place,
    /// How much.
    #[serde(flatten)]
    pub amount: Amount,
    /// Of all bytes; of what is short-lived, of all blocks.
    pub percent: f64,
    /// How long a block lived, of what is short-lived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_lifetime: Option<u64>,
    /// Who called, if that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<Caller>,
}

/// In a profile whose writer does not say what is short-lived it is a hundredth of the run; a longer time than the
/// writer's own is taken as well, as that does not grow with the run.
const SHORT_LIVED_SHARE: u64 = 100;

/// What one place asked for.
#[derive(Default, Clone, Copy)]
struct Sums {
    /// In the order of [`Rank::ALL`].
    amounts: [Amount; 4],
    /// Of what is short-lived, together.
    lifetimes: u64,
}

impl Rank {
    const ALL: [Self; 4] = [Self::Total, Self::Peak, Self::End, Self::ShortLived];

    /// What sites are ranked by first; blocks that live briefly cost by their number.
    fn key(self, amount: Amount) -> (u64, u64) {
        match self {
            Self::ShortLived => (amount.blocks, amount.bytes),
            _ => (amount.bytes, amount.blocks),
        }
    }
}

/// All that was allocated, by who asked for it first.
struct Tally<'a> {
    sites: &'a Sites,
    at_most: u64,
    places: FxHashMap<u32, Sums>,
    all: Sums,
}

impl<'a> Tally<'a> {
    fn of(sites: &'a Sites) -> Self {
        let header = sites.header();
        let at_most = header.short_lived.unwrap_or(0).max(header.end_time / SHORT_LIVED_SHARE);
        let (mut places, mut all) = (FxHashMap::<u32, Sums>::default(), Sums::default());
        sites.for_each(|figures, _, chain| {
            let amounts = Rank::ALL.map(|rank| amount(rank, figures, at_most));
            for sums in [places.entry(chain[0]).or_default(), &mut all] {
                sums.amounts.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount);
                if amounts[Rank::ShortLived as usize].blocks > 0 {
                    sums.lifetimes = sums.lifetimes.saturating_add(figures.lifetimes);
                }
            }
        });
        Self { sites, at_most, places, all }
    }

    fn whole(&self, rank: Rank) -> Amount {
        self.all.amounts[rank as usize]
    }

    fn ranking(&self, rank: Rank, top: usize, tree: bool) -> Ranking {
        let place = |number| self.sites.place(number);
        let ranked = self.places.iter().map(|(&number, sums)| (number, sums.amounts[rank as usize]));
        let mut ranked: Vec<_> = ranked.filter(|&(_, amount)| amount != Amount::default()).collect();
        ranked.sort_by(|a, b| rank.key(b.1).cmp(&rank.key(a.1)).then_with(|| place(a.0).cmp(place(b.0))));
        let rest = ranked.split_off(top.min(ranked.len()));
        let mut more_amount = Amount::default();
        rest.iter().for_each(|&(_, amount)| more_amount += amount);
        let mut sites: Vec<_> =
            ranked.iter().map(|&(number, amount)| self.site(rank, number, amount)).collect();
        if tree {
            let numbers: Vec<_> = ranked.iter().map(|&(number, _)| number).collect();
            let callers = callers(self.sites, &numbers, |figures| amount(rank, figures, self.at_most));
            sites.iter_mut().zip(callers).for_each(|(site, callers)| site.callers = callers);
        }
        Ranking { by: rank, sites, more: rest.len(), more_amount }
    }

    fn site(&self, rank: Rank, number: u32, amount: Amount) -> RankedSite {
        // What is short-lived is a part of all that was allocated.
        let whole = self.whole(if rank == Rank::ShortLived { Rank::Total } else { rank });
        let lifetime = || self.places[&number].lifetimes / amount.blocks.max(1);
        RankedSite {
            place: self.sites.place(number).clone(),
            amount,
            percent: percent(rank.key(amount).0, rank.key(whole).0),
            average_lifetime: (rank == Rank::ShortLived).then(lifetime),
            callers: Vec::new(),
        }
    }
}

/// How much of a stack counts. How long each of its blocks lived is not known, only how long all did together.
fn amount(rank: Rank, figures: &Figures, at_most: u64) -> Amount {
    let is_short_lived = || figures.lifetimes / figures.total.blocks.max(1) <= at_most;
    match rank {
        Rank::Total => figures.total,
        Rank::Peak => figures.peak,
        Rank::End => figures.end,
        Rank::ShortLived if is_short_lived() => figures.total,
        Rank::ShortLived => Amount::default(),
    }
}

/// With the `top` largest sites by each rank, and who calls them if `tree` is set.
pub fn summary(source: Source, sites: &Sites, top: usize, tree: bool) -> Summary {
    let tally = Tally::of(sites);
    let ranks = if source.has_lifetimes { &Rank::ALL[..] } else { &[Rank::Total] };
    let measured = |rank| source.has_lifetimes.then(|| tally.whole(rank));
    Summary {
        total: tally.whole(Rank::Total),
        peak: measured(Rank::Peak),
        end: measured(Rank::End),
        short_lived: measured(Rank::ShortLived),
        short_lived_at_most: source.has_lifetimes.then_some(tally.at_most),
        tree,
        rankings: ranks.iter().map(|&rank| tally.ranking(rank, top, tree)).collect(),
        source,
    }
}
