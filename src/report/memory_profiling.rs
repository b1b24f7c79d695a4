//! The tables of `memory_profiling`.

use std::fmt::Write;

use crucible_tables::{columns, thousands};

use super::quantity::{bytes, three_digits};
use crate::experiment::{Full, HeapSample, Still};
use crate::results::memory_profiling::{
    Growth, LeakFigure, MemoryProfiling, PressureFigure, ProfileFigure, Residue, SizeClass, SystemUsage,
    UsageFigure, Verdict,
};

/// All tables, and what there is to say of leaks.
pub fn text(results: &MemoryProfiling) -> String {
    let mut out = String::new();
    section(&mut out, "Heap use, one thread, counted exactly", &usage(&results.usage));
    section(
        &mut out,
        "Leaks: what is held at quiet, after some cycles and after more",
        &leaks(&results.leaks),
    );
    for figure in results.leaks.iter().filter(|figure| figure.verdict != Verdict::Clean) {
        out += &evidence(figure);
    }
    section(
        &mut out,
        "Under pressure: a service that stands still, and a publisher that does not",
        &pressure(&results.pressure),
    );
    section(
        &mut out,
        "Blocks by size: all that come from one line and its callers have their mean",
        &profiles(&results.profiles),
    );
    for profile in &results.profiles {
        let _ = writeln!(out, "which line asks for what: cargo heap summary {}", profile.file.display());
    }
    out
}

fn profiles(figures: &[ProfileFigure]) -> Vec<Vec<String>> {
    let Some(first) = figures.first() else { return Vec::new() };
    let bound = |class: &SizeClass| match class.up_to {
        u64::MAX => "larger".to_owned(),
        up_to if up_to < 1024 => format!("≤ {up_to} B"),
        up_to => format!("≤ {} KiB", up_to / 1024),
    };
    let mut head = strings(["system", "events", "blocks"]);
    head.extend(first.sizes.iter().map(bound));
    let mut lines = vec![head];
    for figure in figures {
        let blocks: u64 = figure.sizes.iter().map(|class| class.blocks).sum();
        let mut line = vec![figure.system.clone(), thousands(figure.events), thousands(blocks)];
        let share =
            |class: &SizeClass| format!("{:.1} %", 100.0 * class.blocks as f64 / blocks.max(1) as f64);
        line.extend(figure.sizes.iter().map(share));
        lines.push(line);
    }
    lines
}

fn section(out: &mut String, title: &str, lines: &[Vec<String>]) {
    if lines.len() > 1 {
        let _ = writeln!(out, "{title}\n{}", columns(lines));
    }
}

fn strings<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

pub(super) fn usage(figures: &[UsageFigure]) -> Vec<Vec<String>> {
    let mut lines = vec![strings([
        "figure",
        "system",
        "events",
        "blocks/event",
        "bytes/event",
        "blocks/delivery",
        "live blocks, first and last",
        "live",
        "peak",
        "mean block",
        "freed of allocated",
    ])];
    for figure in figures {
        lines.extend(figure.systems.iter().map(|system| usage_line(&figure.name, system)));
    }
    lines
}

fn usage_line(name: &str, SystemUsage { system, run }: &SystemUsage) -> Vec<String> {
    let spent = run.spent();
    let per = |amount: u64, of: u64| amount as f64 / of.max(1) as f64;
    let freed = spent.bytes.allocated + run.before.bytes.live;
    let freed = freed.saturating_sub(run.after.bytes.live);
    vec![
        name.to_owned(),
        system.clone(),
        thousands(run.events),
        fraction(per(spent.blocks.allocated, run.events)),
        fraction(per(spent.bytes.allocated, run.events)),
        fraction(per(spent.blocks.allocated, run.deliveries)),
        format!("{} → {}", thousands(run.before.blocks.live), thousands(run.after.blocks.live)),
        bytes(run.after.bytes.live),
        bytes(run.after.bytes.peak),
        match spent.blocks.allocated {
            0 => "–".to_owned(),
            blocks => bytes(spent.bytes.allocated / blocks),
        },
        match spent.bytes.allocated {
            0 => "–".to_owned(),
            allocated => format!("{:.1} %", 100.0 * freed as f64 / allocated as f64),
        },
    ]
}

/// With as many digits as count: `0.0469`, `12.3`, `1,024`.
fn fraction(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        v if v < 0.995 => format!("{v:.4}"),
        v if v < 999.5 => three_digits(v),
        v => super::quantity::rate(v),
    }
}

