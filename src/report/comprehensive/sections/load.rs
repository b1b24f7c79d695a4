use super::{beside, table};
use crate::report::comprehensive::model::{Block, Section, Table};
use crate::report::comprehensive::{Judged, plots};
use crate::report::load_testing as load;

const TARGET: &str = "load_testing";

/// Open load: patterns, failures, recovery.
pub(super) fn section(judged: &Judged<'_>) -> Option<Section> {
    let results = judged.load.as_ref()?;
    let file = judged.run.file(TARGET)?;
    let figures = &results.figures;
    let rows = figures.iter().enumerate().flat_map(|(figure, load)| {
        (0..load.systems.len()).map(move |system| format!("/results/figures/{figure}/systems/{system}"))
    });
    let failing: Vec<String> = figures
        .iter()
        .enumerate()
        .flat_map(|(at, figure)| {
            figure.systems.iter().enumerate().map(move |(system, load)| (at, system, load))
        })
        .filter(|(_, _, load)| load.run.failures.is_some())
        .map(|(figure, system, _)| format!("/results/figures/{figure}/systems/{system}/run/failures"))
        .collect();
    let mut drawn = plots::against_load(figures);
    drawn.extend(plots::second_by_second(figures));
    drawn.extend(plots::recorded(figures, &|path| beside(file, path)));
    let mut blocks: Vec<Block> = Vec::new();
    if !drawn.is_empty() {
        blocks.push(Block::Plots(drawn));
    }
    let tables = [
        table(
            TARGET,
            "Latency under open load, from the intended moment to done",
            load::latency(figures),
            rows,
        ),
        Table::of("What it took", load::costs(figures), []),
        table(
            TARGET,
            "Failures: response times before, during and after them, and the time to recover",
            load::failures(figures),
            failing,
        ),
        Table::of("What became of failed deliveries", load::account(figures), []),
        Table::of("Known answers", load::known_answers(&results.known_answers), []),
    ];
    blocks.extend(tables.into_iter().flatten());
    blocks.push(Block::Paragraph(load::NOTE.replace('\n', " ")));
    Section::of("load", "Load, failures, recovery", blocks)
}
