//! Counts of kernels as a plain table.

use crucible_profiles::{Counts, Metric};
use crucible_tables::{columns, thousands};

/// The counts of one kernel.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// Its name in the list.
    pub kernel: &'a str,
    /// Events that one run handles.
    pub events: u64,
    /// Of one run.
    pub counts: Counts,
}

/// One line per kernel: counts of a run, and what instructions and bus events come to per event.
pub fn table(rows: &[Row<'_>]) -> String {
    let head = [
        "kernel",
        "instructions",
        "per event",
        "bus events",
        "per event",
        "blocks",
        "bytes",
        "L1 misses",
        "LL misses",
    ];
    let head = head.map(str::to_owned).to_vec();
    let lines: Vec<_> = [head].into_iter().chain(rows.iter().map(cells)).collect();
    columns(&lines)
}

fn cells(row: &Row<'_>) -> Vec<String> {
    let count = |metric| row.counts.get(&metric).copied();
    let mut cells = vec![row.kernel.to_owned()];
    for metric in [Metric::Instructions, Metric::BusEvents] {
        cells.push(shown(count(metric), thousands));
        cells.push(shown(count(metric), |count| tenths(count, row.events)));
    }
    let rest = [Metric::Blocks, Metric::Bytes, Metric::L1Misses, Metric::LlMisses];
    cells.extend(rest.map(|metric| shown(count(metric), thousands)));
    cells
}

/// Not measured is not zero.
fn shown(count: Option<u64>, as_text: impl Fn(u64) -> String) -> String {
    count.map_or_else(|| "–".to_owned(), as_text)
}

/// Rounded to one decimal, in integers: the same text everywhere.
fn tenths(count: u64, events: u64) -> String {
    let tenths = (u128::from(count) * 20 + u128::from(events)) / (u128::from(events) * 2);
    format!("{}.{}", thousands((tenths / 10) as u64), tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stand_in_columns_per_run_and_per_event() {
        let row = |kernel, events, counts: &[(Metric, u64)]| Row {
            kernel,
            events,
            counts: counts.iter().copied().collect(),
        };
        let whole = [
            (Metric::Instructions, 1_065_253),
            (Metric::BusEvents, 512),
            (Metric::Blocks, 64),
            (Metric::Bytes, 18_688),
            (Metric::L1Misses, 1234),
            (Metric::LlMisses, 0),
        ];
        let rows = [
            row("decode/json_1kib", 64, &whole),
            row("validate/full", 3, &[(Metric::Instructions, 100), (Metric::BusEvents, 0)]),
        ];
        let expected = "\
kernel            instructions  per event  bus events  per event  blocks   bytes  L1 misses  LL misses
decode/json_1kib     1,065,253   16,644.6         512        8.0      64  18,688      1,234          0
validate/full              100       33.3           0        0.0       –       –          –          –
";
        assert_eq!(table(&rows), expected);
    }

    #[test]
    fn a_half_is_rounded_up() {
        assert_eq!(tenths(1, 20), "0.1");
        assert_eq!(tenths(1, 21), "0.0");
        assert_eq!(tenths(u64::MAX, 1), "18,446,744,073,709,551,615.0");
    }
}
