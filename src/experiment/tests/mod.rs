//! Every pass publishes ids of its own: a system that delivers no id twice does all the work, and
//! where an id comes again its work is wrong.

mod remembering;

use std::sync::Arc;
use std::time::Duration;

use crucible_events::routing::Recorder;

use super::closed_loop::pass;
use super::run::{Material, RunError, Threads};
use super::{ClosedLoop, Subject};
use crate::sut::{HandlerWork, Publishing, Stage, WrongDeliveries};
use crate::workload::{Editions, Owed, Scenario, Workload};
use remembering::Remembering;

fn light() -> Workload {
    Workload::generate(&Scenario::LIGHT, 42)
}

#[test]
fn rounds_of_passes_publish_no_id_twice() {
    let remembering = |_: &Workload| Remembering::last(usize::MAX);
    let mut material = Material::new(light());
    for publishing in [Publishing::Single, Publishing::Batch] {
        let at_least = Duration::from_millis(1);
        let spec = ClosedLoop {
            threads: Threads(1),
            publishing,
            work: HandlerWork::None,
            events: usize::MAX,
            at_least,
        };
        let round = remembering.closed(&mut material, &spec).expect("nothing comes again");
        assert_eq!((round.events, round.deliveries), (100 * round.passes, 146 * round.passes));
    }
}

#[test]
fn an_edition_that_is_published_twice_is_wrong_work() {
    let workload = light();
    let owed = Owed::of(&workload);
    let editions = Editions::of(&workload);
    let runtime = Threads(1).runtime().expect("a runtime");
    let wrong = runtime.block_on(async {
        let remembering = Remembering::last(usize::MAX);
        let stage = Stage::set_up(remembering, &workload, |r: Recorder| r).await?;
        for published in [100, 200] {
            pass(&stage, editions.events(), Publishing::Batch, owed.deliveries()).await?;
            stage.check(&owed, published)?;
        }
        Ok(())
    });
    let Err(RunError::Wrong(WrongDeliveries::Service { expected, got, .. })) = wrong else {
        panic!("{wrong:?}");
    };
    assert_eq!(expected.deliveries, 2 * got.deliveries);
}

/// Divan's passes go round: 201 editions of 100 events each.
#[test]
fn timed_passes_repeat_ids_only_after_more_than_systems_remember() {
    let works_for = |most, passes| {
        let remembering = move |_: &Workload| Remembering::last(most);
        let prepared = remembering.prepare_pass(&Arc::new(light()), Threads(1));
        let mut prepared = prepared.expect("a system that is set up");
        (0..passes).take_while(|_| prepared.kernel.run() == prepared.expected).count()
    };
    assert_eq!(works_for(16_384, 500), 500);
    assert_eq!(works_for(20_100, 500), 201, "then the first edition comes again, and is missed");
}
