use super::*;

/// A mailbox, a budget, and the envelope of so many events that have their parts of it.
fn claimed(events: u128) -> (Bench, Arc<Budget>, Arc<Envelope>) {
    let events: Vec<_> = (1..=events).map(|id| event(id, Priority::Normal)).collect();
    let budget = Budget::new(u64::MAX);
    let claims: Vec<_> = events.iter().map(|event| budget.claim(event).expect("there is room")).collect();
    let lanes = [0, 0, u64::MAX >> (64 - events.len()), 0];
    let envelope = Envelope::of_lanes(events.into(), lanes, Some(Box::new(Claims::new(claims))));
    (Bench::new(100, 64), budget, Arc::new(envelope))
}

/// Of how many events bytes are held.
fn held(budget: &Budget) -> u64 {
    budget.held() / event(1, Priority::Normal).held_bytes()
}

#[test]
fn who_waits_alone_for_a_retry_keeps_its_own_part_of_the_budget() {
    let (bench, budget, envelope) = claimed(3);
    let mut bench = Bench { mailbox: Mailbox::new(3, BreakerPolicy::default()), ..bench };
    bench.push(Parcel::pick(&envelope, 0b111));
    drop(envelope);
    bench.take();
    let mut settled = Settled { acknowledged: vec![true, false, true], ..Settled::default() };
    let second = bench.receiver.singles().nth(1).expect("three are there");
    let shared = second.shared().clone();
    settled.retries.push((Moment(5), second.with_retry_count(1)));
    bench.receiver.settle(settled);
    assert_eq!(held(&budget), 1);
    assert!(bench.poll().is_pending());
    bench.advance(5);
    // Only who is handed it has a copy, and when that fails, it goes.
    for retry_count in 1..=3 {
        assert_eq!((bench.take(), held(&budget)), (vec![2], 1));
        let handed = bench.receiver.events().next().expect("one").clone();
        assert_eq!((handed.retry_count, shared.retry_count), (retry_count, 0));
        let again = bench.receiver.singles().next().expect("one");
        assert!(Arc::ptr_eq(again.shared(), &shared) && again.retry_count() == retry_count);
        let retries = vec![(Moment(5), again.with_retry_count(retry_count + 1))];
        bench.receiver.settle(Settled { acknowledged: vec![false], retries, ..Settled::default() });
        assert_eq!((Arc::strong_count(&handed), held(&budget)), (1, 1));
    }
    bench.take();
    bench.receiver.acknowledge();
    assert!(bench.poll().is_pending());
    assert_eq!((held(&budget), Arc::strong_count(&shared)), (0, 1));
}

#[test]
fn what_is_taken_out_of_an_envelope_keeps_its_own_part_of_the_budget() {
    let (mut bench, budget, envelope) = claimed(64);
    // Sparse, and nobody sleeps who would take it at once.
    bench.push(Parcel::pick(&envelope, 0b1));
    bench.mailbox.push_delayed(Parcel::pick(&envelope, 0b10), Moment(5), NEVER);
    drop(envelope);
    assert_eq!(held(&budget), 2);
    assert_eq!(bench.take(), [1]);
    bench.receiver.acknowledge();
    assert!(bench.poll().is_pending());
    assert_eq!(held(&budget), 1);
    bench.mailbox.end();
    assert_eq!(held(&budget), 0);
}

#[test]
fn who_is_displaced_takes_its_part_of_the_budget_along() {
    let (bench, budget, envelope) = claimed(2);
    let bench = Bench { mailbox: Mailbox::new(2, BreakerPolicy::default()), ..bench };
    bench.push(Parcel::pick(&envelope, 0b11));
    drop(envelope);
    let mut displaced = Vec::new();
    bench.mailbox.push_displacing(one(9, Priority::Critical), NEVER, &mut displaced);
    assert_eq!(displaced.len(), 1);
    bench.mailbox.end();
    assert_eq!(held(&budget), 1);
    drop(displaced);
    assert_eq!(held(&budget), 0);
}

#[test]
fn to_ask_for_room_foretells_displacing_and_lets_go_of_nothing() {
    let (bench, budget, envelope) = claimed(64);
    let mut bench = Bench { mailbox: Mailbox::new(2, BreakerPolicy::default()), ..bench };
    let [critical, normal] = [Priority::Critical, Priority::Normal].map(|priority| Some(priority.lane()));
    let asked = |bench: &Bench| [None, normal, critical].map(|displaces| bench.mailbox.takes_one(displaces));
    assert_eq!(asked(&bench), [true; 3]);
    // Its task is about to take it as it lies.
    assert!(bench.poll().is_pending());
    bench.push(Parcel::pick(&envelope, 0b11));
    drop(envelope);
    assert_eq!((asked(&bench), held(&budget)), ([false, false, true], 64));
    let mut displaced = Vec::new();
    bench.mailbox.push_displacing(one(99, Priority::Critical), NEVER, &mut displaced);
    assert_eq!(displaced.len(), 1);
    // What waits in lanes is told as well as what arrived.
    assert_eq!((asked(&bench), held(&budget)), ([false, false, true], 2));
    bench.mailbox.close();
    assert_eq!(asked(&bench), [true; 3], "that it takes nothing any more is told without a wait, too");
}
