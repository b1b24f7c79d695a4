use std::collections::VecDeque;

use crate::crucible_core::clock::Moment;
use crate::event::Priority;
use crate::routing::Parcel;

/// What waits behind other deliveries: by priority, and within a priority in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: [Lane; Priority::ALL.len()],
    /// In all of them.
    deliveries: usize,
    /// How many batches were too small for kept places.
    small_batches: usize,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Parcel>,
    deliveries: usize,
}

/// Of each batch, this many places are kept for events of each priority that wait, most urgent
/// first; the rest goes to the most urgent. So Low moves however much Critical arrives, and a flood
/// of Low takes no more than its 2 of 64 from the others.
const KEPT_PLACES: [usize; Priority::ALL.len()] = [0, 8, 4, 2];

/// The smallest batch that still has a place for every priority.
pub(crate) const SMALLEST_BATCH: usize = 16;

/// Of smaller batches (probes, or what the limit of concurrent deliveries leaves), one in so many keeps a place
/// for a less urgent priority, in turn.
const SMALL_BATCHES: usize = 16;

impl Lane {
    /// Never a sparse parcel: events that nobody waits for any more would be held as long as the last of
    /// their envelope.
    fn push(&mut self, parcel: Parcel) {
        self.deliveries += parcel.len();
        if parcel.is_sparse() {
            parcel.each_single(|single| self.waiting.push_back(single));
        } else {
            self.waiting.push_back(parcel);
        }
    }

    /// Takes the first `count` deliveries out; those that are late go to `expired`.
    fn take(&mut self, count: usize, now: Moment, batch: &mut Vec<Parcel>, expired: &mut Vec<Parcel>) {
        let mut left = count.min(self.deliveries);
        self.deliveries -= left;
        while left > 0
            && let Some(mut parcel) = self.waiting.pop_front()
        {
            let to = if parcel.deadline < now { &mut *expired } else { &mut *batch };
            if parcel.len() > left {
                to.push(parcel.take_first(left));
                self.waiting.push_front(parcel);
                return;
            }
            left -= parcel.len();
            to.push(parcel);
        }
    }

    /// Takes the youngest delivery out.
    fn take_youngest(&mut self) -> Option<Parcel> {
        let mut youngest = self.waiting.pop_back()?;
        let rest = youngest.take_first(youngest.len() - 1);
        if !rest.is_empty() {
            self.waiting.push_back(rest);
        }
        self.deliveries -= 1;
        Some(youngest)
    }
}

impl Lanes {
    pub(super) fn len(&self) -> usize {
        self.deliveries
    }

    pub(super) fn parcels(&self) -> usize {
        self.lanes.iter().map(|lane| lane.waiting.len()).sum()
    }

    pub(super) fn push(&mut self, parcel: Parcel) {
        let (first, last) = parcel.lanes();
        self.deliveries += parcel.len();
        if first == last {
            return self.lanes[first].push(parcel);
        }
        for (lane, list) in self.lanes.iter_mut().enumerate() {
            let part = parcel.of_lane(lane);
            if !part.is_empty() {
                list.push(part);
            }
        }
    }

    /// Takes `count` deliveries out, which is no more than wait, most urgent first; those that are late go to
    /// `expired`.
    pub(super) fn take(
        &mut self,
        count: usize,
        now: Moment,
        batch: &mut Vec<Parcel>,
        expired: &mut Vec<Parcel>,
    ) {
        let places = self.places(count);
        self.deliveries -= count;
        for (lane, places) in self.lanes.iter_mut().zip(places) {
            lane.take(places, now, batch, expired);
        }
    }

    /// Moves the late ones at the head of each lane to `late`.
    pub(super) fn expire(&mut self, now: Moment, late: &mut Vec<Parcel>) {
        for lane in &mut self.lanes {
            while let Some(first) = lane.waiting.pop_front_if(|first| first.deadline < now) {
                lane.deliveries -= first.len();
                self.deliveries -= first.len();
                late.push(first);
            }
        }
    }

    /// How many of each lane go into a batch of `len`, which is no more than wait.
    fn places(&mut self, len: usize) -> [usize; Priority::ALL.len()] {
        let waiting = [0, 1, 2, 3].map(|lane: usize| self.lanes[lane].deliveries);
        if self.deliveries == len {
            return waiting;
        }
        let mut places = self.kept_places(len);
        for (places, waiting) in places.iter_mut().zip(waiting) {
            *places = waiting.min(*places);
        }
        let mut left = len - places.iter().sum::<usize>();
        for (places, waiting) in places.iter_mut().zip(waiting) {
            let more = left.min(waiting - *places);
            *places += more;
            left -= more;
        }
        places
    }

    fn kept_places(&mut self, len: usize) -> [usize; Priority::ALL.len()] {
        if len >= SMALLEST_BATCH {
            return KEPT_PLACES;
        }
        let mut places = [0; Priority::ALL.len()];
        self.small_batches += 1;
        if self.small_batches.is_multiple_of(SMALL_BATCHES) {
            let turn = self.small_batches / SMALL_BATCHES;
            let less_urgent = (0..Priority::ALL.len() - 1).map(|step| 1 + (turn + step) % 3);
            if let Some(lane) = less_urgent.into_iter().find(|&lane| self.lanes[lane].deliveries > 0) {
                places[lane] = 1;
            }
        }
        places
    }

    /// Whether less urgent deliveries than those of this lane wait.
    pub(super) fn has_below(&self, lane: usize) -> bool {
        self.lanes[lane + 1..].iter().any(|lane| lane.deliveries > 0)
    }

    /// Takes the youngest of the least urgent deliveries out, if it is less urgent than this lane.
    pub(super) fn displace_for(&mut self, lane: usize) -> Option<Parcel> {
        let youngest = self.lanes[lane + 1..].iter_mut().rev().find_map(Lane::take_youngest)?;
        self.deliveries -= 1;
        Some(youngest)
    }

    /// Everything.
    pub(super) fn clear(&mut self) -> Self {
        std::mem::take(self)
    }
}
