use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{BOTH, Recorder, accepted, back_pressure, events, ledger, recorders};
use crate::reference::{Plan, Reference};
use crate::routing::{EventSystem, OnFull, Publication};

/// What is told of each event when no worker runs between two moments of quiet: each queue takes
/// its capacity and turns the rest away.
fn foretell(plan: &Plan, capacity: usize, rounds: &[Vec<u8>]) -> (Vec<Publication>, Vec<Vec<u128>>) {
    let mut lists = plan.iter().cycle();
    let (mut told, mut got) = (Vec::new(), BTreeMap::<u32, Vec<u128>>::new());
    for round in rounds {
        let mut waiting = BTreeMap::<u32, usize>::new();
        for _ in 0..round.iter().map(|&batch| usize::from(batch)).sum::<usize>() {
            let (mut deliveries, mut full) = (0, 0);
            for &target in lists.next().map_or(&[][..], |list| list) {
                let waiting = waiting.entry(target).or_default();
                if *waiting < capacity {
                    *waiting += 1;
                    deliveries += 1;
                    got.entry(target).or_default().push(told.len() as u128 + 1);
                } else {
                    full += 1;
                }
            }
            told.push(if full > 0 { back_pressure(deliveries, full) } else { accepted(deliveries) });
        }
    }
    (told, (0..4).map(|target| got.remove(&target).unwrap_or_default()).collect())
}

async fn refuse_when_full(system: &Reference, rounds: &[Vec<u8>]) -> (Vec<Publication>, Vec<Vec<u128>>) {
    let services = recorders(system, 4).await;
    let mut told = Vec::new();
    for round in rounds {
        for &batch in round {
            let first = told.len() as u128 + 1;
            let batch = events(first..first + u128::from(batch));
            told.extend(match &batch[..] {
                [single] => vec![system.publish(single.clone(), OnFull::Refuse).await.expect("open")],
                batch => system.publish_batch(batch, OnFull::Refuse).await.expect("open"),
            });
        }
        system.quiesce().await.expect("quiet");
    }
    (told, services.iter().map(Recorder::ids).collect())
}

fn plans() -> impl Strategy<Value = Plan> {
    let targets = prop::collection::btree_set(0..4_u32, 0..=4);
    let list = targets.prop_map(|targets| targets.into_iter().collect::<Box<[u32]>>());
    prop::collection::vec(list, 0..6).prop_map(Into::into)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn every_publication_and_delivery_is_as_foretold(
        plan in plans(),
        capacity in 1..200_usize,
        rounds in prop::collection::vec(prop::collection::vec(0..150_u8, 0..4), 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("needs nothing");
        let expected = foretell(&plan, capacity, &rounds);
        for make in BOTH {
            let system = make(plan.clone(), capacity);
            let got = runtime.block_on(refuse_when_full(&system, &rounds));
            prop_assert_eq!(&got, &expected);
            let ledger = runtime.block_on(ledger(&system));
            let delivered: usize = expected.1.iter().map(Vec::len).sum();
            prop_assert_eq!(ledger.acknowledged, delivered as u64);
            let full = |told: &Publication| match told {
                Publication::BackPressure { full, .. } => u64::from(*full),
                _ => 0,
            };
            let statistics = runtime.block_on(system.statistics()).expect("there");
            prop_assert_eq!(statistics.turned_away, expected.0.iter().map(full).sum::<u64>());
        }
    }
}
