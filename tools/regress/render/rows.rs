//! Tables as cells, before a format draws them.

use crucible_profiles::{Difference, Metric, short_name};
use crucible_tables::{Side, thousands};

use crate::judge::{
    AllocationChange, Change, Explanation, FunctionChange, Judgement, KernelVerdict, Origin, Verdict,
};
use crate::verbs::Listing;

/// A table: on which side each column stands, the head, and the lines.
pub struct Rows {
    pub sides: Vec<Side>,
    pub lines: Vec<Vec<String>>,
}

impl Rows {
    fn new(columns: &[(&str, Side)]) -> Self {
        let head = columns.iter().map(|&(name, _)| name.to_owned()).collect();
        Self { sides: columns.iter().map(|&(_, side)| side).collect(), lines: vec![head] }
    }

    /// Whether there is nothing but the head.
    pub fn is_empty(&self) -> bool {
        self.lines.len() < 2
    }
}

const L: Side = Side::Left;
const R: Side = Side::Right;

/// Kernel, metric, baseline, now, change, verdict, and where it comes from.
pub fn kernels(kernels: &[KernelVerdict], all: bool) -> Rows {
    let mut rows = Rows::new(&[
        ("kernel", L),
        ("metric", L),
        ("baseline", R),
        ("now", R),
        ("change", R),
        ("verdict", L),
        ("from", L),
    ]);
    for kernel in kernels {
        for change in kernel.changes.iter().filter(|change| all || change.verdict != Verdict::Unchanged) {
            let from = kernel.origins.iter().find(|origin| origin.metric == change.metric);
            rows.lines.push(vec![
                kernel.kernel.clone(),
                change.metric.title().to_owned(),
                count(change.baseline),
                count(change.now),
                share(change),
                verdict(change),
                from.map(origin).unwrap_or_default(),
            ]);
        }
    }
    rows
}

fn verdict(change: &Change) -> String {
    if change.metric.is_exact() { change.verdict.name() } else { "informs" }.to_owned()
}

fn count(count: Option<u64>) -> String {
    count.map_or_else(|| "–".to_owned(), thousands)
}

/// `+0.31 %`; what grew from nothing has no share.
fn share(change: &Change) -> String {
    match change.percent() {
        Some(0.0) => "0 %".to_owned(),
        Some(percent) => percent_of(percent),
        None if change.baseline == change.now => "0 %".to_owned(),
        None => "–".to_owned(),
    }
}

/// With a sign, and two digits that count below one.
pub fn percent_of(percent: f64) -> String {
    if percent.abs() < 10.0 { format!("{percent:+.2} %") } else { format!("{percent:+.1} %") }
}

/// `table::Table::visit +310 (inlined into publish::route)`.
pub fn origin(origin: &Origin) -> String {
    // Places that ask for blocks have their file beside a name that is short already.
    let place = if origin.place.contains(" (") { origin.place.clone() } else { short_name(&origin.place) };
    let inlined = match origin.inlined_into.len() {
        0 => String::new(),
        1 => format!(" (inlined into {})", origin.inlined_into.first().map_or("", |name| name)),
        more => format!(" (inlined into {more} functions)"),
    };
    format!("{place} {}{inlined}", signed(origin.difference))
}

/// `+1,234`.
pub fn signed(difference: i128) -> String {
    let count = thousands(u64::try_from(difference.unsigned_abs()).unwrap_or(u64::MAX));
    match difference {
        0 => "0".to_owned(),
        1.. => format!("+{count}"),
        _ => format!("−{count}"),
    }
}

/// Metric, baseline, now, change.
pub fn changes(explanation: &Explanation) -> Rows {
    let mut rows = Rows::new(&[("metric", L), ("baseline", R), ("now", R), ("difference", R), ("change", R)]);
    for change in &explanation.changes {
        let difference =
            change.baseline.zip(change.now).map(|(before, now)| i128::from(now) - i128::from(before));
        rows.lines.push(vec![
            change.metric.title().to_owned(),
            count(change.baseline),
            count(change.now),
            difference.map_or_else(|| "–".to_owned(), signed),
            share(change),
        ]);
    }
    rows
}

/// Function, and by how much its own cost, its inclusive cost, its bus events and its calls differ.
pub fn functions(functions: &[FunctionChange]) -> Rows {
    let mut rows = Rows::new(&[
        ("self", R),
        ("inclusive", R),
        ("bus events", R),
        ("calls", R),
        ("function", L),
        ("inlined into", L),
    ]);
    for change in functions {
        let difference = |[before, now]: [u64; 2]| signed(i128::from(now) - i128::from(before));
        let gone = if change.own[1] == 0 { " (gone, or next to nothing)" } else { "" };
        let new = if change.own[0] == 0 { " (new, or was next to nothing)" } else { "" };
        rows.lines.push(vec![
            difference(change.own),
            difference(change.inclusive),
            difference(change.bus),
            difference(change.calls),
            format!("{}{gone}{new}", change.function),
            inlined(change),
        ]);
    }
    rows
}

/// Where a function is inlined, and where it was if that differs.
fn inlined(change: &FunctionChange) -> String {
    let told = |set: &std::collections::BTreeSet<String>| {
        let names: Vec<_> = set.iter().map(String::as_str).collect();
        if names.is_empty() { "itself".to_owned() } else { names.join(", ") }
    };
    let (before, now) = (&change.was_inlined_into, &change.inlined_into);
    match (before == now || change.own.contains(&0), now.is_empty() && before.is_empty()) {
        (true, true) => String::new(),
        (true, false) => told(if now.is_empty() { before } else { now }),
        (false, _) => format!("was {}, now {}", told(before), told(now)),
    }
}

