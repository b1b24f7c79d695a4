//! Recorded events as a workload.

use std::collections::HashMap;
use std::sync::Arc;

use crucible_events::event::{Event, EventId};

use super::draw::Draw;
use super::generator::draw_id;
use super::trace::{Speed, Trace};
use super::{Scenario, Workload, subscriptions};

/// Why a trace cannot be replayed to a scenario's services.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("trace `{trace}`: event {number} {why}")]
pub struct UnfitTrace {
    /// What it is called.
    pub trace: String,
    /// Of the event, from 1; gaps do not count.
    pub number: usize,
    why: &'static str,
}

impl Workload {
    /// The events of a trace, in their order and with their moments, for the services and rules of
    /// `scenario`. It is called `trace:` and the trace's name.
    ///
    /// Who gets what is for those rules to say, as for any event: of the medium scenario's, changes of
    /// files go to the two services of `index-changes`; what no rule asks for, such as kinds of one's
    /// own, goes to nobody. [`Workload::fan_out`] tells what that comes to.
    ///
    /// All of an event stays but its id, for which another one is drawn, the same each time, also
    /// where others refer to it: whoever recorded it numbered as he liked, and
    /// [`Edition`](super::Edition) builds on ids that look random.
    ///
    /// # Errors
    /// [`UnfitTrace`] for an event that names its targets, which are other services, or that is
    /// scheduled, since a replay decides itself when it is sent.
    pub fn of_trace(trace: Trace, scenario: &Scenario) -> Result<Self, UnfitTrace> {
        let Trace { name, events, offsets_ns, .. } = trace;
        check(&name, &events)?;
        let sizes = || events.iter().map(|event| event.payload.len());
        let sizes = [sizes().min().unwrap_or(0), sizes().max().unwrap_or(0)];
        let (services, rules) = subscriptions::of(scenario);
        Ok(Self {
            scenario: scenario.clone().of_recorded(format!("trace:{name}"), events.len(), sizes),
            seed: 0,
            groups: Vec::new(),
            rules,
            events: renumbered(events),
            arrivals: Some(offsets_ns),
            services,
        })
    }

    /// When its events are due if they are replayed at this speed, in nanoseconds from the first, in
    /// order; `None` if they were generated.
    pub fn offsets_ns(&self, speed: Speed) -> Option<impl ExactSizeIterator<Item = u64> + Send + use<>> {
        let recorded = self.arrivals.clone()?;
        Some((0..recorded.len()).map(move |index| speed.due_ns(recorded[index])))
    }

    /// Events per second over the whole of a replay at this speed, rounded; 0 if they were generated, or all come at once.
    pub fn mean_rate(&self, speed: Speed) -> u64 {
        let due = || self.offsets_ns(speed).into_iter().flatten();
        let (distances, last_ns) = (due().skip(1).count() as u128, due().last().unwrap_or(0));
        let rate = (distances * 1_000_000_000 + u128::from(last_ns / 2)).checked_div(u128::from(last_ns));
        rate.and_then(|rate| u64::try_from(rate).ok()).unwrap_or(0)
    }
}

fn check(trace: &str, events: &[Arc<Event>]) -> Result<(), UnfitTrace> {
    let fault = |event: &Event| {
        if !event.targets.is_empty() {
            Some("names its targets, which are no services here; remove its `targets`")
        } else if event.scheduled_at.is_some() {
            Some("is scheduled, but is sent when it was recorded; remove its `scheduled_at`")
        } else {
            None
        }
    };
    match (1..).zip(events).find_map(|(number, event)| Some((number, fault(event)?))) {
        Some((number, why)) => Err(UnfitTrace { trace: trace.to_owned(), number, why }),
        None => Ok(()),
    }
}

