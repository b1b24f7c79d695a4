//! Instruction counts as a plain table.

use super::quantity::thousands;
use super::table::columns;
use crate::measure::instructions::Counts;

/// The counts of one kernel.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Its name in the list.
    pub kernel: &'a str,
    /// Events that one run handles.
    pub events: u64,
    /// Of one run.
    pub counts: Counts,
}

/// One line per kernel: counts of a run, and what they come to per event.
pub fn table(rows: &[Row<'_>]) -> String {
    let head = ["kernel", "instructions", "per event", "bus events", "per event"].map(str::to_owned).to_vec();
    let lines: Vec<_> = [head].into_iter().chain(rows.iter().map(cells)).collect();
    columns(&lines)
}

fn cells(row: &Row<'_>) -> Vec<String> {
    let Counts { instructions, bus_events } = row.counts;
    vec![
        row.kernel.to_owned(),
        thousands(instructions),
        tenths(instructions, row.events),
        thousands(bus_events),
        tenths(bus_events, row.events),
    ]
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
        let row = |kernel, events, instructions, bus_events| Row {
            kernel,
            events,
            counts: Counts { instructions, bus_events },
        };
        let rows = [row("decode/json_1kib", 64, 1_065_253, 512), row("validate/full", 3, 100, 0)];
        let expected = "\
kernel            instructions  per event  bus events  per event
decode/json_1kib     1,065,253   16,644.6         512        8.0
validate/full              100       33.3           0        0.0
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
