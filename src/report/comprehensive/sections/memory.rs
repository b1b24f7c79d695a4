use std::collections::BTreeMap;

use crucible_profiles::dhat::{Amount, Profile, Sites};
use crucible_tables::thousands;

use super::{beside, strings, table};
use crate::report::comprehensive::model::{Block, Section, Table};
use crate::report::comprehensive::{Judged, plots};
use crate::report::memory_profiling as memory;
use crate::report::quantity::bytes;
use crate::results::StoredFile;
use crate::results::memory_profiling::ProfileFigure;

const TARGET: &str = "memory_profiling";

/// Places of each profile that are shown.
const MOST_SITES: usize = 6;

/// Heap use over time, leaks, pressure, and who asks for what.
pub(super) fn section(judged: &Judged<'_>) -> Option<Section> {
    let results = judged.memory.as_ref()?;
    let file = judged.run.file(TARGET)?;
    let each = |list: &'static str, count: usize| (0..count).map(move |at| format!("/results/{list}/{at}"));
    let usage = results.usage.iter().enumerate().flat_map(|(figure, usage)| {
        (0..usage.systems.len()).map(move |system| format!("/results/usage/{figure}/systems/{system}"))
    });
    let mut blocks = Vec::new();
    let drawn = plots::memory_timeline(&results.usage);
    if !drawn.is_empty() {
        blocks.push(Block::Plots(drawn));
    }
    let tables = [
        table(TARGET, "Heap use, one thread, counted exactly", memory::usage(&results.usage), usage),
        table(TARGET, "Leaks", memory::leaks(&results.leaks), each("leaks", results.leaks.len())),
        table(
            TARGET,
            "Under pressure: services stand still",
            memory::pressure(&results.pressure),
            each("pressure", results.pressure.len()),
        ),
    ];
    blocks.extend(tables.into_iter().flatten());
    blocks.extend(sites(file, &results.profiles));
    Section::of("memory", "Memory", blocks)
}

/// The lines that ask for most, from the profiles beside the results.
fn sites(file: &StoredFile, profiles: &[ProfileFigure]) -> Vec<Block> {
    let mut lines = vec![strings(["place", "system", "bytes", "blocks", "of all bytes"])];
    let mut missing = Vec::new();
    for figure in profiles {
        let Some(path) = beside(file, &figure.file) else { continue };
        let read = Profile::read(&path).map_err(|why| why.to_string());
        match read.and_then(|profile| Sites::new(profile, &[]).map_err(|why| why.to_string())) {
            Ok(sites) => lines.extend(largest(&sites).into_iter().map(|(place, amount, share)| {
                vec![
                    place,
                    figure.system.clone(),
                    bytes(amount.bytes),
                    thousands(amount.blocks),
                    format!("{share:.1} %"),
                ]
            })),
            Err(why) => missing
                .push(Block::Paragraph(format!("not measured: heap sites of {}: {why}", figure.system))),
        }
    }
    Table::of("Heap sites: who asks for most while events flow", lines, [])
        .into_iter()
        .chain(missing)
        .collect()
}

fn largest(sites: &Sites) -> Vec<(String, Amount, f64)> {
    let mut places: BTreeMap<String, Amount> = BTreeMap::new();
    for site in sites.by_chain(|figures| figures.total.bytes > 0) {
        let place = sites.place(site.chain[0]);
        let amount = places.entry(format!("{} {}", place.short_function(), place.location())).or_default();
        *amount += site.figures.total;
    }
    let all = sites.sum().total.bytes.max(1) as f64;
    let mut ranked: Vec<(String, Amount)> = places.into_iter().collect();
    ranked.sort_by_key(|(_, amount)| std::cmp::Reverse(amount.bytes));
    ranked.truncate(MOST_SITES);
    ranked.into_iter().map(|(place, amount)| (place, amount, 100.0 * amount.bytes as f64 / all)).collect()
}
