//! The tables of `daemon_performance`.

use std::fmt::Write;

use crucible_tables::{columns, thousands};

use super::quantity::{bytes, rate, three_digits, time, times};
use crate::analysis::daemon_performance::{Graded, LatencyVerdict, SystemGrades, latency_verdict};
use crate::experiment::Role;
use crate::measure::Reading;
use crate::results::daemon_performance::{
    ClosedFigure, DaemonPerformance, LatencyFigure, Quantile, Ratio, SystemLatency, SystemThroughput,
};
use crate::stats::RatioEstimate;
use crate::sut::HandlerWork;
use crate::workload::trace::Speed;

/// Beside the table of ratios of latencies, if there are any.
pub(super) fn latency_note(results: &DaemonPerformance) -> Option<String> {
    let rounds = results.latency.iter().find_map(|figure| Some(figure.ratios.first()?.p99.rounds))?;
    let (asked, confidence) = (results.latency_rounds, 100.0 * results.confidence);
    let rounds = if rounds == asked { rounds.to_string() } else { format!("up to {asked}") };
    Some(format!(
        "Ratios of latencies: over {rounds} rounds in turns with fresh instances, [interval] at {confidence:.2} % each. Less is \
         better. A quantile is\nlower or higher where 1 lies outside the interval, the effect is 1 % at least, and the typical \
         rounds differ by more than the\npacer's lag at that quantile (if not: within lag); the same where all of the interval lies \
         within 1 %; else it is not shown.\nWhere a load was offered in several rounds, its rows show the round whose P99 is the median."
    ))
}

/// All tables: the ratio against handler time first, since it is what decides.
pub fn text(results: &DaemonPerformance, grades: &[SystemGrades]) -> String {
    let mut out = String::new();
    let rounds = results.rounds;
    let confidence = 100.0 * results.confidence;
    section(&mut out, "Ratio of throughputs against handler time", &handler_time(&results.handler_time));
    section(
        &mut out,
        "Throughput, closed loop, handlers that do nothing (events/s)",
        &throughput(&results.throughput),
    );
    section(&mut out, "The same runs: deliveries, CPU, memory", &costs(&results.throughput));
    section(
        &mut out,
        "Latency under offered load, from the intended moment to acknowledged",
        &latency(&results.latency),
    );
    section(&mut out, &latency_ratios_title(&results.latency), &latency_ratios(&results.latency));
    section(&mut out, "Grades, medium scenario, one thread", &grade_lines(grades));
    let _ = writeln!(
        out,
        "Ratios of throughput: Hodges–Lehmann estimate over {rounds} interleaved rounds with fresh instances, [interval] at \
         {confidence:.2} % each,\nso that all of a run hold together at 95 %. Closed loop: no latency under load. \
         `–`: not measured; the reasons follow."
    );
    if let Some(note) = latency_note(results) {
        let _ = writeln!(out, "{note}");
    }
    for reason in reasons(results) {
        let _ = writeln!(out, "not measured: {reason}");
    }
    out
}

fn section(out: &mut String, title: &str, lines: &[Vec<String>]) {
    if lines.len() > 1 {
        let _ = writeln!(out, "{title}\n{}", columns(lines));
    }
}

fn head(first: &str, others: impl IntoIterator<Item = String>) -> Vec<String> {
    std::iter::once(first.to_owned()).chain(others).collect()
}

fn strings<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

/// A line for each handler time and number of threads.
pub(super) fn handler_time(figures: &[ClosedFigure]) -> Vec<Vec<String>> {
    let Some(first) = figures.first() else { return Vec::new() };
    let ratios = first.ratios.iter().map(|ratio| format!("{} / {}", ratio.system, ratio.over));
    let systems = first.systems.iter().map(|system| format!("{} events/s", system.system));
    let mut lines =
        vec![head("each delivery takes", ["threads".to_owned()].into_iter().chain(ratios).chain(systems))];
    for figure in figures {
        let ratios = figure.ratios.iter().map(ratio);
        let systems = figure.systems.iter().map(|system| rate(system.events_per_second));
        let threads = figure.threads.0.to_string();
        lines.push(head(&work(figure.work), [threads].into_iter().chain(ratios).chain(systems)));
    }
    lines
}

