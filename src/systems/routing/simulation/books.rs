//! Ledger and statistics against what was seen.

use std::collections::BTreeSet;

use super::coverage::Count;
use super::published::{Fate, Published};
use super::violation::Promise;
use super::world::{Model, Totals, nanos};
use crate::routing::{Capability, Gauge, Health, Holds, Ledger, ServiceStatistics, Statistics};

impl Model {
    /// Bounds that hold at every moment.
    pub(super) fn check_bounds(&mut self, statistics: &Statistics, now: u64) {
        let batch = self.terms.batch.unwrap_or(0) as u64;
        if let Some(capacity) = self.terms.mailbox_capacity.filter(|_| self.offers(Capability::BackPressure))
        {
            for ServiceStatistics { name, queued, waiting, .. } in &statistics.services {
                let most = capacity as u64 + batch;
                self.hold(queued + waiting <= most, Promise::Bounds, || {
                    format!("`{name}`: {queued} queued and {waiting} waiting, {most} at most")
                });
            }
        }
        if self.offers(Capability::CircuitBreakers) && self.unclear == 0 {
            for ServiceStatistics { name, health, .. } in &statistics.services {
                let open = self.actor(name).is_some_and(|actor| self.actors[actor].breaker.is_open(now));
                let told = *health == Health::Unhealthy;
                // Between the end of a handler and the system's taking note the model is ahead.
                self.hold(open || !told, Promise::Breakers, || {
                    format!("`{name}` is said to be unhealthy, but its breaker is not open")
                });
            }
        }
        if let (Some(most), true) = (self.terms.dead_letters, self.offers(Capability::DeadLetters)) {
            let kept = statistics.dead_letters;
            self.hold(kept <= most, Promise::Bounds, || format!("{kept} dead letters, {most} at most"));
        }
        self.check_bytes(statistics);
        if self.publishing == 0
            && let Some(window) = &mut self.window
        {
            let (expected, got) = (window.len(now) as u64, statistics.remembered_ids as u64);
            self.same(Promise::Window, "remembered ids", expected, got);
        }
    }

    /// No more bytes are held than may be, and no more by dead letters alone.
    fn check_bytes(&mut self, statistics: &Statistics) {
        let limit = self.terms.byte_budget.filter(|_| self.offers(Capability::ByteBudget));
        let (Some(most), Some(held)) = (limit, statistics.held_bytes) else {
            return self
                .hold(limit.is_none(), Promise::Bounds, || "nobody tells how many bytes are held".into());
        };
        let of_letters = statistics.letter_bytes;
        self.hold(of_letters <= held && held <= most, Promise::Bounds, || {
            format!("{held} bytes are held, {of_letters} by dead letters alone, {most} at most")
        });
    }

    /// When nothing is under way only dead letters hold bytes: each of their events once.
    fn check_bytes_of_letters(&mut self, statistics: &Statistics) {
        if self.unclear > 0 || !self.offers(Capability::ByteBudget) {
            return;
        }
        let serials: BTreeSet<usize> = self.letters.kept.iter().map(|letter| letter.serial).collect();
        let bytes = serials.into_iter().map(|serial| self.published[serial].bytes).sum();
        for (what, got) in [("held", statistics.held_bytes), ("of letters", Some(statistics.letter_bytes))] {
            self.same(
                Promise::Books,
                &format!("bytes {what} when all is quiet"),
                bytes,
                got.unwrap_or(u64::MAX),
            );
        }
    }

    /// At a quiet moment everything has its place.
    pub(super) fn check_quiet(&mut self, ledger: Ledger, statistics: &Statistics) {
        self.count(Count::QuietMoments, 1);
        self.same(Promise::Books, "unsettled deliveries at a quiet moment", 0, ledger.unsettled());
        self.same(Promise::Books, "abandoned without a shutdown", 0, ledger.abandoned);
        let displaced = self.check_statistics(statistics);
        self.check_ledger(ledger, displaced);
        self.check_bytes_of_letters(statistics);
        self.check_turned_away();
        let early = self.unseen_before_their_time();
        self.hold(early <= displaced, Promise::Deliveries, || {
            format!("{early} deliveries were never begun though in time, but only {displaced} were displaced")
        });
        self.note(&[ledger.accepted, ledger.acknowledged], || format!("quiet: {ledger:?}"));
    }

    /// At a quiet moment nothing is left in any structure but what may stay there.
    pub(super) fn check_gauges(&mut self, gauges: &[Gauge]) {
        for Gauge { structure, len, holds } in gauges {
            let most = match holds {
                Holds::Passing => 0,
                Holds::Kept { most } => *most,
                Holds::Registered => u64::MAX,
            };
            self.hold(*len <= most, Promise::Bounds, || {
                format!("`{structure}` holds {len} at a quiet moment, {most} at most")
            });
        }
    }

    /// After shutdown, whatever was left.
    pub(super) fn check_end(&mut self, ledger: Ledger, again: Ledger, statistics: &Statistics) {
        self.hold(ledger == again, Promise::Books, || format!("first {ledger:?}, then {again:?}"));
        self.same(Promise::Books, "unsettled deliveries after shutdown", 0, ledger.unsettled());
        let displaced = self.check_statistics(statistics);
        self.check_ledger(ledger, displaced);
        self.check_bytes_of_letters(statistics);
        self.count(Count::Abandoned, ledger.abandoned);
        self.count(Count::Shutdowns, u64::from(ledger.abandoned > 0));
        self.note(&[ledger.accepted, ledger.abandoned], || format!("the end: {ledger:?}"));
    }