/// Place, and by how much its blocks and bytes differ.
pub fn allocations(allocations: &[AllocationChange]) -> Rows {
    let mut rows = Rows::new(&[("blocks", R), ("bytes", R), ("asked for by", L)]);
    for change in allocations {
        let difference = |[before, now]: [u64; 2]| signed(i128::from(now) - i128::from(before));
        rows.lines.push(vec![difference(change.blocks), difference(change.bytes), change.site.clone()]);
    }
    rows
}

/// Everything that is held.
pub fn listing(listing: &Listing) -> Rows {
    let mut rows = Rows::new(&[
        ("kernel", L),
        ("instructions", R),
        ("bus events", R),
        ("blocks", R),
        ("bytes", R),
        ("tolerance", R),
        ("last accepted", L),
        ("waived", L),
    ]);
    for kernel in &listing.kernels {
        let mut cells = vec![kernel.kernel.clone()];
        let exact = Metric::ALL.into_iter().filter(|metric| metric.is_exact());
        cells.extend(exact.map(|metric| count(kernel.counts.get(&metric).copied())));
        cells.push(format!("{} %", kernel.tolerance_percent));
        cells.push(kernel.accepted.clone().unwrap_or_default());
        cells.push(kernel.waivers.join("; "));
        rows.lines.push(cells);
    }
    rows
}

/// `69 kernels: 68 unchanged, 1 regressed`.
pub fn tally(judged: &Judgement) -> String {
    let verdicts = [
        Verdict::Unchanged,
        Verdict::Regressed,
        Verdict::Waived,
        Verdict::Improved,
        Verdict::New,
        Verdict::Missing,
        Verdict::Incomparable,
    ];
    let counted = verdicts.iter().map(|&verdict| (judged.count(verdict), verdict.name()));
    let counted: Vec<_> =
        counted.filter(|&(count, _)| count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    format!("{}: {}", kernels_of(judged.kernels.len()), counted.join(", "))
}

/// `1 kernel`, `2 kernels`.
pub fn kernels_of(count: usize) -> String {
    format!("{count} kernel{}", if count == 1 { "" } else { "s" })
}

/// What was found, in one line.
pub fn headline(judged: &Judgement) -> String {
    use crate::judge::Status;
    let (against, kernels) = (&judged.against, judged.kernels.len());
    let regressed = judged.count(Verdict::Regressed);
    match judged.status() {
        Status::Incomparable => format!("incomparable: {against} was taken under other circumstances"),
        Status::Regressed if regressed > 0 => {
            let verb = if regressed == 1 { "costs" } else { "cost" };
            let than = match judged.side {
                crate::judge::Side::Baseline => format!("than {against} allows"),
                crate::judge::Side::Revision => format!("than at {against}"),
            };
            format!("{regressed} of {} {verb} more {than}", kernels_of(kernels))
        }
        Status::Regressed => {
            format!("accepted changes of {} add up to more than the budget", kernels_of(judged.drifts.len()))
        }
        Status::CannotJudge => "ci/regress.toml has settings that do not hold".to_owned(),
        Status::OutOfDate => format!("{against} is out of date"),
        Status::Clean if judged.count(Verdict::Unchanged) == kernels => {
            format!("{}, all as in {against}", kernels_of(kernels))
        }
        Status::Clean => format!("{}, none worse than in {against}", kernels_of(kernels)),
    }
}

/// What else was found, a line each.
pub fn remarks(judged: &Judgement) -> Vec<String> {
    let mut remarks = Vec::new();
    for Difference { part, baseline, now } in &judged.differences {
        remarks.push(format!("{part}: the baseline was taken with {baseline}, this is {now}"));
    }
    for drift in &judged.drifts {
        remarks.push(format!(
            "{}: {} accepted change{} of its {} since the last release add up to {}, the budget is {} %",
            drift.kernel,
            drift.changes,
            if drift.changes == 1 { "" } else { "s" },
            drift.metric,
            percent_of(drift.percent),
            drift.budget_percent
        ));
    }
    for fault in &judged.waiver_faults {
        remarks.push(format!("ci/regress.toml: {}: {}", fault.kernel, fault.what));
    }
    remarks
}

/// What to do about it, as commands; empty if nothing.
pub fn advice(judged: &Judgement) -> Vec<(&'static str, String)> {
    let of =
        |verdict| judged.kernels.iter().find(|kernel| kernel.verdict == verdict).map(|kernel| &kernel.kernel);
    let mut advice = Vec::new();
    if !judged.differences.is_empty() {
        advice.push(("Compare on this machine", "cargo regress against origin/main".to_owned()));
        advice.push(("Take the baseline anew", "cargo regress accept --reason \"…\"".to_owned()));
        return advice;
    }
    if judged.side == crate::judge::Side::Revision {
        return advice;
    }
    if let Some(kernel) = of(Verdict::Regressed) {
        advice.push(("Look", format!("cargo regress explain {kernel}")));
        advice.push(("Accept", format!("cargo regress accept {kernel} --reason \"…\"")));
    }
    if judged.status() == crate::judge::Status::OutOfDate {
        let only = if of(Verdict::New).is_none() && of(Verdict::Missing).is_none() {
            "--only-improvements "
        } else {
            ""
        };
        advice.push(("Bring it up to date", format!("cargo regress accept {only}--reason \"…\"")));
    }
    advice
}