fn work(work: HandlerWork) -> String {
    match work {
        HandlerWork::None => "nothing".to_owned(),
        HandlerWork::Spin(time) => format!("{} µs of CPU", time.as_micros()),
        HandlerWork::Await(time) => format!("{} ms awaited", time.as_millis()),
    }
}

fn ratio(ratio: &Ratio) -> String {
    estimate(&ratio.estimate)
}

fn estimate(estimate: &RatioEstimate) -> String {
    let interval = estimate.interval.as_ref().map_or_else(
        || "[too few rounds]".to_owned(),
        |interval| format!("[{}, {}]", times(interval.low), times(interval.high)),
    );
    format!("{} {interval}", times(estimate.ratio))
}

/// A line for each scenario, number of threads and way of publishing.
pub(super) fn throughput(figures: &[ClosedFigure]) -> Vec<Vec<String>> {
    let Some(first) = figures.first() else { return Vec::new() };
    let column = |system: &SystemThroughput| column_of(&system.system, system.role);
    let systems = first.systems.iter().map(column);
    let ratios = first.ratios.iter().map(|r| format!("{} / {}", r.system, over(first, r)));
    let mut lines = vec![head("", strings(["fan-out", "threads"]).into_iter().chain(systems).chain(ratios))];
    for figure in figures {
        let facts = strings([&three_digits(figure.scenario.fan_out), &figure.threads.0.to_string()]);
        let systems = figure.systems.iter().map(|system| rate(system.events_per_second));
        let ratios = figure.ratios.iter().map(ratio);
        lines.push(head(&label(figure), facts.into_iter().chain(systems).chain(ratios)));
    }
    lines
}

/// References of both kinds share a column: in each line the one stands there that fits its publishing.
fn column_of(system: &str, role: Role) -> String {
    if matches!(role, Role::Reference(_)) { "reference".to_owned() } else { system.to_owned() }
}

fn over(figure: &ClosedFigure, ratio: &Ratio) -> String {
    let role = figure.systems.iter().find(|system| system.system == ratio.over).map(|system| system.role);
    role.map_or_else(|| ratio.over.clone(), |role| column_of(&ratio.over, role))
}

fn label(figure: &ClosedFigure) -> String {
    format!("{}, {}", figure.scenario.name, figure.publishing)
}

/// A line for each system in each figure.
pub(super) fn costs(figures: &[ClosedFigure]) -> Vec<Vec<String>> {
    let mut lines = vec![strings([
        "",
        "threads",
        "system",
        "deliveries/s",
        "success",
        "errors",
        "CPU of a core",
        "peak memory",
    ])];
    for figure in figures {
        for system in &figure.systems {
            lines.push(vec![
                label(figure),
                figure.threads.0.to_string(),
                system.system.clone(),
                rate(system.deliveries_per_second),
                format!("{:.2} %", system.success_percent),
                format!("{:.2} %", system.error_percent),
                reading(&system.cpu_percent, |percent| format!("{percent:.0} %")),
                reading(&system.peak_memory, |&peak| bytes(peak)),
            ]);
        }
    }
    lines
}

fn reading<T>(reading: &Reading<T>, show: impl Fn(&T) -> String) -> String {
    reading.value().map_or_else(|| "–".to_owned(), show)
}

/// A line for each system at each load.
pub(super) fn latency(figures: &[LatencyFigure]) -> Vec<Vec<String>> {
    let mut lines = vec![strings([
        "",
        "threads",
        "offered/s",
        "of slower",
        "system",
        "mean",
        "P50",
        "P95",
        "P99",
        "P99.9",
        "max",
        "pacer lag P99",
        "CPU of a core",
    ])];
    for figure in figures {
        for system in &figure.systems {
            lines.push(latency_line(figure, system));
        }
    }
    lines
}

