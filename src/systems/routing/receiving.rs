use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Batch, BatchOutcome, Handler};
use crate::event::{EventId, Name};

/// What a service received, in a form that can be compared whatever the order: how many deliveries,
/// and the wrapping sum of a mix of each (event, service).
///
/// A delivery lost or doubled changes the count. One that went astray, or one lost for another
/// doubled, changes the sum: that two sums agree by chance has a probability near 2⁻⁶⁴.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Deliveries.
    pub deliveries: u64,
    /// Wrapping sum of [`ServiceKey::mix`] over them.
    pub checksum: u64,
}

impl Tally {
    /// Counts one delivery.
    pub fn note(&mut self, key: ServiceKey, event: EventId) {
        self.deliveries += 1;
        self.checksum = self.checksum.wrapping_add(key.mix(event));
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.deliveries += other.deliveries;
        self.checksum = self.checksum.wrapping_add(other.checksum);
    }
}

/// Stands for a service's name in a [`Tally`]; the same for the same name in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceKey(u64);

/// Two odd 64-bit constants without structure: the first two secrets of wyhash (final version 4).
const SECRETS: [u64; 2] = [0x2d35_8dcc_aa6c_78a5, 0x8bb8_4b93_962e_acc9];

impl ServiceKey {
    /// The key of this service.
    pub fn of(service: &str) -> Self {
        let key =
            service.bytes().fold(SECRETS[1], |key, byte| folded_product(key ^ u64::from(byte), SECRETS[0]));
        Self(key)
    }

    /// A number for (event, service) that looks random. One multiplication is not enough: for ids
    /// that are neighbours it is nearly linear, and some pairs of them weigh the same.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // the two halves of the id
    pub fn mix(self, event: EventId) -> u64 {
        let once = folded_product(event.0 as u64 ^ self.0, (event.0 >> 64) as u64 ^ SECRETS[0]);
        folded_product(once, SECRETS[1])
    }
}

/// The two halves of the 128-bit product, folded: the step of wyhash and of foldhash.
#[inline]
#[allow(clippy::cast_possible_truncation)]
fn folded_product(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// A service that acknowledges everything and keeps a [`Tally`]: some ten instructions a delivery
/// and two atomic additions a batch. Clones share one tally.
#[derive(Debug, Clone)]
pub struct Recorder {
    key: ServiceKey,
    received: Arc<Received>,
}

#[derive(Debug, Default)]
struct Received {
    deliveries: AtomicU64,
    checksum: AtomicU64,
}

impl Recorder {
    /// Nothing received yet.
    pub fn new(service: &Name) -> Self {
        Self { key: ServiceKey::of(service), received: Arc::default() }
    }

    /// What was received so far. Count and sum agree with each other at a quiet moment only.
    pub fn tally(&self) -> Tally {
        Tally {
            deliveries: self.received.deliveries.load(Ordering::Acquire),
            checksum: self.received.checksum.load(Ordering::Acquire),
        }
    }

    /// Counts a batch, for handlers that do more than that.
    #[inline]
    pub fn note(&self, batch: Batch<'_>) {
        let checksum = batch.iter().fold(0_u64, |sum, event| sum.wrapping_add(self.key.mix(event.id)));
        // Addition is atomic and order-free; Release pairs with the load of whoever was told that
        // all is quiet.
        self.received.checksum.fetch_add(checksum, Ordering::Release);
        self.received.deliveries.fetch_add(batch.len() as u64, Ordering::Release);
    }
}

impl Handler for Recorder {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        self.note(batch);
        BatchOutcome::Acknowledged
    }
}

/// What services are to receive, told by the [`Oracle`](super::Oracle), service by service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expected {
    services: BTreeMap<Name, (ServiceKey, Tally)>,
}

impl Expected {
    /// This event is to reach these services.
    pub fn note(&mut self, event: EventId, receivers: &[Name]) {
        for service in receivers {
            let (key, tally) = self.entry(service);
            tally.note(*key, event);
        }
    }

    fn entry(&mut self, service: &Name) -> &mut (ServiceKey, Tally) {
        self.services.entry(service.clone()).or_insert_with(|| (ServiceKey::of(service), Tally::default()))
    }

    /// What this service is to receive.
    pub fn of(&self, service: &str) -> Tally {
        self.services.get(service).map_or_else(Tally::default, |(_, tally)| *tally)
    }

    /// What all services together are to receive.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        for (_, tally) in self.services.values() {
            total += *tally;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, EventKind, Payload, Timestamp};

    fn events(ids: impl IntoIterator<Item = u128>) -> Vec<Event> {
        let payload = Payload::Text("x".to_owned().into());
        ids.into_iter()
            .map(|id| Event::new(EventId(id), EventKind::Metrics, "s", Timestamp(0), payload.clone()))
            .collect()
    }

    #[test]
    fn a_recorder_in_any_batches_and_order_agrees_with_what_was_expected() {
        let service = Name::from("a");
        let (recorder, mut expected) = (Recorder::new(&service), Expected::default());
        for id in 1..=10 {
            expected.note(EventId(id), &[service.clone(), "b".into()]);
        }
        recorder.note(Batch::owned(&events([7, 8, 9, 10])));
        recorder.note(Batch::owned(&events((1..=6).rev())));
        assert_eq!(recorder.tally(), expected.of("a"));
        assert_eq!(expected.of("nobody"), Tally::default());
        assert_ne!(expected.of("a").checksum, expected.of("b").checksum);
        assert_eq!(expected.total().deliveries, 20);
    }

    /// Ids of neighbours are the hard case: with a linear mix, 1 and 4 would weigh as 2 and 3.
    #[test]
    fn no_two_pairs_of_neighbouring_ids_weigh_the_same() {
        for (service, shift) in [("a", 0), ("a", 64), ("service-17", 0), ("service-17", 64)] {
            let weigh = |id: u128| ServiceKey::of(service).mix(EventId(id << shift));
            let pairs = (1..=500).flat_map(|a| (1..a).map(move |b| (a, b)));
            let mut sums: Vec<u64> = pairs.map(|(a, b)| weigh(a).wrapping_add(weigh(b))).collect();
            let pairs = sums.len();
            sums.sort_unstable();
            sums.dedup();
            assert_eq!(sums.len(), pairs, "{service}, ids shifted by {shift}");
        }
    }

    #[test]
    fn both_halves_of_an_id_and_the_service_count() {
        let mix = |service: &str, id| ServiceKey::of(service).mix(EventId(id));
        assert_ne!(mix("a", 1), mix("b", 1));
        assert_ne!(mix("a", 1), mix("a", 1 | 1 << 64));
        assert_ne!(mix("a", 1 << 64), mix("a", 2 << 64));
        assert_ne!(ServiceKey::of("ab"), ServiceKey::of("ba"));
        // Pinned: figures of different machines and releases are compared.
        assert_eq!(mix("a", 1), 0x6ff3_6f7f_ec6c_3430); // computed apart, in Python
    }
}
