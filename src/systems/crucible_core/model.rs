//! All ways in which threads may meet in what is written here with locks and atomics, tried by loom: nobody
//! sleeps on although there is something for him. `ci/loom.sh` runs it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use loom::future::block_on;
use loom::thread;

use super::clock::{ManualClock, Moment};
use super::limiter::Limiter;
use super::mailbox::{Mailbox, Pushed, Receiver};
use crate::event::{Event, EventId, EventKind, Payload, Timestamp};
use crate::routing::{BreakerPolicy, Parcel};

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    // Three is what finds nearly everything (Musuvathi, Qadeer: Iterative Context Bounding, PLDI 2007).
    model.preemption_bound = Some(3);
    model.check(check);
}

fn parcel(id: u128) -> Parcel {
    let payload = Payload::Text("x".to_owned().into());
    Parcel::one(Arc::new(Event::new(EventId(id), EventKind::Metrics, "s", Timestamp(0), payload)))
}

fn mailbox(capacity: usize) -> Arc<Mailbox> {
    Arc::new(Mailbox::new(capacity, BreakerPolicy::default()))
}

fn receiver(limiter: &Arc<Limiter>) -> Receiver {
    Receiver::new(64, ManualClock::new(Timestamp(0)).clock(), limiter.clone())
}

/// What a service's task does, until its mailbox is closed; how many deliveries it saw.
fn serve(mailbox: &Mailbox, mut receiver: Receiver) -> usize {
    let mut seen = 0;
    block_on(async {
        while poll_fn(|cx| receiver.poll_next(mailbox, cx)).await {
            seen += receiver.events().count();
            receiver.acknowledge();
        }
    });
    seen
}

fn push(mailbox: &Mailbox, id: u128) {
    assert!(matches!(mailbox.push(parcel(id), Moment::NEVER), Pushed::All));
}

#[test]
fn a_permit_that_comes_back_is_found_by_who_waits() {
    model(|| {
        let limiter = Arc::new(Limiter::new(1));
        let others = [(); 2].map(|()| {
            let limiter = limiter.clone();
            thread::spawn(move || {
                let taken = block_on(poll_fn(|cx| match limiter.take(2, cx.waker()) {
                    0 => Poll::Pending,
                    taken => Poll::Ready(taken),
                }));
                limiter.give_back(taken);
            })
        });
        others.into_iter().for_each(|other| other.join().expect("it ends"));
        assert_eq!(limiter.left(), 1);
    });
}

#[test]
fn who_pushes_wakes_who_sleeps_and_the_close_ends_it() {
    model(|| {
        let mailbox = mailbox(8);
        let publisher = thread::spawn({
            let mailbox = mailbox.clone();
            move || {
                push(&mailbox, 1);
                push(&mailbox, 2);
                mailbox.close();
            }
        });
        let limiter = Arc::new(Limiter::new(64));
        assert_eq!(serve(&mailbox, receiver(&limiter)), 2);
        publisher.join().expect("it ends");
        let ledger = mailbox.counts().ledger;
        assert_eq!((ledger.acknowledged, ledger.queued, mailbox.unsettled()), (2, 0, 0));
    });
}

#[test]
fn room_is_found_by_who_waits_for_it() {
    model(|| {
        let mailbox = mailbox(1);
        let publisher = thread::spawn({
            let mailbox = mailbox.clone();
            move || {
                push(&mailbox, 1);
                let mut left = Some(parcel(2));
                while let Some(parcel) = left.take() {
                    block_on(mailbox.wait_for_room());
                    if let Pushed::Full(parcel) = mailbox.push(parcel, Moment::NEVER) {
                        left = Some(parcel);
                    }
                }
                mailbox.close();
            }
        });
        assert_eq!(serve(&mailbox, receiver(&Arc::new(Limiter::new(64)))), 2);
        publisher.join().expect("it ends");
    });
}

#[test]
fn who_waits_for_quiet_hears_of_it() {
    model(|| {
        let mailbox = mailbox(8);
        push(&mailbox, 1);
        let service = thread::spawn({
            let mailbox = mailbox.clone();
            move || serve(&mailbox, receiver(&Arc::new(Limiter::new(64))))
        });
        block_on(mailbox.wait_idle());
        assert_eq!(mailbox.counts().ledger.acknowledged, 1);
        mailbox.close();
        assert_eq!(service.join().expect("it ends"), 1);
    });
}

#[test]
fn two_services_share_one_permit() {
    model(|| {
        let limiter = Arc::new(Limiter::new(1));
        let services = [1, 2].map(|id| {
            let (mailbox, receiver) = (mailbox(8), receiver(&limiter));
            push(&mailbox, id);
            mailbox.close();
            thread::spawn(move || serve(&mailbox, receiver))
        });
        let seen: usize = services.into_iter().map(|service| service.join().expect("it ends")).sum();
        assert_eq!((seen, limiter.left()), (2, 1));
    });
}
