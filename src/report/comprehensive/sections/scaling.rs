use super::table;
use crate::report::comprehensive::model::{Block, Section};
use crate::report::comprehensive::{Judged, plots};
use crate::report::scalability_testing::{dimensions, limits};

const TARGET: &str = "scalability_testing";

/// Limits, overload, growth.
pub(super) fn section(judged: &Judged<'_>) -> Option<Section> {
    let results = judged.scaling.as_ref()?;
    let systems = || {
        results.limits.iter().enumerate().flat_map(|(limit, figure)| {
            figure
                .systems
                .iter()
                .enumerate()
                .map(move |(system, found)| (format!("/results/limits/{limit}/systems/{system}"), found))
        })
    };
    let overloaded =
        systems().filter(|(_, found)| found.overload.is_some() && found.confirmed.rate.is_some());
    let mut blocks: Vec<Block> = [
        table(
            TARGET,
            "Highest sustained rate (events/s)",
            limits::limits(&results.limits),
            systems().map(|(place, _)| place),
        ),
        table(
            TARGET,
            "Beyond it, and back",
            limits::overloads(&results.limits),
            overloaded.map(|(place, _)| format!("{place}/overload")),
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    let legend = limits::legend(&results.limits).map(|legend| legend.replace('\n', " "));
    let notes = limits::notes(&results.limits).into_iter().map(|note| format!("{note}."));
    blocks.extend(legend.into_iter().chain(notes).map(Block::Paragraph));
    let drawn = plots::overload(&results.limits);
    if !drawn.is_empty() {
        blocks.push(Block::Plots(drawn));
    }
    let growth = results.dimensions.iter().enumerate().flat_map(|(dimension, figure)| {
        (0..figure.growth.len()).map(move |system| format!("/results/dimensions/{dimension}/growth/{system}"))
    });
    blocks.extend(table(TARGET, "Growth", dimensions::growth(&results.dimensions), growth));
    for (at, figure) in results.dimensions.iter().enumerate() {
        let points = (0..figure.points.len()).map(|point| format!("/results/dimensions/{at}/points/{point}"));
        let drawn = plots::dimension(figure);
        blocks.push(Block::Heading(dimensions::title(figure)));
        if !drawn.is_empty() {
            blocks.push(Block::Plots(drawn));
        }
        blocks.extend(table(TARGET, figure.dimension.as_str(), dimensions::points(figure), points));
    }
    Section::of("scaling", "Limits and growth", blocks)
}
