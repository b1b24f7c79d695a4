use super::{strings, table};
use crate::analysis::daemon_performance::grades;
use crate::analysis::grades::GradeThresholds;
use crate::measure::Reading;
use crate::report::comparison_analysis::verdict;
use crate::report::comprehensive::model::{Block, Drawing, Section, Table};
use crate::report::comprehensive::{Judged, plots};
use crate::report::daemon_performance as daemon;
use crate::results::comparison_analysis::{Comparison, ComparisonAnalysis, Side, Verdict};
use crate::results::daemon_performance::ClosedFigure;
use crate::stats::{Interval, RatioEstimate};

const TARGET: &str = "daemon_performance";

/// Block by block, with the controls: a ratio above 1 means that the one above the line is faster.
pub(super) fn blocks(judged: &Judged<'_>) -> Option<Section> {
    let results = judged.compared.as_ref()?;
    let both = [("comparisons", &results.comparisons), ("controls", &results.controls)];
    let mut lines = vec![strings(["comparison", "system", "over", "by quartile", "by total", "verdict"])];
    lines.extend(both.iter().flat_map(|(_, list)| list.iter()).map(compared));
    let warning = unreliable(results);
    if warning.is_some() {
        lines[1..=results.comparisons.len()].iter_mut().filter_map(|line| line.last_mut()).for_each(
            |verdict| {
                *verdict = format!("– ({verdict})");
            },
        );
    }
    let rows =
        both.iter().flat_map(|(name, list)| (0..list.len()).map(move |at| format!("/results/{name}/{at}")));
    let table = table("comparison_analysis", "Ratio of throughputs, block by block", lines, rows)?;
    let remarks =
        results.machine.iter().map(|remark| format!("The machine: {}; {}.", remark.state, remark.advice));
    let whys = results.comparisons.iter().chain(&results.controls);
    let whys =
        whys.filter_map(|comparison| Some(format!("{}: {}.", comparison.name, comparison.why.as_ref()?)));
    let method = &results.method;
    let note = format!(
        "Fresh instances each round in random order, adjacent blocks, {} to {} rounds by a pilot; intervals at {:.2} % each, so \
         that all hold together at 95 %; effects of {} % and more matter.",
        method.least_rounds,
        method.most_rounds,
        100.0 * method.confidence,
        method.relevant_percent
    );
    let told = remarks.chain(whys).chain([note]).map(Block::Paragraph);
    let blocks = warning.map(Block::Warning).into_iter().chain([table]).chain(told).collect();
    Section::of("blocks", "Side by side, block by block", blocks)
}

/// What to say of a run in which a system came out different from itself.
pub(super) fn unreliable(results: &ComparisonAnalysis) -> Option<String> {
    let differs = |control: &&Comparison| {
        matches!(control.verdict, Verdict::Faster | Verdict::Slower | Verdict::Contradictory)
    };
    let systems: Vec<&str> =
        results.controls.iter().filter(differs).map(|control| &*control.system.system).collect();
    (results.reliability.reliable == Reading::Value(false)).then(|| {
        format!(
            "Unreliable: {} came out different from itself, so no verdict of comparison_analysis counts. What is said of \
             throughput rests on daemon_performance.",
            systems.join(", ")
        )
    })
}

fn compared(comparison: &Comparison) -> Vec<String> {
    let shown = |estimate: &RatioEstimate| match &estimate.interval {
        Some(Interval { low, high, .. }) => format!("{:.3} [{low:.3}, {high:.3}]", estimate.ratio),
        None => format!("{:.3} [too few rounds]", estimate.ratio),
    };
    let side = |side: &Side| match &side.revision {
        Some(revision) => format!("{} at {revision}", side.system),
        None => side.system.clone(),
    };
    let verdict = verdict(comparison.verdict);
    let disagreement = if comparison.disagreement { ", quartile and total disagree" } else { "" };
    vec![
        comparison.name.clone(),
        side(&comparison.system),
        side(&comparison.over),
        shown(&comparison.quartile.estimate),
        shown(&comparison.total.estimate),
        format!("{verdict}{disagreement}"),
    ]
}

/// Side by side: throughput, what it takes, grades.
pub(super) fn section(judged: &Judged<'_>) -> Option<Section> {
    let results = judged.daemon.as_ref()?;
    let each = |list: &'static str, figures: &[ClosedFigure]| {
        (0..figures.len()).map(move |figure| format!("/results/{list}/{figure}")).collect::<Vec<_>>()
    };
    let systems = results.throughput.iter().enumerate().flat_map(|(figure, closed)| {
        (0..closed.systems.len()).map(move |system| format!("/results/throughput/{figure}/systems/{system}"))
    });
    let plot = plots::handler_time(&results.handler_time).map(|drawing| Block::Plots(vec![drawing]));
    let note = format!(
        "Ratios are Hodges–Lehmann estimates over {} interleaved rounds, their intervals at {:.2} % each, so that all of a run \
         hold together at 95 %. Above 1 the first-named is faster; where the interval contains 1, no difference was shown.",
        results.rounds,
        100.0 * results.confidence
    );
    let blocks = [
        table(
            TARGET,
            "Throughput against handler time (medium, in batches)",
            daemon::handler_time(&results.handler_time),
            each("handler_time", &results.handler_time),
        ),
        plot,
        table(
            TARGET,
            "Throughput, closed loop, handlers that do nothing (events/s)",
            daemon::throughput(&results.throughput),
            each("throughput", &results.throughput),
        ),
        Table::of(
            "Grades, medium scenario, one thread",
            daemon::grade_lines(&grades(results, &GradeThresholds::default())),
            [],
        ),
        table(TARGET, "The same runs: deliveries, CPU, memory", daemon::costs(&results.throughput), systems),
        Some(Block::Paragraph(note)),
    ];
    Section::of("comparison", "Side by side", blocks.into_iter().flatten().collect())
}

/// Latency by percentile, at equal offered load.
pub(super) fn latency(judged: &Judged<'_>) -> Option<Section> {
    let results = judged.daemon.as_ref()?;
    let rows = results.latency.iter().enumerate().flat_map(|(figure, latency)| {
        (0..latency.systems.len()).map(move |system| format!("/results/latency/{figure}/systems/{system}"))
    });
    let drawn: Vec<Drawing> = plots::by_percentile(&results.latency);
    let note = "From the moment at which an event was intended to be sent to the end of its handler. A quantile is given only \
                if ten deliveries lie beyond it. The pacer's lag is the load generator's own lateness: differences below it, at \
                the same quantile, say nothing.";
    let compared = results.latency.iter().enumerate().flat_map(|(figure, latency)| {
        (0..latency.ratios.len()).map(move |ratio| format!("/results/latency/{figure}/ratios/{ratio}"))
    });
    let compared = table(
        TARGET,
        &daemon::latency_ratios_title(&results.latency),
        daemon::latency_ratios(&results.latency),
        compared,
    );
    let rounds = daemon::latency_note(results).map(|note| Block::Paragraph(note.replace('\n', " ")));
    let blocks = [
        compared,
        rounds,
        (!drawn.is_empty()).then_some(Block::Plots(drawn)),
        table(TARGET, "Latency at equal offered load", daemon::latency(&results.latency), rows),
        Some(Block::Paragraph(note.to_owned())),
    ];
    Section::of("latency", "Latency by percentile", blocks.into_iter().flatten().collect())
}
