use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;

use super::fault::{Verdict, ensure, same};
use super::stage::Stage;
use super::witness::{Failing, Journal};
use super::{Capability, Case, Fault};
use crate::event::{Event, EventId, Payload, Timestamp};
use crate::routing::{Batch, BatchOutcome, EventSystem, Handler, OnFull, Recorder, SystemError};

const RULES: &[Capability] = &[Capability::Rules];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "events arrive whole",
            promise: "An event arrives with every field as it was published.",
            needs: RULES,
            check: |stage| Box::pin(arrive_whole(stage)),
        },
        Case {
            name: "payloads are shared",
            promise: "A payload is handed over as it is in memory; its bytes are not copied.",
            needs: RULES,
            check: |stage| Box::pin(payloads_are_shared(stage)),
        },
        Case {
            name: "nothing is held",
            promise: "At quiet the system holds no event and no payload any more.",
            needs: RULES,
            check: |stage| Box::pin(nothing_is_held(stage)),
        },
        Case {
            name: "order of a publisher",
            promise: "A service gets one publisher's events of one priority in the order of publishing.",
            needs: RULES,
            check: |stage| Box::pin(order_of_a_publisher(stage)),
        },
        Case {
            name: "one batch at a time",
            promise: "A handler has one batch at a time in hands, and never an empty one.",
            needs: RULES,
            check: |stage| Box::pin(one_batch_at_a_time(stage)),
        },
        Case {
            name: "failures are counted",
            promise: "Events that a handler reports as failed count as failed, the rest of their batch does not.",
            needs: RULES,
            check: |stage| Box::pin(failures_are_counted(stage)),
        },
    ]
}

async fn arrive_whole<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b"]).await?;
    stage.everything_to(&["a", "b"]).await?;
    let metadata = [("user".to_owned(), "zoë \u{1}".to_owned()), ("empty".to_owned(), String::new())];
    let mut published = BTreeMap::new();
    for n in 0..20_u16 {
        let event = Event {
            created_at: Timestamp(1_700_000_000_000_000_001 + u64::from(n)),
            metadata: (n % 2 == 0).then(|| Arc::new(metadata.clone().into())),
            correlation_id: (n % 3 == 0).then_some(EventId(u128::MAX)),
            causation_id: (n % 5 == 0).then_some(EventId(7)),
            retry_count: n % 2,
            retry_limit: n + 1,
            ..stage.event()
        };
        published.insert(event.id, event.clone());
        stage.publish(event).await?;
    }
    stage.settled().await?;
    for name in ["a", "b"] {
        for event in stage.journal(name).events() {
            same("event as it arrived", published.get(&event.id), Some(&event))?;
        }
    }
    Ok(())
}

/// As a number, since pointers do not go from thread to thread.
fn address(event: &Event) -> usize {
    event.payload.as_bytes().as_ptr().addr()
}

async fn payloads_are_shared<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b", "c"]).await?;
    stage.everything_to(&["a", "b", "c"]).await?;
    let bytes = Bytes::from(vec![7_u8; 100_000]);
    for payload in [Payload::Binary(bytes), Payload::Text("t".repeat(100_000).into())] {
        let event = Event { payload, ..stage.event() };
        let (id, published_at) = (event.id, address(&event));
        stage.publish(event).await?;
        stage.settled().await?;
        for name in ["a", "b", "c"] {
            let events = stage.journal(name).events();
            let shared = events.iter().any(|event| event.id == id && address(event) == published_at);
            ensure(shared, format_args!("service `{name}` sees the publisher's own payload bytes"))?;
        }
    }
    Ok(())
}

