//! Every pass publishes ids of its own: a system that delivers no id twice does all the work, and
//! where an id comes again its work is wrong.

mod offered;
mod remembering;
mod replay;

use std::sync::Arc;
use std::time::Duration;

use crucible_events::crucible_core::CrucibleCore;
use crucible_events::routing::{EventSystem, Publication, Recorder};

use super::closed_loop::pass;
use super::run::{Material, RunError, Threads};
use super::{ClosedLoop, Subject};
use crate::sut::{DriveError, HandlerWork, Publishing, Stage, WrongDeliveries};
use crate::workload::{Editions, Owed, Scenario, Workload};
use remembering::Remembering;

fn light() -> Workload {
    Workload::generate(&Scenario::LIGHT, 42)
}

#[test]
fn rounds_of_passes_publish_no_id_twice() {
    let remembering = |_: &Workload| Remembering::last(usize::MAX);
    let mut material = Material::new(light());
    let ways =
        [(1, Publishing::Single), (1, Publishing::Batch), (3, Publishing::Single), (200, Publishing::Batch)];
    for (publishers, publishing) in ways {
        let at_least = Duration::from_millis(1);
        let spec = ClosedLoop {
            threads: Threads(1),
            publishers,
            publishing,
            work: HandlerWork::None,
            events: usize::MAX,
            at_least,
        };
        let round = remembering.closed(&mut material, &spec).expect("nothing comes again");
        assert_eq!((round.events, round.deliveries), (100 * round.passes, 146 * round.passes));
    }
}

/// The first edition, published twice.
fn twice<S: EventSystem>(make: fn() -> S) -> RunError {
    let workload = light();
    let owed = Owed::of(&workload);
    let editions = Editions::of(&workload);
    let runtime = Threads(1).runtime().expect("a runtime");
    let wrong = runtime.block_on(async {
        let stage = Stage::set_up(make(), &workload, |r: Recorder| r).await?;
        for published in [100, 200] {
            pass(&stage, editions.events(), Publishing::Batch, owed.deliveries()).await?;
            stage.check(&owed, published).await?;
        }
        Ok(())
    });
    wrong.expect_err("ids came again")
}

#[test]
fn an_edition_that_is_published_twice_is_wrong_work() {
    match twice(|| Remembering::last(usize::MAX)) {
        RunError::Wrong(WrongDeliveries::Service { expected, got, .. }) => {
            assert_eq!(expected.deliveries, 2 * got.deliveries);
        }
        other => panic!("{other:?}"),
    }
    match twice(CrucibleCore::default) {
        RunError::Drive(DriveError::NotAccepted { publication, .. }) => {
            assert_eq!(publication, Publication::Duplicate);
        }
        other => panic!("{other:?}"),
    }
}

/// Divan's passes go round: 201 editions of 100 events each.
#[test]
fn timed_passes_repeat_ids_only_after_more_than_systems_remember() {
    fn works_for<S: EventSystem>(make: impl Fn() -> S + Send + Sync, passes: usize) -> usize {
        let subject = |_: &Workload| make();
        let prepared = subject.prepare_pass(&Arc::new(light()), Threads(1));
        let mut prepared = prepared.expect("a system that is set up");
        (0..passes).take_while(|_| prepared.kernel.run() == prepared.expected).count()
    }
    assert_eq!(works_for(CrucibleCore::default, 500), 500);
    assert_eq!(works_for(|| Remembering::last(20_099), 500), 500);
    assert_eq!(works_for(|| Remembering::last(20_100), 500), 201, "then the first edition comes again");
}