/// With ids as a generator draws them. What lies outside the trace keeps its id.
fn renumbered(mut events: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
    let mut draw = Draw::new(0, 0);
    let ids: HashMap<EventId, EventId> = events.iter().map(|event| (event.id, draw_id(&mut draw))).collect();
    let renamed = |id: EventId| ids.get(&id).copied().unwrap_or(id);
    for event in &mut events {
        let event = Arc::make_mut(event);
        event.id = renamed(event.id);
        event.correlation_id = event.correlation_id.map(renamed);
        event.causation_id = event.causation_id.map(renamed);
    }
    events
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::workload::trace::Header;
    use crate::workload::{Edition, Editions, Owed};
    use crucible_events::event::{EventKind, JsonText, Payload, Target, Timestamp};
    use crucible_events::routing::{Expected, Tally};

    /// A trace of these events, a millisecond apart.
    fn trace(events: Vec<Arc<Event>>) -> Trace {
        let header = Header { recorded_at: Timestamp(0), how: "by a test".to_owned() };
        let offsets_ns = (0..events.len() as u64).map(|index| index * 1_000_000).collect();
        Trace { name: "made".to_owned(), header, events, offsets_ns, gaps: 0 }
    }

    /// Events of all kinds, numbered as UUIDs of version 1 from one machine are: they differ in their upper halves alone.
    fn everything() -> Vec<Arc<Event>> {
        let mut events = Workload::generate(&Scenario::MEDIUM.with_events(300).expect("some"), 7).events;
        let numbers: HashMap<EventId, EventId> = events
            .iter()
            .zip(1..)
            .map(|(event, number)| (event.id, EventId(number << 64 | 0x8000_0000_0000_002a)))
            .collect();
        for event in &mut events {
            let event = Arc::make_mut(event);
            event.id = numbers[&event.id];
            event.correlation_id = event.correlation_id.map(|id| numbers[&id]);
            event.causation_id = event.causation_id.map(|id| numbers[&id]);
        }
        events
    }

    fn replayed() -> Workload {
        Workload::of_trace(trace(everything()), &Scenario::MEDIUM).expect("it fits")
    }

    #[test]
    fn recorded_events_go_where_the_scenarios_rules_say_at_their_own_moments() {
        let (replayed, generated) = (replayed(), Workload::generate(&Scenario::MEDIUM, 7));
        assert_eq!(replayed.receivers(), generated.receivers()[..300]);
        assert_eq!((&replayed.services, &replayed.rules), (&generated.services, &generated.rules));
        assert_eq!((replayed.scenario.name(), replayed.scenario.events()), ("trace:made", 300));
        assert_eq!(replayed.scenario.payload_sizes(), 1_024..=1_024);
        let due: Vec<u64> = replayed.offsets_ns("10x".parse().expect("a speed")).expect("recorded").collect();
        assert_eq!((due.len(), &due[..3]), (300, &[0, 100_000, 200_000][..]));
        assert!(generated.offsets_ns(Speed::RECORDED).is_none());
    }

    #[test]
    fn all_of_an_event_stays_but_its_number() {
        let events = everything();
        let numbers: HashMap<EventId, EventId> =
            events.iter().zip(&replayed().events).map(|(before, after)| (before.id, after.id)).collect();
        let lower_halves: BTreeSet<u128> = numbers.values().map(|id| id.0 << 64).collect();
        assert_eq!(lower_halves.len(), 300, "what editions build on");
        assert!(!lower_halves.contains(&0));
        for (before, after) in events.iter().zip(&replayed().events) {
            let mut expected = Event::clone(before);
            expected.id = numbers[&before.id];
            expected.correlation_id = before.correlation_id.map(|id| numbers[&id]);
            expected.causation_id = before.causation_id.map(|id| numbers[&id]);
            assert_eq!(expected, **after);
        }
        let mut outside = Event::clone(&events[0]);
        outside.causation_id = Some(EventId(99));
        let alone = Workload::of_trace(trace(vec![outside.into()]), &Scenario::LIGHT).expect("it fits");
        assert_eq!(alone.events[0].causation_id, Some(EventId(99)), "nothing is known of it");
    }

    #[test]
    fn editions_and_what_is_owed_hold_as_for_generated_events() {
        let workload = replayed();
        let (owed, mut editions) = (Owed::of(&workload), Editions::of(&workload));
        let (mut oracle, mut expected, mut ids) = (workload.oracle(), Expected::default(), BTreeSet::new());
        for edition in 0..3 {
            for (event, recorded) in editions.events().iter().zip(&workload.events) {
                assert_eq!(event.id, Edition(edition).id(recorded.id));
                assert!(ids.insert(event.id), "an id came again");
                expected.note(event.id, &oracle.publish(event).expect("within the limits"));
            }
            editions.advance();
        }
        let each: Vec<Tally> = workload.services.iter().map(|service| expected.of(&service.name)).collect();
        assert_eq!(owed.of_first(900), each);
    }

    #[test]
    fn the_beginning_of_a_replay_has_the_moments_of_its_events() {
        let (whole, beginning) = (replayed(), replayed().beginning(20));
        assert_eq!(beginning.events, whole.events[..20]);
        assert_eq!(beginning.offsets_ns(Speed::RECORDED).expect("recorded").last(), Some(19_000_000));
        assert_eq!(whole.beginning(usize::MAX).arrivals, whole.arrivals);
    }

    #[test]
    fn changes_of_files_reach_services_in_every_scenario() {
        let payload = Payload::Json(JsonText::new(r#"{"folder":"src","path":"src/lib.rs"}"#).expect("JSON"));
        let change = |(kind, number): (&EventKind, u128)| {
            let kind = kind.clone();
            Arc::new(Event::new(EventId(number), kind, "vault-watcher-1", Timestamp(1), payload.clone()))
        };
        let events: Vec<_> = EventKind::BUILT_IN[..4].iter().zip(1..).map(change).collect();
        let fan_out = Scenario::ALL.map(|scenario| {
            let workload = Workload::of_trace(trace(events.clone()), &scenario).expect("it fits");
            workload.fan_out().to_string()
        });
        assert_eq!(
            fan_out,
            [
                "2.00 deliveries per event (8 / 4, at most 2), 0.0 % unmatched",
                "2.00 deliveries per event (8 / 4, at most 2), 0.0 % unmatched",
                "13.75 deliveries per event (55 / 4, at most 17), 0.0 % unmatched",
                "31.00 deliveries per event (124 / 4, at most 35), 0.0 % unmatched"
            ]
        );
    }

    #[test]
    fn events_that_a_replay_cannot_send_are_refused_by_number() {
        let refusal = |change: fn(&mut Event)| {
            let mut events = everything();
            change(Arc::make_mut(&mut events[2]));
            Workload::of_trace(trace(events), &Scenario::LIGHT).expect_err("it does not fit").to_string()
        };
        assert_eq!(
            refusal(|event| event.targets = [Target::Service("service-000".into())].into()),
            "trace `made`: event 3 names its targets, which are no services here; remove its `targets`"
        );
        assert_eq!(
            refusal(|event| event.scheduled_at = Some(Timestamp(u64::MAX))),
            "trace `made`: event 3 is scheduled, but is sent when it was recorded; remove its `scheduled_at`"
        );
    }
}