pub(super) fn leaks(figures: &[LeakFigure]) -> Vec<Vec<String>> {
    let mut lines = vec![strings([
        "figure",
        "system",
        "verdict",
        "events",
        "blocks held",
        "bytes held",
        "left when closed",
    ])];
    for figure in figures {
        let each = |of: fn(&Residue) -> u64| {
            figure.runs.iter().map(|run| thousands(of(run))).collect::<Vec<_>>().join(" → ")
        };
        lines.push(vec![
            figure.name.clone(),
            figure.system.clone(),
            verdict(&figure.verdict),
            each(|run| run.events),
            each(|run| run.open.blocks),
            each(|run| run.open.bytes),
            each(|run| run.closed.blocks),
        ]);
    }
    lines
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Clean => "clean",
        Verdict::Leaking(_) => "LEAKING",
        Verdict::Unclear(_) => "unclear",
    }
    .to_owned()
}

/// Who asks for it, and who holds it.
fn evidence(figure: &LeakFigure) -> String {
    let (Verdict::Leaking(growth) | Verdict::Unclear(growth)) = figure.verdict else { return String::new() };
    let Growth { blocks_per_event, bytes_per_event, outlives_the_system } = growth;
    let until = if outlives_the_system { "and stay when it is closed" } else { "until it is closed" };
    let mut out = format!(
        "{}, {}: {} blocks and {} bytes an event {until}\n",
        figure.system,
        figure.name,
        rate(blocks_per_event),
        rate(bytes_per_event)
    );
    for site in figure.sites.iter().take(SITES) {
        let _ = writeln!(
            out,
            "  asked for by {}: {} blocks, {} bytes an event",
            site.place,
            rate(site.blocks_per_event),
            rate(site.bytes_per_event)
        );
    }
    for (structure, entries) in &figure.holders {
        let _ = writeln!(out, "  held by {structure}: {} entries an event", rate(*entries));
    }
    if figure.holders.is_empty() {
        out += "  held by no structure that the system counts the entries of\n";
    }
    out + "\n"
}

/// More would be told by `cargo heap diff`.
const SITES: usize = 5;

/// `1 in 400`, or a number.
fn rate(per_event: f64) -> String {
    match per_event {
        0.0 => "0".to_owned(),
        rate if rate < 0.1 => format!("1 in {}", super::quantity::rate(1.0 / rate)),
        rate => three_digits(rate),
    }
}

pub(super) fn pressure(figures: &[PressureFigure]) -> Vec<Vec<String>> {
    let mut lines = vec![strings([
        "system",
        "events of",
        "publisher asks to",
        "limit",
        "published",
        "taken",
        "heap then",
        "outcome",
    ])];
    for figure in figures {
        lines.push(vec![
            figure.system.clone(),
            format!("{} KiB", figure.payload_bytes / 1024),
            match figure.on_full {
                Full::Wait => "wait",
                Full::Refuse => "be refused",
                Full::DropLowest => "drop the lowest",
            }
            .to_owned(),
            format!("{} MiB", figure.limit >> 20),
            thousands(figure.last.published),
            thousands(figure.last.accepted),
            bytes(figure.last.heap),
            outcome(figure),
        ]);
    }
    lines
}

fn outcome(figure: &PressureFigure) -> String {
    let shed = match figure.last.shed {
        0 => String::new(),
        shed => format!("gives up {} of lower priority, then ", thousands(shed)),
    };
    shed + &end(figure)
}

fn end(figure: &PressureFigure) -> String {
    match (&figure.last.still, &figure.died) {
        (_, Some(status)) => format!("DIES: {status}"),
        (Some(Still::Refuses { why }), _) => format!("refuses: {why}"),
        (Some(Still::Blocks), _) => "lets its publisher wait".to_owned(),
        (Some(Still::Holds), _) => "takes all of it".to_owned(),
        (None, None) => "unknown".to_owned(),
    }
}

/// How the heap lives, as a line of blocks: `▁▃▇ 1.2 MB`. From nothing to the most that was live.
pub fn sparkline(samples: &[HeapSample], width: usize) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = samples.iter().map(|sample| sample.bytes).max().unwrap_or(0).max(1);
    let width = width.min(samples.len()).max(1);
    let step = |column: usize| {
        let part = &samples[column * samples.len() / width..((column + 1) * samples.len() / width).max(1)];
        let bytes = part.iter().map(|sample| sample.bytes).max().unwrap_or(0);
        STEPS[usize::try_from(bytes * 7 / most).unwrap_or(7)]
    };
    if samples.is_empty() { String::new() } else { (0..width).map(step).collect() }
}

#[cfg(test)]
mod tests;