fn latency_line(figure: &LatencyFigure, system: &SystemLatency) -> Vec<String> {
    let run = &system.run;
    let valid = run.pacing.valid().is_ok();
    let summary = run.latency.filter(|_| valid);
    let quantile = |ns: Option<u64>| ns.map_or_else(|| "–".to_owned(), nanoseconds);
    let lag = run.pacing.lag.and_then(|lag| lag.p99);
    let percent =
        figure.percent_of_slower.map_or_else(|| "–".to_owned(), |percent| format!("{percent:.0} %"));
    vec![
        figure.scenario.name.clone(),
        figure.threads.0.to_string(),
        offered(figure),
        percent,
        system.system.clone(),
        summary.map_or_else(|| "–".to_owned(), |s| time(s.mean)),
        quantile(summary.and_then(|s| s.p50)),
        quantile(summary.and_then(|s| s.p95)),
        quantile(summary.and_then(|s| s.p99)),
        quantile(summary.and_then(|s| s.p999)),
        quantile(summary.map(|s| s.max)),
        quantile(lag),
        if valid { reading(&run.cpu_percent, |percent| format!("{percent:.1} %")) } else { "–".to_owned() },
    ]
}

/// Whose latency stands over whose, if it is the same two in all ratios.
fn only_pair(figures: &[LatencyFigure]) -> Option<(&str, &str)> {
    let mut pairs =
        figures.iter().flat_map(|figure| &figure.ratios).map(|ratio| (&*ratio.system, &*ratio.over));
    let first = pairs.next()?;
    pairs.all(|pair| pair == first).then_some(first)
}

/// What stands above the table of [`latency_ratios`].
pub(super) fn latency_ratios_title(figures: &[LatencyFigure]) -> String {
    let (system, over) = only_pair(figures).unwrap_or(("one system", "another"));
    format!("Latency of {system} over that of {over}, at equal offered load")
}

/// A line for each ratio at each load. Names stand in a column only if they are not the same in all lines.
pub(super) fn latency_ratios(figures: &[LatencyFigure]) -> Vec<Vec<String>> {
    let pairs: &[&str] = if only_pair(figures).is_some() { &[] } else { &["system", "over"] };
    let quantiles = ["P50", "P50 is", "P95", "P95 is", "P99", "P99 is"];
    let head = [&["", "threads", "offered/s"], pairs, &quantiles].concat();
    let mut lines = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    for figure in figures {
        for ratio in &figure.ratios {
            let mut line = vec![figure.scenario.name.clone(), figure.threads.0.to_string(), offered(figure)];
            if !pairs.is_empty() {
                line.extend([ratio.system.clone(), ratio.over.clone()]);
            }
            for quantile in Quantile::ALL {
                line.push(quantile.of_ratio(ratio).map_or_else(|| "–".to_owned(), estimate));
                line.push(words(latency_verdict(figure, ratio, quantile)).to_owned());
            }
            lines.push(line);
        }
    }
    lines
}

const fn words(verdict: LatencyVerdict) -> &'static str {
    match verdict {
        LatencyVerdict::Lower => "lower",
        LatencyVerdict::Higher => "higher",
        LatencyVerdict::WithinLag => "within lag",
        LatencyVerdict::Same => "same",
        LatencyVerdict::NotShown => "not shown",
    }
}

/// `1,000`, or `341 as recorded, 10x`.
fn offered(figure: &LatencyFigure) -> String {
    let rate = thousands(figure.events_per_second);
    match figure.speed {
        Some(Speed::RECORDED) => format!("{rate} as recorded"),
        Some(speed) => format!("{rate} as recorded, {speed}"),
        None => rate,
    }
}

#[allow(clippy::cast_precision_loss)] // latencies are far below 2⁵³ ns
fn nanoseconds(ns: u64) -> String {
    time(ns as f64)
}

pub(super) fn grade_lines(grades: &[SystemGrades]) -> Vec<Vec<String>> {
    let mut lines = vec![strings(["", "throughput", "mean latency", "memory", "CPU of a core"])];
    for system in grades {
        lines.push(vec![
            system.system.clone(),
            graded(&system.throughput, |&events| format!("{}/s", rate(events))),
            graded(&system.mean_latency_ns, |&ns| time(ns)),
            graded(&system.memory, |&peak| bytes(peak)),
            graded(&system.cpu_percent, |percent| format!("{percent:.1} %")),
        ]);
    }
    lines
}

fn graded<T>(reading: &Reading<Graded<T>>, show: impl Fn(&T) -> String) -> String {
    reading.value().map_or_else(
        || "–".to_owned(),
        |graded| format!("{} {}", graded.grade.as_str(), show(&graded.figure)),
    )
}

