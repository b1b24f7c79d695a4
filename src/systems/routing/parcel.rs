use std::slice;
use std::sync::Arc;

use super::{Claim, Claims, Moment, Single};
use crate::event::{Event, Priority};

/// Events that were published together, shared by all who get some of them: one block of memory for all,
/// instead of a pointer for each delivery. Whoever holds it holds all of them.
#[derive(Debug)]
pub struct Envelope {
    events: Box<[Arc<Event>]>,
    /// Which of them are of each priority.
    lanes: [u64; Priority::ALL.len()],
    /// Their parts of a budget, where there is one. Boxed: a pointer is all that an envelope without a budget pays.
    claims: Option<Box<Claims>>,
}

impl Envelope {
    /// As many as the bits of a [`Parcel`].
    pub const CAPACITY: usize = 64;

    /// Of events in the order of priority.
    ///
    /// # Panics
    /// For more than [`Envelope::CAPACITY`] events, or if they are in another order.
    pub fn new(events: impl Into<Box<[Arc<Event>]>>) -> Self {
        let events = events.into();
        assert!(events.len() <= Self::CAPACITY, "{} events do not fit into an envelope", events.len());
        let mut lanes = [0; Priority::ALL.len()];
        let mut urgency = Priority::Critical;
        for (place, event) in events.iter().enumerate() {
            assert!(urgency <= event.priority, "an envelope has its events in the order of priority");
            urgency = event.priority;
            lanes[urgency.lane()] |= 1 << place;
        }
        Self { events, lanes, claims: None }
    }

    /// The same for who knows which of them are of each priority.
    pub(crate) fn of_lanes(
        events: Box<[Arc<Event>]>,
        lanes: [u64; Priority::ALL.len()],
        claims: Option<Box<Claims>>,
    ) -> Self {
        let mut places = events.iter().enumerate();
        debug_assert!(places.all(|(place, event)| lanes[event.priority.lane()] >> place & 1 == 1));
        Self { events, lanes, claims }
    }

    /// Of a single event and its part of a budget.
    pub(super) fn of_one(event: Arc<Event>, claim: Claim) -> Self {
        Self { claims: Some(Box::new(Claims::new([claim]))), ..Self::new([event]) }
    }
}

/// Some of the events of an [`Envelope`], or a single event without one.
#[derive(Debug, Clone)]
pub struct Parcel {
    contents: Contents,
    /// A bit for each place in the envelope whose event is meant.
    picked: u64,
    counts: Counts,
    /// Until when its events may be begun; for who keeps it.
    pub(crate) deadline: Moment,
}

/// How many bits of a parcel are set, in the lowest byte: counting them takes longer than most of what is done with a
/// parcel. Above it, if its single event has another retry count than it says itself, that count and one. In one word,
/// since a parcel is made for each delivery, and two fields were two instructions.
#[derive(Debug, Clone, Copy)]
struct Counts(u32);

impl Counts {
    const RETRIES: u32 = 8;

    #[inline]
    fn of(picked: u64) -> Self {
        Self(picked.count_ones())
    }

    #[inline]
    fn len(self) -> usize {
        usize::from(self.0.to_le_bytes()[0])
    }

    fn retry_count(self) -> Option<u16> {
        (self.0 >> Self::RETRIES).checked_sub(1).and_then(|count| u16::try_from(count).ok())
    }

    fn with_retry_count(self, count: u16) -> Self {
        Self(self.0 & 0xff | (u32::from(count) + 1) << Self::RETRIES)
    }
}

#[derive(Debug, Clone)]
enum Contents {
    /// And its lane: looked at more often than the event.
    One(Arc<Event>, u8),
    Many(Arc<Envelope>),
}

impl Parcel {
    /// A single event.
    #[inline]
    pub fn one(event: Arc<Event>) -> Self {
        #[allow(clippy::cast_possible_truncation)] // one of four
        let lane = event.priority.lane() as u8;
        Self { contents: Contents::One(event, lane), picked: 1, counts: Counts(1), deadline: Moment::NEVER }
    }

    /// A single delivery. Where its retry count is not that of the event, it is to be [unshared](Self::unshare) before
    /// it is handed over.
    pub(crate) fn alone(single: &Single) -> Self {
        let parcel = match single.claim() {
            None => Self::one(single.shared().clone()),
            Some(claim) => Self::of_places(&claim.alone(), 1),
        };
        let (own, said) = (single.retry_count(), single.shared().retry_count);
        let counts = if own == said { parcel.counts } else { parcel.counts.with_retry_count(own) };
        Self { counts, ..parcel }
    }

