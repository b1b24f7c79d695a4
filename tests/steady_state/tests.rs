use crucible_perf::sut::Publishing;
use crucible_perf::workload::Scenario;

use crate::claim::Broken;
use crate::origin::{self, Explain, Origin};
use crate::run::Task;
use crate::shown::Shown;

type Run = Box<dyn Fn(&mut Shown) -> Result<(), Broken>>;

pub(crate) struct Test {
    pub(crate) name: String,
    pub(crate) run: Run,
}

/// A system, and what it is to allocate.
struct System {
    name: &'static str,
    /// Its name in the lineup.
    lineup: &'static str,
    explain: Explain,
    /// What blocks beyond those explained are; without it there must be none.
    rest: Option<&'static str>,
}

static SYSTEMS: [System; 4] = [
    System {
        name: "data_coordinator",
        lineup: "DataCoordinator",
        explain: origin::of_coordinator,
        rest: Some("payloads parsed for rules that look into them (the rest)"),
    },
    System { name: "crucible_core", lineup: "CrucibleCore", explain: origin::of_core, rest: None },
    System {
        name: "reference_one_by_one",
        lineup: "reference-single",
        explain: origin::of_reference,
        rest: None,
    },
    System {
        name: "reference_batched",
        lineup: "reference-batched",
        explain: origin::of_reference,
        rest: None,
    },
];

/// `events` is for the tests of flatness; counts per pass do not depend on how many there are.
pub(crate) fn tests(events: u64) -> Vec<Test> {
    let tenth = events.div_ceil(10 * Scenario::MEDIUM.events() as u64).max(1);
    let mut tests = Vec::new();
    let mut add = |name: String, run: Run| tests.push(Test { name, run });
    for publishing in [Publishing::Single, Publishing::Batch] {
        for system in &SYSTEMS {
            let name = format!("flat/{}/{publishing}", system.name);
            add(name, Box::new(move |shown: &mut Shown| flat(system, publishing, tenth, shown)));
        }
        let name = format!("nothing_per_delivery/crucible_core/{publishing}");
        add(name, Box::new(move |_| nothing_per_delivery(publishing)));
        let name = format!("only_parsing_is_left/data_coordinator/{publishing}");
        add(name, Box::new(move |_| only_parsing_is_left(publishing)));
    }
    tests
}

/// All deliveries, a balanced ledger, the same heap at every tenth, nothing left in the end, and no
/// block that is not explained.
fn flat(system: &System, publishing: Publishing, tenth: u64, shown: &mut Shown) -> Result<(), Broken> {
    let task = Task::new(&Scenario::MEDIUM);
    let counted = task.run(system.lineup, publishing, tenth)?;
    let mut origins = (system.explain)(&task, publishing);
    if let (Some(what), Some(blocks)) = (system.rest, counted.rest(&origins)) {
        origins.push(Origin { what, blocks });
    }
    shown.run(system.name, publishing, &counted);
    shown.origins(system.name, publishing, &counted, &origins);
    counted.check_ledger()?;
    counted.check_flat()?;
    counted.check_explained(origins)
}

/// As many events in as many batches, four times as many deliveries: as many blocks.
fn nothing_per_delivery(publishing: Publishing) -> Result<(), Broken> {
    let heavy = Scenario::HEAVY;
    let routing = (heavy.services(), heavy.rules(), heavy.targets_per_rule());
    let wide = Scenario::MEDIUM.with_routing(routing.0, routing.1, routing.2);
    let few = Task::new(&Scenario::MEDIUM).run("CrucibleCore", publishing, 1)?;
    let many = Task::new(&wide.expect("figures of a scenario")).run("CrucibleCore", publishing, 1)?;
    many.check_flat()?;
    if many.deliveries >= 4 * few.deliveries && many.blocks == few.blocks {
        Ok(())
    } else {
        Err(Broken::PerDelivery {
            few: few.deliveries / few.passes,
            with_few: few.blocks / few.passes,
            many: many.deliveries / many.passes,
            with_many: many.blocks / many.passes,
        })
    }
}

/// With nothing in the payloads to parse, there is no rest.
fn only_parsing_is_left(publishing: Publishing) -> Result<(), Broken> {
    let task = Task::opaque(&Scenario::MEDIUM);
    let counted = task.run("DataCoordinator", publishing, 1)?;
    counted.check_explained(origin::of_coordinator(&task, publishing))
}
