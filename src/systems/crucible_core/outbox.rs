use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::clock::Moment;
use super::receivers::Scratch;
use crate::event::{Event, Priority};
use crate::routing::{Bits, Claim, Claims, Envelope, Gauge};

/// Who gets which events of a chunk: a bit for each place in the envelope, so that a delivery costs no
/// pointer, and each mailbox is locked once for all of its events.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    picked: Vec<u64>,
    /// The services that get something.
    touched: Vec<u32>,
}

impl Outbox {
    /// For services of numbers below `services`.
    pub(super) fn make_room(&mut self, services: usize) {
        if self.picked.len() < services {
            self.picked.resize(services, 0);
        }
    }

    /// Adds this place to services that are different from each other; `first`: none of them has it yet. Returns
    /// to how many that is news.
    #[inline]
    pub(super) fn add_all(&mut self, services: &[u32], place: u64, first: bool) -> u32 {
        if !first {
            return services.iter().map(|&service| u32::from(self.add(service, place))).sum();
        }
        let Self { picked, touched } = self;
        // Not through the vector: it would be looked up for each.
        let picked = picked.as_mut_slice();
        for &service in services {
            let picked = &mut picked[service as usize];
            if *picked == 0 {
                touched.push(service);
            }
            *picked |= place;
        }
        #[allow(clippy::cast_possible_truncation)] // each of them has a number of 32 bits
        let news = services.len() as u32;
        news
    }

    /// Whether that is news.
    #[inline]
    pub(super) fn add(&mut self, service: u32, place: u64) -> bool {
        let picked = &mut self.picked[service as usize];
        if *picked == 0 {
            self.touched.push(service);
        }
        let news = *picked & place == 0;
        *picked |= place;
        news
    }

    /// How many events this service is to get so far, beside the one at this place.
    pub(super) fn gathered_beside(&self, service: u32, place: u64) -> u32 {
        self.picked.get(service as usize).map_or(0, |picked| (picked & !place).count_ones())
    }

    /// Takes this place out of all services, and returns which had it.
    pub(super) fn take_out(&mut self, place: u64) -> impl Iterator<Item = u32> {
        let (picked, touched) = (&mut self.picked, &self.touched);
        touched.iter().copied().filter(move |&service| {
            let picked = &mut picked[service as usize];
            let had = *picked & place != 0;
            *picked &= !place;
            had
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }

    /// Each service with the places that it gets, which are forgotten.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (u32, u64)> {
        let picked = &mut self.picked;
        let each =
            self.touched.drain(..).map(|service| (service, std::mem::take(&mut picked[service as usize])));
        // Some may have been taken out again.
        each.filter(|(_, picked)| *picked != 0)
    }
}

/// A bit for each of a chunk's events, by priority.
pub(super) type Lanes = [u64; Priority::ALL.len()];

/// The places of a chunk's events in their envelope: by priority, and within a priority in the order of
/// publishing.
#[derive(Debug)]
pub(super) struct Places {
    /// Of each position in the chunk.
    place: [u8; Envelope::CAPACITY],
    /// Of each place, the position in the chunk.
    position: [u8; Envelope::CAPACITY],
    len: usize,
    /// The places of each priority.
    lanes: Lanes,
}

impl Default for Places {
    fn default() -> Self {
        let none = [0; Envelope::CAPACITY];
        Self { place: none, position: none, len: 0, lanes: Lanes::default() }
    }
}

impl Places {
    /// Gives places to the events at the positions whose bit is set in one of these.
    #[inline]
    pub(super) fn assign(&mut self, lanes: Lanes) {
        let mut next = 0;
        for (positions, places) in lanes.into_iter().zip(&mut self.lanes) {
            let first = next;
            for position in Bits(positions) {
                #[allow(clippy::cast_possible_truncation)] // both below 64
                let short = (next as u8, position as u8);
                (self.place[position % Envelope::CAPACITY], self.position[next]) = short;
                next += 1;
            }
            *places = below(next) & !below(first);
        }
        self.len = next;
    }

    /// As a bit.
    #[inline]
    pub(super) fn of(&self, position: usize) -> u64 {
        // Positions lie below: that says so without a branch.
        1 << self.place[position % Envelope::CAPACITY]
    }

    pub(super) fn position(&self, place: usize) -> usize {
        self.position[place].into()
    }