    /// Whether it has to be [unshared](Self::unshare).
    pub(crate) fn is_retried(&self) -> bool {
        self.counts.retry_count().is_some()
    }

    /// Makes the copy of an event that tells of its retries, if there are any of which it does not tell.
    pub(crate) fn unshare(&mut self) {
        if !self.is_retried() {
            return;
        }
        let single = self.singles().next().expect("one event was tried again, never none");
        let own = match single.claim().cloned() {
            None => Self::one(single.event()),
            Some(claim) => Self::of_places(&Arc::new(Envelope::of_one(single.event(), claim)), 1),
        };
        *self = Self { deadline: self.deadline, ..own };
    }

    /// The events at those places of the envelope whose bit is set; bits beyond its end mean nothing.
    #[inline]
    pub fn pick(envelope: &Arc<Envelope>, picked: u64) -> Self {
        let [a, b, c, d] = envelope.lanes;
        Self::of(Contents::Many(envelope.clone()), picked & (a | b | c | d), Moment::NEVER)
    }

    /// The same for who picks only places that the envelope has.
    #[inline]
    pub(crate) fn of_places(envelope: &Arc<Envelope>, picked: u64) -> Self {
        debug_assert_eq!(picked & !envelope.lanes.iter().fold(0, |all, lane| all | lane), 0);
        Self::of(Contents::Many(envelope.clone()), picked, Moment::NEVER)
    }

    #[inline]
    fn of(contents: Contents, picked: u64, deadline: Moment) -> Self {
        Self { contents, picked, counts: Counts::of(picked), deadline }
    }

    /// Its events as parcels of their own.
    #[inline]
    pub(crate) fn each_single(&self, mut each: impl FnMut(Self)) {
        if self.claims().is_none() {
            let singles = self.iter().map(|event| Self::one(event.clone()));
            return singles.for_each(|single| each(Self { deadline: self.deadline, ..single }));
        }
        let singles = self.singles().map(|single| Self::alone(&single));
        singles.for_each(|single| each(Self { deadline: self.deadline, ..single }));
    }

    fn claims(&self) -> Option<&Claims> {
        match &self.contents {
            Contents::One(..) => None,
            Contents::Many(envelope) => envelope.claims.as_deref(),
        }
    }

    /// Its deliveries apart from each other, most urgent first.
    pub fn singles(&self) -> impl Iterator<Item = Single> {
        let ((events, picked), claims) = (self.parts(), self.claims());
        let retry_count = self.counts.retry_count();
        Bits(picked).map(move |place| {
            let event = &events[place];
            let claim = claims.map(|claims| claims.at(place));
            Single::of(event, retry_count.unwrap_or(event.retry_count), claim)
        })
    }

    /// How many events.
    #[inline]
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The events, most urgent first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Event>> {
        let (events, picked) = self.parts();
        Bits(picked).map(|place| &events[place])
    }

    /// A bit for each place whose event is meant; 1 for a single event.
    #[inline]
    pub fn picked(&self) -> u64 {
        self.picked
    }

    #[inline]
    pub(super) fn parts(&self) -> (&[Arc<Event>], u64) {
        match &self.contents {
            Contents::One(event, _) => (slice::from_ref(event), self.picked),
            Contents::Many(envelope) => (&envelope.events, self.picked),
        }
    }

    /// Takes the first `count` events out, at most all.
    pub(crate) fn take_first(&mut self, count: usize) -> Self {
        debug_assert!(count == 0 || !self.is_retried(), "only what is about to wait is split");
        let mut rest = self.picked;
        for _ in 0..count.min(self.len()) {
            rest &= rest - 1;
        }
        let taken = Self::of(self.contents.clone(), self.picked & !rest, self.deadline);
        self.picked = rest;
        self.counts.0 -= taken.counts.0;
        taken
    }

