//! Generated lives of a system: services and groups that come and go, rules that change, events.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use crate::event::{
    Category, Event, EventId, EventKind, FieldPath, JsonText, Name, Payload, Priority, Scalar, Target,
    Timestamp,
};
use crate::routing::{Filter, GroupSpec, Rule};

#[derive(Debug, Clone)]
pub(super) enum Step {
    Register(Name),
    Unregister(Name),
    DefineGroup(GroupSpec),
    RemoveGroup(Name),
    AddRule(Rule),
    RemoveRule(Name),
    /// The id is given when it is published.
    Publish(Event),
    LetTheLoopRun,
}

/// Few names, so that they meet: "d" is a service and a group.
const SERVICES: [&str; 5] = ["a", "b", "c", "d", "e"];
const GROUPS: [&str; 3] = ["d", "g", "h"];
const RULES: [&str; 6] = ["1", "2", "3", "4", "5", "6"];
const SOURCES: [&str; 3] = ["vault", "sync", "vault.sync"];

fn name(among: &'static [&'static str]) -> impl Strategy<Value = Name> {
    select(among).prop_map(Name::from)
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![3 => name(&SERVICES).prop_map(Target::Service), 2 => name(&GROUPS).prop_map(Target::Group)]
}

/// Custom kinds look like built-in ones on purpose.
fn kind() -> impl Strategy<Value = EventKind> {
    let kinds =
        ["filesystem.modify", "filesystem.indexed", "filesystem", "database.read", "system.metrics", "x"];
    select(kinds.to_vec()).prop_map(|kind| Name::from(kind).into())
}

fn priority() -> impl Strategy<Value = Priority> {
    select(&Priority::ALL[..])
}

/// What fields hold in payloads, and what filters ask for: pairs that are easily taken for equal.
fn scalar() -> impl Strategy<Value = Scalar> {
    select(vec![
        Scalar::Null,
        Scalar::Bool(true),
        Scalar::Integer(0),
        Scalar::Integer(1),
        Scalar::Integer(u64::MAX.into()),
        "".into(),
        "1".into(),
        "true".into(),
        "null".into(),
    ])
}

fn path() -> impl Strategy<Value = FieldPath> {
    select(&["/n", "/note/n", "/a~1b", "/"][..]).prop_map(|path| path.parse().expect("written as a path"))
}

fn payload() -> impl Strategy<Value = Payload> {
    let object = (scalar(), scalar(), scalar()).prop_map(|(n, inner, odd)| {
        json!({"n": serde_json::Value::from(n), "note": {"n": serde_json::Value::from(inner)},
               "a/b": serde_json::Value::from(odd), "": [1]})
    });
    let odd_ones =
        [r#"{"n":1.0}"#, r#"{"n":{}}"#, r#"[{"n":1}]"#, r#"{"\u006e":1}"#, "null", r#"{"note":1,"":true}"#];
    prop_oneof![
        3 => object.prop_map(|value| Payload::Json((&value).into())),
        2 => select(odd_ones.to_vec()).prop_map(|text| Payload::Json(JsonText::new(text).expect("written as JSON"))),
        1 => Just(Payload::Text(r#"{"n":1}"#.to_owned().into())),
        1 => Just(Payload::Binary(br#"{"n":1}"#[..].into())),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![
        kind().prop_map(Filter::Kind),
        select(&Category::ALL[..]).prop_map(Filter::Category),
        priority().prop_map(Filter::MinPriority),
        name(&SOURCES).prop_map(Filter::Source),
        (path(), scalar()).prop_map(|(path, equals)| Filter::Field { path, equals }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let targets = prop::collection::vec(target(), 0..4);
    (name(&RULES), -1..=1, filter(), targets, prop::bool::weighted(0.2))
        .prop_map(|(id, priority, filter, targets, last)| Rule { id, priority, filter, targets, last })
}

fn group() -> impl Strategy<Value = GroupSpec> {
    (name(&GROUPS), prop::collection::vec(name(&SERVICES), 0..4))
        .prop_map(|(name, members)| GroupSpec::round_robin(name, members))
}

fn event() -> impl Strategy<Value = Event> {
    let targets = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(target(), 1..4)];
    (kind(), priority(), name(&SOURCES), targets, payload()).prop_map(
        |(kind, priority, source, targets, payload)| Event {
            priority,
            targets: targets.into(),
            ..Event::new(EventId(1), kind, source, Timestamp(0), payload)
        },
    )
}

/// A life begins with three services.
pub(super) fn life() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => name(&SERVICES).prop_map(Step::Register),
        2 => name(&SERVICES).prop_map(Step::Unregister),
        3 => group().prop_map(Step::DefineGroup),
        1 => name(&GROUPS).prop_map(Step::RemoveGroup),
        6 => rule().prop_map(Step::AddRule),
        2 => name(&RULES).prop_map(Step::RemoveRule),
        16 => event().prop_map(Step::Publish),
        1 => Just(Step::LetTheLoopRun),
    ];
    let begin = ["a", "b", "c"].map(|service| Step::Register(service.into()));
    prop::collection::vec(step, 0..80).prop_map(move |steps| begin.iter().cloned().chain(steps).collect())
}
