use crucible_profiles::dhat::{Amount, Figures, Sites};
use crucible_profiles::{Refusal, Result};
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::{RankedSite, Source, Status, amount, percent};
use crate::args::{By, Limits};

/// A profile held against limits.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// Of what.
    pub source: Source,
    /// Each limit that was given.
    pub limits: Vec<Held>,
    /// What was left out, and how much that is.
    pub allowed: Vec<Allowed>,
    /// The largest sites by the first limit that is exceeded.
    pub sites: Vec<RankedSite>,
}

/// One limit.
#[derive(Debug, Clone, Serialize)]
pub struct Held {
    /// Of what.
    pub by: By,
    /// Whether blocks are limited, as opposed to bytes.
    pub of_blocks: bool,
    /// Most that is allowed.
    pub limit: u64,
    /// What there is, without what was left out.
    pub value: u64,
    /// What was left out of it.
    pub left_out: u64,
    /// Whether there is more than is allowed.
    pub exceeded: bool,
}

/// What one pattern matches. A site that two patterns match is told with both.
#[derive(Debug, Clone, Serialize)]
pub struct Allowed {
    /// The pattern.
    pub pattern: String,
    /// How many different stacks.
    pub stacks: usize,
    /// Of what was ever allocated.
    pub total: Amount,
    /// Of what lived when the program held most.
    pub peak: Amount,
    /// Of what lived at the end.
    pub end: Amount,
}

impl Check {
    pub fn status(&self) -> Status {
        if self.limits.iter().any(|held| held.exceeded) { Status::Exceeded } else { Status::Fine }
    }
}

/// Where an exceeded limit comes from is told by this many sites.
const SITES_TOLD: usize = 5;

/// Holds the profile against `limits`; what passes through a frame with one of `allow` in it is left out.
pub fn check(source: Source, sites: &Sites, limits: &Limits, allow: &[String]) -> Result<Check> {
    let limits = given(limits);
    if limits.iter().any(|&(by, ..)| by != By::Total) {
        source.require_lifetimes()?;
    }
    let mut patterns: Vec<_> = allow.iter().map(|pattern| Pattern::of(sites, pattern)).collect();
    let (mut judged, mut left_out) = (Figures::default(), Figures::default());
    let mut places = FxHashMap::<u32, Figures>::default();
    sites.for_each(|figures, calls, chain| {
        let mut is_allowed = false;
        for pattern in &mut patterns {
            is_allowed |= pattern.take(figures, calls);
        }
        if is_allowed {
            left_out += *figures;
        } else {
            judged += *figures;
            *places.entry(chain[0]).or_default() += *figures;
        }
    });
    if let Some(pattern) = patterns.iter().find(|pattern| pattern.stacks == 0) {
        return Err(Refusal::new(format!(
            "`--allow {}` matches nothing in `{}`: what it allowed is gone, so remove it, or it is misspelt",
            pattern.pattern, source.file
        )));
    }
    let limits: Vec<_> = limits
        .into_iter()
        .map(|(by, of_blocks, limit)| {
            let value = part(amount(by, &judged), of_blocks);
            let left_out = part(amount(by, &left_out), of_blocks);
            Held { by, of_blocks, limit, value, left_out, exceeded: value > limit }
        })
        .collect();
    let exceeded = limits.iter().find(|held| held.exceeded);
    let sites = exceeded.map(|held| largest(sites, &places, held)).unwrap_or_default();
    Ok(Check { source, limits, allowed: patterns.into_iter().map(Pattern::finish).collect(), sites })
}

/// Of what, whether of blocks, and how much.
fn given(limits: &Limits) -> Vec<(By, bool, u64)> {
    [
        (By::Peak, false, limits.max_peak.map(|bytes| bytes.0)),
        (By::Peak, true, limits.max_peak_blocks),
        (By::End, false, limits.max_end_bytes.map(|bytes| bytes.0)),
        (By::End, true, limits.max_end_blocks),
        (By::Total, false, limits.max_total_bytes.map(|bytes| bytes.0)),
        (By::Total, true, limits.max_total_blocks),
    ]
    .into_iter()
    .filter_map(|(by, of_blocks, limit)| Some((by, of_blocks, limit?)))
    .collect()
}

fn part(amount: Amount, of_blocks: bool) -> u64 {
    if of_blocks { amount.blocks } else { amount.bytes }
}

struct Pattern<'a> {
    pattern: &'a str,
    /// For each frame.
    matches: Vec<bool>,
    stacks: usize,
    figures: Figures,
}

impl<'a> Pattern<'a> {
    fn of(sites: &Sites, pattern: &'a str) -> Self {
        Self { pattern, matches: sites.matches(pattern), stacks: 0, figures: Figures::default() }
    }

    fn take(&mut self, figures: &Figures, calls: &[u32]) -> bool {
        let is_match = calls.iter().any(|&call| self.matches[call as usize]);
        if is_match {
            self.stacks += 1;
            self.figures += *figures;
        }
        is_match
    }

    fn finish(self) -> Allowed {
        let Figures { total, peak, end, .. } = self.figures;
        Allowed { pattern: self.pattern.to_owned(), stacks: self.stacks, total, peak, end }
    }
}

fn largest(sites: &Sites, places: &FxHashMap<u32, Figures>, held: &Held) -> Vec<RankedSite> {
    let ranked = places.iter().map(|(&place, figures)| (place, amount(held.by, figures)));
    let mut ranked: Vec<_> = ranked.filter(|&(_, amount)| part(amount, held.of_blocks) > 0).collect();
    ranked.sort_by(|a, b| {
        let key = |amount| part(amount, held.of_blocks);
        key(b.1).cmp(&key(a.1)).then_with(|| sites.place(a.0).cmp(sites.place(b.0)))
    });
    let site = |(place, amount)| RankedSite {
        place: sites.place(place).clone(),
        amount,
        percent: percent(part(amount, held.of_blocks), held.value),
        average_lifetime: None,
        callers: Vec::new(),
    };
    ranked.into_iter().take(SITES_TOLD).map(site).collect()
}
