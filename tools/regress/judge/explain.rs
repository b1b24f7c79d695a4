use std::collections::BTreeSet;

use crucible_profiles::{Difference, Metric};
use serde::Serialize;

use super::Change;
use crate::read::{Allocated, Function, KernelCosts, Location};

/// Where the difference of one kernel comes from.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Which.
    pub kernel: String,
    /// What it is compared with.
    pub against: String,
    /// Circumstances that differ: they may be why.
    pub differences: Vec<Difference>,
    /// Its counts.
    pub changes: Vec<Change>,
    /// Functions that cost more or less, the largest difference first.
    pub functions: Vec<FunctionChange>,
    /// Places that ask the heap for more or less, the largest difference first.
    pub allocations: Vec<AllocationChange>,
}

/// One function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionChange {
    /// Its name.
    pub function: String,
    /// Its costs before, and now.
    #[serde(rename = "self")]
    pub own: [u64; 2],
    /// With all that it calls.
    pub inclusive: [u64; 2],
    /// Bus events of its own.
    pub bus: [u64; 2],
    /// How often it was called.
    pub calls: [u64; 2],
    /// What it was inlined into.
    pub was_inlined_into: BTreeSet<String>,
    /// What it is inlined into.
    pub inlined_into: BTreeSet<String>,
    /// Where most of its cost is now.
    pub location: Option<Location>,
}

/// One place that asks for blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AllocationChange {
    /// The function and its file.
    pub site: String,
    /// Blocks before, and now.
    pub blocks: [u64; 2],
    /// Bytes before, and now.
    pub bytes: [u64; 2],
}

impl FunctionChange {
    /// By how many instructions its own cost differs.
    pub fn own_difference(&self) -> i128 {
        i128::from(self.own[1]) - i128::from(self.own[0])
    }

    /// By how many bus events.
    pub fn bus_difference(&self) -> i128 {
        i128::from(self.bus[1]) - i128::from(self.bus[0])
    }
}

/// What differs between the costs `before` and `now`. Both have to be thinned alike: what is left out counts as zero.
pub fn explain(before: &KernelCosts, now: &KernelCosts) -> (Vec<FunctionChange>, Vec<AllocationChange>) {
    let none = Function::default();
    let names: BTreeSet<_> = before.functions.keys().chain(now.functions.keys()).collect();
    let mut functions = Vec::new();
    for name in names {
        let before = before.functions.get(name).unwrap_or(&none);
        let now = now.functions.get(name).unwrap_or(&none);
        if before.own != now.own || before.bus != now.bus {
            functions.push(FunctionChange {
                function: name.clone(),
                own: [before.own, now.own],
                inclusive: [before.inclusive, now.inclusive],
                bus: [before.bus, now.bus],
                calls: [before.calls, now.calls],
                was_inlined_into: before.inlined_into.clone(),
                inlined_into: now.inlined_into.clone(),
                location: now.location.clone(),
            });
        }
    }
    functions.sort_by_key(|change| {
        (std::cmp::Reverse(change.own_difference().abs()), std::cmp::Reverse(change.bus_difference().abs()))
    });
    (functions, allocations(before, now))
}

fn allocations(before: &KernelCosts, now: &KernelCosts) -> Vec<AllocationChange> {
    let sites: BTreeSet<_> = before.allocations.keys().chain(now.allocations.keys()).collect();
    let of = |costs: &KernelCosts, site: &String| costs.allocations.get(site).copied().unwrap_or_default();
    let changes = sites.into_iter().filter_map(|site| {
        let (before, now): (Allocated, Allocated) = (of(before, site), of(now, site));
        (before != now).then(|| AllocationChange {
            site: site.clone(),
            blocks: [before.blocks, now.blocks],
            bytes: [before.bytes, now.bytes],
        })
    });
    let mut changes: Vec<_> = changes.collect();
    changes.sort_by_key(|change| {
        let [blocks, bytes] = [change.blocks, change.bytes].map(|[before, now]| now.abs_diff(before));
        (std::cmp::Reverse(blocks), std::cmp::Reverse(bytes))
    });
    changes
}

/// A place that a regression comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The function, or the place that asks for blocks.
    pub place: String,
    /// What grew there.
    pub metric: Metric,
    /// By how much.
    pub difference: i128,
    /// What the function was inlined into, or is now if it was not there before.
    pub inlined_into: BTreeSet<String>,
    /// Where most of its cost is now.
    pub location: Option<Location>,
}

/// Where growth in these metrics comes from, the largest share of each first.
pub fn origins(
    functions: &[FunctionChange],
    allocations: &[AllocationChange],
    metrics: &[Metric],
) -> Vec<Origin> {
    let mut origins = Vec::new();
    for &metric in metrics {
        let of_functions = functions.iter().map(|change| {
            let [before, now] = match metric {
                Metric::Instructions => change.own,
                Metric::BusEvents => change.bus,
                _ => [0, 0],
            };
            let inlined = if change.was_inlined_into.is_empty() {
                &change.inlined_into
            } else {
                &change.was_inlined_into
            };
            (&change.function, before, now, inlined.clone(), change.location.clone())
        });
        let of_allocations = allocations.iter().map(|change| {
            let [before, now] = match metric {
                Metric::Blocks => change.blocks,
                Metric::Bytes => change.bytes,
                _ => [0, 0],
            };
            (&change.site, before, now, BTreeSet::new(), None)
        });
        let grown = of_functions.chain(of_allocations).filter(|&(_, before, now, ..)| now > before);
        let mut grown: Vec<_> = grown
            .map(|(place, before, now, inlined_into, location)| Origin {
                place: place.clone(),
                metric,
                difference: i128::from(now) - i128::from(before),
                inlined_into,
                location,
            })
            .collect();
        grown.sort_by_key(|origin| std::cmp::Reverse(origin.difference));
        origins.extend(grown);
    }
    origins
}
