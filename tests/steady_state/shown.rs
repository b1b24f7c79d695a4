use crucible_perf::report::columns;
use crucible_perf::sut::Publishing;

use crate::origin::Origin;
use crate::run::Counted;

/// What the runs came to, as it is printed in the end.
pub(crate) struct Shown {
    runs: Vec<Vec<String>>,
    origins: Vec<Vec<String>>,
}

impl Shown {
    pub(crate) fn new() -> Self {
        let head = "system, publishing|events|deliveries|blocks/event|blocks/delivery|bytes/event|live blocks: \
                    start|10 %|20 %|30 %|40 %|50 %|60 %|70 %|80 %|90 %|100 %|live bytes|peak bytes, with set-up|ledger";
        let origins = "blocks per pass: where they come from|all|per event|per delivery";
        Self { runs: vec![cells(head)], origins: vec![cells(origins)] }
    }

    pub(crate) fn run(&mut self, system: &str, publishing: Publishing, counted: &Counted) {
        let (events, deliveries) = (counted.events as f64, counted.deliveries as f64);
        let mut line = vec![
            format!("{system}, {publishing}"),
            counted.events.to_string(),
            counted.deliveries.to_string(),
            format!("{:.4}", counted.blocks as f64 / events),
            format!("{:.4}", counted.blocks as f64 / deliveries),
            format!("{:.1}", counted.bytes as f64 / events),
        ];
        line.extend(counted.live.iter().map(|live| live.blocks.to_string()));
        line.push(counted.live[10].bytes.to_string());
        line.push(counted.peak_bytes.to_string());
        line.push(if counted.ledger.check().is_ok() { "balanced" } else { "not balanced" }.to_owned());
        self.runs.push(line);
    }

    pub(crate) fn origins(
        &mut self,
        system: &str,
        publishing: Publishing,
        counted: &Counted,
        origins: &[Origin],
    ) {
        let per = |blocks: u64, units: u64| format!("{:.4}", (blocks * counted.passes) as f64 / units as f64);
        for &Origin { what, blocks } in origins {
            let name = format!("{system}, {publishing}: {what}");
            let (event, delivery) = (per(blocks, counted.events), per(blocks, counted.deliveries));
            self.origins.push(vec![name, blocks.to_string(), event, delivery]);
        }
    }

    pub(crate) fn print(&self) {
        for table in [&self.runs, &self.origins] {
            if table.len() > 1 {
                println!("\n{}", columns(table));
            }
        }
    }
}

fn cells(line: &str) -> Vec<String> {
    line.split('|').map(str::to_owned).collect()
}