/// Why there are gaps.
pub(super) fn reasons(results: &DaemonPerformance) -> Vec<String> {
    let mut reasons = Vec::new();
    for figure in results.throughput.iter().chain(&results.handler_time) {
        for system in &figure.systems {
            let missing = [("CPU", system.cpu_percent.why()), ("peak memory", system.peak_memory.why())];
            for (what, why) in missing.into_iter().filter_map(|(what, why)| Some((what, why?))) {
                reasons.push(format!("{}, {}, {what}: {why}", figure.name, system.system));
            }
        }
    }
    let mut too_few = 0;
    for figure in &results.latency {
        if figure.lost_rounds > 0 {
            reasons.push(lost_rounds(figure, results.latency_rounds));
        }
        for system in &figure.systems {
            let load = format!("{}, {} at {}/s", figure.name, system.system, figure.events_per_second);
            if let Err(why) = system.run.pacing.valid() {
                reasons.push(format!("{load}: INVALID: {why} (runs: {})", system.thrown_away + 1));
            } else if system.run.latency.is_some_and(|latency| latency.p999.is_none()) {
                too_few += 1;
            }
        }
    }
    if too_few > 0 {
        reasons.push(format!(
            "highest quantiles of latencies ({too_few}): fewer than ten deliveries lie beyond them in a run"
        ));
    }
    reasons
}

/// Rounds that were made count, but with fewer than were asked for intervals are wider than was meant, or are not there.
fn lost_rounds(figure: &LatencyFigure, asked: usize) -> String {
    let LatencyFigure { name, events_per_second: rate, lost_rounds: lost, systems, .. } = figure;
    let made = systems.first().map_or(0, |system| system.rounds.len());
    // Of none, each system tells why.
    let what = if (1..asked).contains(&made) {
        format!("INCOMPLETE: after {made} of {asked} rounds, since {lost} more were lost")
    } else {
        format!("rounds lost ({lost})")
    };
    format!("{name} at {rate}/s: {what}: the load could not be offered as it was meant")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::findings::fixture::documents;
    use crate::results::daemon_performance::LatencyRatio;

    #[test]
    fn a_latency_that_ended_before_its_last_round_is_told_as_incomplete() {
        let mut results: DaemonPerformance =
            serde_json::from_value(documents()[0]["results"].clone()).expect("a real file");
        let figure = results.latency.iter_mut().find(|figure| figure.systems[0].rounds.len() == 1);
        let figure = figure.expect("a load that was offered in rounds");
        let (name, rate) = (figure.name.clone(), figure.events_per_second);
        let of = format!("{name} at {rate}/s: ");
        figure.lost_rounds = 3;
        let told = |results: &DaemonPerformance| -> Vec<String> {
            reasons(results).into_iter().filter_map(|why| Some(why.strip_prefix(&of)?.to_owned())).collect()
        };
        let why = "the load could not be offered as it was meant";
        results.latency_rounds = 15;
        assert_eq!(
            told(&results),
            [format!("INCOMPLETE: after 1 of 15 rounds, since 3 more were lost: {why}")]
        );
        results.latency_rounds = 1;
        assert_eq!(told(&results), [format!("rounds lost (3): {why}")]);
    }

    #[test]
    fn names_stand_in_the_table_of_latencies_only_if_there_are_several_pairs() {
        let stored = documents()[0]["results"]["latency"].clone();
        let mut figures: Vec<LatencyFigure> = serde_json::from_value(stored).expect("figures of the fixture");
        let columns = |figures: &[LatencyFigure]| {
            let lines = latency_ratios(figures);
            assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{lines:#?}");
            (lines.len(), lines[0].len())
        };
        assert_eq!(columns(&figures), (4, 9));
        let title = latency_ratios_title(&figures);
        assert_eq!(title, "Latency of CrucibleCore over that of DataCoordinator, at equal offered load");
        let another = LatencyRatio { system: "another".to_owned(), ..figures[4].ratios[0].clone() };
        figures[4].ratios.push(another);
        assert_eq!(columns(&figures), (5, 11));
        let title = latency_ratios_title(&figures);
        assert_eq!(title, "Latency of one system over that of another, at equal offered load");
    }
}