    /// The events that have places, in their order.
    pub(super) fn envelope(&self, chunk: &[Arc<Event>]) -> Arc<Envelope> {
        let positions = &self.position[..self.len];
        let events = positions.iter().map(|&at| chunk[usize::from(at)].clone()).collect();
        Arc::new(Envelope::of_lanes(events, self.lanes, None))
    }

    /// The same with what these events have of the budget, by position, which is taken.
    #[cold]
    pub(super) fn claimed(&self, chunk: &[Arc<Event>], claims: &mut Vec<Option<Claim>>) -> Arc<Envelope> {
        let (mut events, mut placed) = (Vec::with_capacity(self.len), Vec::with_capacity(self.len));
        for position in self.position[..self.len].iter().map(|&at| usize::from(at)) {
            events.push(chunk[position].clone());
            placed.push(claims[position].take().expect("who has a place has claimed its bytes"));
        }
        claims.clear();
        Arc::new(Envelope::of_lanes(events.into(), self.lanes, Some(Box::new(Claims::new(placed)))))
    }
}

/// A bit for each place before this one.
fn below(place: usize) -> u64 {
    if place < Envelope::CAPACITY { (1 << place) - 1 } else { u64::MAX }
}

/// What publishing a batch works with; kept for the next one.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) outbox: Outbox,
    /// Deliveries that are due later: service, place in the envelope as a bit, and when.
    pub(super) later: Vec<(u32, u64, Moment)>,
    pub(super) places: Places,
    /// What each event of the chunk that was accepted has of the budget; empty without one.
    pub(super) claims: Vec<Option<Claim>>,
    pub(super) scratch: Scratch,
}

/// Desks that nobody works at. At most as many are kept as published at the same time, and no more
/// than [`KEPT`].
#[derive(Debug, Default)]
pub(super) struct Desks(Mutex<Idle>);

/// Boxed: a desk is large, and moved twice for each batch.
type Idle = Vec<Box<Desk>>;

/// More publishers than this at one moment build a desk anew; on machines with more cores the lock
/// of the mailboxes bounds them sooner.
const KEPT: usize = 64;

impl Desks {
    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.0.lock()
    }

    /// The entries of what idle desks keep, for services and groups of numbers below these.
    pub(super) fn gauges(&self, services: usize, groups: usize) -> [Gauge; 6] {
        let idle = self.lock();
        // By rules or by explicit targets.
        let routed = services + 2 * groups;
        let sum = |len: fn(&Desk) -> usize| idle.iter().map(|desk| len(desk)).sum();
        [
            Gauge::kept("idle desks", idle.len(), KEPT),
            Gauge::kept(
                "idle desks: places for services",
                sum(|desk| desk.outbox.picked.len()),
                KEPT * services,
            ),
            Gauge::passing("idle desks: services that get something", sum(|desk| desk.outbox.touched.len())),
            Gauge::passing("idle desks: deliveries due later", sum(|desk| desk.later.len())),
            Gauge::passing("idle desks: parts of the budget", sum(|desk| desk.claims.len())),
            Gauge::kept(
                "idle desks: numbers of the last route",
                sum(|desk| desk.scratch.len()),
                KEPT * routed,
            ),
        ]
    }

    pub(super) fn take(&self) -> DeskGuard<'_> {
        let desk = self.lock().pop().unwrap_or_default();
        DeskGuard { desks: self, desk: Some(desk) }
    }
}

/// Gives the desk back, also when publishing was given up half-way.
pub(super) struct DeskGuard<'a> {
    desks: &'a Desks,
    /// There until it is dropped.
    desk: Option<Box<Desk>>,
}

const THERE: &str = "taken in drop only";

impl Deref for DeskGuard<'_> {
    type Target = Desk;
    fn deref(&self) -> &Desk {
        self.desk.as_ref().expect(THERE)
    }
}

impl DerefMut for DeskGuard<'_> {
    fn deref_mut(&mut self) -> &mut Desk {
        self.desk.as_mut().expect(THERE)
    }
}

impl Drop for DeskGuard<'_> {
    fn drop(&mut self) {
        let mut desks = self.desks.lock();
        if desks.len() < KEPT
            && let Some(desk) = self.desk.take()
        {
            desks.push(desk);
        }
    }
}