    /// The most and the least urgent lane that it has an event in.
    #[inline]
    pub(crate) fn lanes(&self) -> (usize, usize) {
        match &self.contents {
            Contents::One(_, lane) => (usize::from(*lane), usize::from(*lane)),
            Contents::Many(envelope) => {
                let has = |lane: &usize| envelope.lanes[*lane] & self.picked != 0;
                let first = (0..Priority::ALL.len()).find(has).unwrap_or(0);
                let last = (0..Priority::ALL.len()).rev().find(has).unwrap_or(0);
                (first, last)
            }
        }
    }

    /// The part of it that is of this lane, possibly nothing.
    pub(crate) fn of_lane(&self, lane: usize) -> Self {
        let picked = match &self.contents {
            Contents::One(_, own) => u64::from(usize::from(*own) == lane),
            Contents::Many(envelope) => envelope.lanes[lane],
        };
        Self::of(self.contents.clone(), picked & self.picked, self.deadline)
    }

    /// Whether it holds many more events than it means.
    #[inline]
    pub(crate) fn is_sparse(&self) -> bool {
        match &self.contents {
            Contents::One(..) => false,
            Contents::Many(envelope) => self.len() * Self::PINNED_FOR_EACH < envelope.events.len(),
        }
    }

    /// Who keeps no sparse parcel holds at most so many events for each that it means. At 8 a service that
    /// gets one event in six, as in the heavy scenario, still shares the envelope.
    pub(crate) const PINNED_FOR_EACH: usize = 8;
}

/// The places of the bits that are set, lowest first.
pub(crate) struct Bits(pub(crate) u64);

impl Iterator for Bits {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let place = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventId, EventKind, Payload, Timestamp};

    fn event(id: u128, priority: Priority) -> Arc<Event> {
        let payload = Payload::Text("x".to_owned().into());
        let event = Event::new(EventId(id), EventKind::Metrics, "s", Timestamp(0), payload);
        Arc::new(Event { priority, ..event })
    }

    fn ids(parcel: &Parcel) -> Vec<u128> {
        parcel.iter().map(|event| event.id.0).collect()
    }

    fn envelope() -> Arc<Envelope> {
        let priorities = [Priority::Critical, Priority::Normal, Priority::Normal, Priority::Low];
        Envelope::new((1..).zip(priorities).map(|(id, priority)| event(id, priority)).collect::<Vec<_>>())
            .into()
    }

    #[test]
    fn a_parcel_is_split_by_number_and_by_lane() {
        let mut parcel = Parcel::pick(&envelope(), 0b1101);
        assert_eq!((ids(&parcel), parcel.lanes()), (vec![1, 3, 4], (0, 3)));
        assert_eq!(ids(&parcel.of_lane(2)), [3]);
        assert!(parcel.of_lane(1).is_empty());
        let first = parcel.take_first(2);
        assert_eq!((ids(&first), ids(&parcel), parcel.lanes()), (vec![1, 3], vec![4], (3, 3)));
        assert_eq!(ids(&parcel.take_first(9)), [4]);
        assert!(parcel.is_empty());
    }

    #[test]
    fn a_single_event_is_a_parcel_too() {
        let mut parcel = Parcel::one(event(7, Priority::High));
        assert_eq!((ids(&parcel), parcel.lanes(), parcel.is_sparse()), (vec![7], (1, 1), false));
        assert_eq!((parcel.of_lane(1).len(), parcel.of_lane(0).len()), (1, 0));
        assert_eq!(ids(&parcel.take_first(1)), [7]);
        assert!(parcel.is_empty());
    }

    #[test]
    fn sparse_is_less_than_an_eighth() {
        let events: Vec<_> = (0..64).map(|id| event(id + 1, Priority::Normal)).collect();
        let envelope = Arc::new(Envelope::new(events));
        assert!(Parcel::pick(&envelope, 0x7f).is_sparse());
        assert!(!Parcel::pick(&envelope, 0xff).is_sparse());
        assert_eq!(Parcel::pick(&envelope, u64::MAX).len(), 64);
    }

    #[test]
    #[should_panic(expected = "in the order of priority")]
    fn an_envelope_is_in_order() {
        Envelope::new([event(1, Priority::Low), event(2, Priority::High)]);
    }

    #[test]
    fn a_parcel_has_no_event_that_is_not_there() {
        assert_eq!(ids(&Parcel::pick(&envelope(), u64::MAX)), [1, 2, 3, 4]);
        assert!(Parcel::pick(&envelope(), 1 << 4).is_empty());
    }
}