/// Bytes that tell when nobody has them any more.
struct Traced(Vec<u8>, #[allow(dead_code)] Arc<()>);

impl AsRef<[u8]> for Traced {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

async fn nothing_is_held<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    for name in ["a", "b", "c"] {
        stage.serve(name, Recorder::new(&name.into())).await?;
    }
    stage.everything_to(&["a", "b", "c"]).await?;
    let mut events: Vec<Weak<Event>> = Vec::new();
    let mut payloads: Vec<Weak<()>> = Vec::new();
    let system = stage.system.clone();
    let mut next = || {
        let alive = Arc::new(());
        payloads.push(Arc::downgrade(&alive));
        let payload = Payload::Binary(Bytes::from_owner(Traced(vec![1; 64], alive)));
        let event = Arc::new(Event { payload, ..stage.event() });
        events.push(Arc::downgrade(&event));
        event
    };
    for _ in 0..200 {
        system.publish(next(), OnFull::Wait).await?;
    }
    let batch: Vec<Arc<Event>> = (0..200).map(|_| next()).collect();
    system.publish_batch(&batch, OnFull::Wait).await?;
    drop(batch);
    system.quiesce().await?;
    let held_events = events.iter().filter(|event| event.strong_count() > 0).count();
    same("events still held at quiet", 0, held_events)?;
    let held_payloads = payloads.iter().filter(|payload| payload.strong_count() > 0).count();
    same("payloads still held at quiet", 0, held_payloads)
}

/// Publishers are told by the event's source, positions by its time of creation.
async fn order_of_a_publisher<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b"]).await?;
    stage.everything_to(&["a", "b"]).await?;
    let publishers: Vec<_> = ["p", "q", "r"]
        .into_iter()
        .map(|publisher| {
            let events = (1..=200).map(|position| {
                let created_at = Timestamp(position);
                Event { source: publisher.into(), created_at, ..stage.event() }
            });
            let events: Vec<Arc<Event>> = events.map(Arc::new).collect();
            tokio::spawn(publish_mixed(stage.system.clone(), events))
        })
        .collect();
    for publisher in publishers {
        publisher.await.map_err(|panic| Fault::new(panic.to_string()))??;
    }
    stage.system.quiesce().await?;
    for name in ["a", "b"] {
        let mut latest = BTreeMap::new();
        for event in stage.journal(name).events() {
            let before = latest.insert((event.source.clone(), event.priority), event.created_at);
            ensure(
                before < Some(event.created_at),
                format_args!(
                    "`{name}` gets event {:?} of `{}` after {before:?}",
                    event.created_at, event.source
                ),
            )?;
        }
    }
    Ok(())
}

/// One event, then seven in a batch, and so on.
async fn publish_mixed<S: EventSystem>(system: Arc<S>, events: Vec<Arc<Event>>) -> Result<(), SystemError> {
    for chunk in events.chunks(8) {
        if let Some((first, rest)) = chunk.split_first() {
            system.publish(first.clone(), OnFull::Wait).await?;
            system.publish_batch(rest, OnFull::Wait).await?;
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Takes its time, and sees whether it is called again meanwhile.
#[derive(Clone, Default)]
struct Alone {
    journal: Journal,
    busy: Arc<AtomicUsize>,
    crowded: Arc<AtomicBool>,
    empty: Arc<AtomicBool>,
}

impl Handler for Alone {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        let others = self.busy.fetch_add(1, Ordering::SeqCst);
        self.crowded.fetch_or(others > 0, Ordering::SeqCst);
        self.empty.fetch_or(batch.is_empty(), Ordering::SeqCst);
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        self.busy.fetch_sub(1, Ordering::SeqCst);
        self.journal.handle(batch).await
    }
}

async fn one_batch_at_a_time<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let alone = Alone { journal: stage.journal("a"), ..Alone::default() };
    stage.serve("a", alone.clone()).await?;
    stage.everything_to(&["a"]).await?;
    let publishers: Vec<_> = (0..4)
        .map(|_| {
            let events: Vec<Event> = (0..50).map(|_| stage.event()).collect();
            let told = events.iter().try_for_each(|event| stage.foretell(event).map(drop));
            let events = events.into_iter().map(Arc::new).collect();
            (told, tokio::spawn(publish_mixed(stage.system.clone(), events)))
        })
        .collect();
    for (told, publisher) in publishers {
        same("the oracle's answer", Ok(()), told)?;
        publisher.await.map_err(|panic| Fault::new(panic.to_string()))??;
    }
    stage.settled().await?;
    ensure(!alone.crowded.load(Ordering::SeqCst), "no second batch comes while one is handled")?;
    ensure(!alone.empty.load(Ordering::SeqCst), "no batch is empty")
}

async fn failures_are_counted<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.serve("all", Failing(|_| true)).await?;
    stage.serve("some", Failing(|event| event.id.0 % 3 == 2)).await?;
    stage.services(&["none"]).await?;
    stage.everything_to(&["all", "none", "some"]).await?;
    let events: Vec<Event> = (0..30).map(|_| Event { retry_limit: 0, ..stage.event() }).collect();
    stage.publish_batch(events).await?;
    stage.system.quiesce().await?;
    let ledger = stage.system.ledger().await?;
    ledger.check()?;
    same("failed for good in the ledger", 40, ledger.failed + ledger.dead_lettered)?;
    same("acknowledged in the ledger", 50, ledger.acknowledged)?;
    let services = stage.system.statistics().await?.services;
    let counted: Vec<_> = services
        .iter()
        .map(|service| (service.name.as_str(), service.acknowledged, service.failed + service.dead_lettered))
        .collect();
    same("counts of the services", vec![("all", 0, 30), ("none", 30, 0), ("some", 20, 10)], counted)
}