    fn check_ledger(&mut self, ledger: Ledger, displaced: u64) {
        if let Err(imbalance) = ledger.check() {
            self.violated(Promise::Books, imbalance.to_string());
        }
        let Totals { announced, acknowledged, failed, dead, .. } = self.totals;
        self.same(Promise::Books, "accepted deliveries", announced, ledger.accepted);
        self.same(Promise::Books, "acknowledged deliveries", acknowledged, ledger.acknowledged);
        self.same(Promise::Books, "failed deliveries", failed, ledger.failed);
        let unclear = self.unclear;
        self.hold(
            (dead + displaced..=dead + displaced + unclear).contains(&ledger.dead_lettered),
            Promise::Books,
            || {
                format!(
                    "dead letters: expected {dead} and {displaced} displaced, got {}",
                    ledger.dead_lettered
                )
            },
        );
        let open = self.untried();
        self.hold(ledger.expired <= open, Promise::Books, || {
            format!("{} expired, but only {open} were never begun", ledger.expired)
        });
        if !self.offers(Capability::EventTimeouts) {
            self.same(Promise::Books, "expired deliveries", 0, ledger.expired);
        }
        let before = self.counts.of(Count::Expired);
        self.count(Count::Expired, ledger.expired - before.min(ledger.expired));
        let before = self.counts.of(Count::Displaced);
        self.count(Count::Displaced, displaced - before.min(displaced));
    }

    /// Accepted deliveries that were never begun.
    fn untried(&self) -> u64 {
        let begun = |fate: Fate, failures| failures > 0 || !matches!(fate, Fate::Waiting | Fate::Displaced);
        let deliveries = self.published.iter().flat_map(|published| &published.deliveries);
        let begun = deliveries.filter(|delivery| begun(delivery.fate, delivery.failures)).count();
        self.totals.announced.saturating_sub(begun as u64)
    }

    /// Whom publishing left out gets nothing.
    fn check_turned_away(&mut self) {
        let told_less = |published: &Published| published.seen() > published.told;
        if let Some(serial) = self.published.iter().position(told_less) {
            let what = format!("#{serial} was delivered though turned away: {:?}", self.published[serial]);
            self.violated(Promise::Deliveries, what);
        }
    }

    /// Accepted deliveries that were never begun, nor known to be displaced, and have not expired.
    fn unseen_before_their_time(&self) -> u64 {
        let now = self.now();
        let timeout = self
            .terms
            .event_timeout
            .filter(|_| self.offers(Capability::EventTimeouts))
            .map_or(u64::MAX, nanos);
        let mut early = 0;
        for published in &self.published {
            let from = published.due.unwrap_or(0).max(published.called_at);
            if from.saturating_add(timeout) < now {
                continue;
            }
            early += published.told.saturating_sub(published.seen());
        }
        early
    }

    /// Returns how many were displaced in all.
    fn check_statistics(&mut self, statistics: &Statistics) -> u64 {
        let now = self.now();
        self.check_bounds(statistics, now);
        let Totals { accepted_events, unmatched_events, refused_events, .. } = self.totals;
        let Totals { duplicate_events, turned_away, replayed, purged, dead, displaced_before, .. } =
            self.totals;
        let pairs = [
            ("accepted events", accepted_events, statistics.accepted_events),
            ("unmatched events", unmatched_events, statistics.unmatched_events),
            ("refused events", refused_events, statistics.refused_events),
            ("duplicate events", duplicate_events, statistics.duplicate_events),
            ("deliveries turned away", turned_away, statistics.turned_away),
            ("replayed letters", replayed, statistics.replayed_letters),
            ("rules", self.rules.len() as u64, statistics.rules as u64),
        ];
        for (what, expected, got) in pairs {
            self.same(Promise::Books, what, expected, got);
        }
        let displaced =
            displaced_before + statistics.services.iter().map(|service| service.displaced).sum::<u64>();
        if self.offers(Capability::DeadLetters) && self.unclear == 0 {
            let kept = statistics.dead_letters as u64;
            let told = kept + statistics.lost_letters + replayed + purged;
            self.same(
                Promise::DeadLetters,
                "kept, lost, replayed and purged letters",
                dead + displaced,
                told,
            );
            let before = self.counts.of(Count::LostLetters);
            self.count(Count::LostLetters, statistics.lost_letters - before);
        }
        for service in &statistics.services {
            self.check_service(service);
        }
        displaced
    }

    fn check_service(&mut self, told: &ServiceStatistics) {
        let Some(actor) = self.actor(&told.name) else {
            return self
                .violated(Promise::Books, format!("statistics of `{}`, which is not registered", told.name));
        };
        if self.unclear > 0 {
            return;
        }
        let actor = &self.actors[actor];
        let tally = &actor.tally;
        let pairs = [
            ("acknowledged", tally.acknowledged, told.acknowledged),
            ("failed", tally.failed, told.failed),
            ("dead-lettered", tally.dead + told.displaced, told.dead_lettered),
            ("retried", tally.retried, told.retried),
            ("time-outs", tally.timeouts, told.timeouts),
            ("panics", tally.panics, told.panics),
            ("breaker openings", actor.breaker.opened, told.breaker_opened),
        ];
        for (what, expected, got) in pairs {
            self.same(Promise::Books, &format!("{what} of `{}`", told.name), expected, got);
        }
    }
}
