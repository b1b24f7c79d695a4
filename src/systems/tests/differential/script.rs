//! What is generated.

use std::collections::BTreeMap;
use std::fmt::Write;

use crucible_events::event::{
    Category, Event, EventId, EventKind, FieldPath, JsonText, Name, Payload, Priority, Scalar, Target,
    Timestamp,
};
use crucible_events::routing::{Filter, GroupSpec, Member, OnFull, Rule, Strategy as Balancing};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

/// Calls in order, on a fresh system.
pub(crate) type Script = Vec<Step>;

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Register(Name),
    Unregister(Name),
    DefineGroup(GroupSpec),
    RemoveGroup(Name),
    AddRule(Rule),
    RemoveRule(Name),
    PublishEach(Vec<Event>, OnFull),
    PublishBatch(Vec<Event>, OnFull),
    Quiesce,
}

// Few names, so that they meet; `x` is never registered.
const SERVICES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const GROUPS: [&str; 3] = ["g", "h", "a"];
const RULES: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];
const SOURCES: [&str; 4] = ["vault", "sync", "index", "agent"];
/// Names of payload members; some need escapes in JSON, some in a path, and the last means something to serde_json. `n`
/// often, for rules and payloads to meet.
const MEMBERS: [&str; 10] =
    ["n", "n", "n", "n", "note", "", "a/b", "~\"", "ü\n", "$serde_json::private::RawValue"];

/// Services, groups and rules to begin with, else little would arrive.
pub(crate) fn scripts() -> impl Strategy<Value = Script> {
    let services = prop::sample::subsequence(SERVICES.to_vec(), 4..=SERVICES.len());
    let beginning = (services, vec(group(), 2..5), vec(rule(), 2..8));
    (beginning, vec(step(), 4..24)).prop_map(|((services, groups, rules), steps)| {
        let services = services.into_iter().map(|name| Step::Register(name.into()));
        let groups = groups.into_iter().map(Step::DefineGroup);
        let rules = rules.into_iter().map(Step::AddRule);
        let mut script: Script = services.chain(groups).chain(rules).chain(steps).collect();
        number(&mut script);
        script
    })
}

/// Gives every event an id of its own, or that of one before it if it has one already: the n-th of those
/// before, in turns.
fn number(script: &mut Script) {
    let batches = script.iter_mut().filter_map(|step| match step {
        Step::PublishEach(events, _) | Step::PublishBatch(events, _) => Some(events),
        _ => None,
    });
    for (number, event) in (0_u128..).zip(batches.flatten()) {
        event.id = match event.id.0.checked_rem(number) {
            Some(before) if event.id != EventId::NIL => EventId(before + 1),
            _ => EventId(number + 1),
        };
    }
}

fn step() -> impl Strategy<Value = Step> {
    let events = || vec(event(), 1..12);
    prop_oneof![
        2 => name(&SERVICES).prop_map(Step::Register),
        1 => name(&SERVICES).prop_map(Step::Unregister),
        2 => group().prop_map(Step::DefineGroup),
        1 => name(&GROUPS).prop_map(Step::RemoveGroup),
        8 => rule().prop_map(Step::AddRule),
        2 => name(&RULES).prop_map(Step::RemoveRule),
        6 => (events(), on_full()).prop_map(|(events, on_full)| Step::PublishEach(events, on_full)),
        6 => (events(), on_full()).prop_map(|(events, on_full)| Step::PublishBatch(events, on_full)),
        1 => Just(Step::Quiesce),
    ]
}

fn on_full() -> impl Strategy<Value = OnFull> {
    select(vec![OnFull::Wait, OnFull::Refuse])
}

fn name(among: &[&'static str]) -> impl Strategy<Value = Name> + use<> {
    select(among.to_vec()).prop_map(Name::from)
}

fn group() -> impl Strategy<Value = GroupSpec> {
    let members = prop_oneof![
        9 => prop::sample::subsequence(SERVICES.to_vec(), 1..3).prop_shuffle(),
        1 => vec(select(SERVICES.to_vec()), 0..4),
    ];
    // Some without weight, many of equal priority.
    let figures = vec((select(vec![0, 1, 3, u32::MAX]), -1..2), SERVICES.len());
    (name(&GROUPS), balancing(), members, figures).prop_map(|(name, strategy, members, figures)| {
        let members = members.into_iter().zip(figures).map(|(member, (weight, priority))| {
            Member::new(member).with_weight(weight).with_priority(priority)
        });
        GroupSpec::new(name, strategy, members)
    })
}

fn balancing() -> impl Strategy<Value = Balancing> {
    prop_oneof![
        3 => Just(Balancing::RoundRobin),
        2 => Just(Balancing::LeastConnections),
        2 => any::<u64>().prop_map(|seed| Balancing::WeightedRandom { seed }),
        1 => Just(Balancing::HealthBased),
        2 => Just(Balancing::PriorityBased),
    ]
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        20 => name(&SERVICES).prop_map(Target::Service),
        8 => name(&GROUPS).prop_map(Target::Group),
        1 => Just(Target::Service("x".into())),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let priority = prop_oneof![4 => -2..3, 1 => select(vec![i32::MIN, i32::MAX])];
    let last = prop::bool::weighted(0.15);
    (name(&RULES), priority, filter(), vec(target(), 1..4), last)
        .prop_map(|(id, priority, filter, targets, last)| Rule { id, priority, filter, targets, last })
}

fn filter() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![
        3 => kind().prop_map(Filter::Kind),
        3 => category().prop_map(Filter::Category),
        2 => select(Priority::ALL.to_vec()).prop_map(Filter::MinPriority),
        3 => name(&SOURCES).prop_map(Filter::Source),
        5 => (path(), scalar()).prop_map(|(path, equals)| Filter::Field { path, equals }),
        1 => Just(Filter::everything()),
    ];
    let tree = leaf.clone().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Filter::All),
            vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    });
    prop_oneof![leaf, tree]
}

fn kind() -> impl Strategy<Value = EventKind> {
    let custom = ["note.tagged", "note.linked"].map(|name| EventKind::Custom(name.into()));
    prop_oneof![4 => select(EventKind::BUILT_IN.to_vec()), 1 => select(custom.to_vec())]
}

fn category() -> impl Strategy<Value = Category> {
    kind().prop_map(|kind| kind.category())
}

fn path() -> impl Strategy<Value = FieldPath> {
    let names = prop_oneof![3 => Just(vec!["n"]), 2 => vec(select(MEMBERS.to_vec()), 1..3)];
    names.prop_map(|names| {
        let tokens = names.iter().map(|name| name.replace('~', "~0").replace('/', "~1"));
        let path = tokens.fold(String::new(), |path, token| path + "/" + &token);
        path.parse().expect("one or two names, escaped")
    })
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        8 => Just(Scalar::Integer(7)),
        1 => Just(Scalar::Null),
        1 => any::<bool>().prop_map(Scalar::Bool),
        1 => select(vec![0, 1, -7, i128::from(i64::MIN), i128::from(u64::MAX)]).prop_map(Scalar::Integer),
        2 => select(vec!["", "7", "null", "a\"b\\", "ü\u{1f600}\n", r#"{"n":7}"#]).prop_map(Scalar::from),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let source = prop_oneof![40 => name(&SOURCES), 1 => Just(Name::from(""))];
    let targets = prop_oneof![5 => Just(Vec::new()), 1 => vec(target(), 1..5)];
    let repeats = prop_oneof![14 => Just(EventId::NIL), 1 => any::<u16>().prop_map(|n| EventId(n.into()))];
    // A moment that has passed, if any.
    let scheduled_at = prop_oneof![15 => Just(None), 1 => (1..9_u64).prop_map(|at| Some(Timestamp(at)))];
    let event = (kind(), select(Priority::ALL.to_vec()), source, targets, payload());
    (event, repeats, scheduled_at).prop_map(
        |((kind, priority, source, targets, payload), id, scheduled_at)| Event {
            priority,
            targets: targets.into(),
            scheduled_at,
            ..Event::new(id, kind, source, Timestamp(1), payload)
        },
    )
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        8 => (json(), any::<bool>()).prop_map(|(json, escaped)| {
            let mut text = String::new();
            json.write(&mut text, escaped);
            Payload::Json(JsonText::new(text).expect("a tree without a name twice, written as JSON"))
        }),
        1 => Just(Payload::Text(r#"{"n":7}"#.to_owned().into())),
        1 => Just(Payload::Binary(br#"{"n":7}"#.to_vec().into())),
    ]
}

/// A JSON value that can be written in more than one way.
#[derive(Debug, Clone)]
enum Json {
    Scalar(Scalar),
    /// As it is written: fractions and exponents, which equal no scalar.
    Number(&'static str),
    Array(Vec<Json>),
    Object(BTreeMap<&'static str, Json>),
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        6 => scalar().prop_map(Json::Scalar),
        1 => select(vec!["7.0", "7e0", "-0", "1e2", "18446744073709551616"]).prop_map(Json::Number),
    ];
    let tree = leaf.clone().prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..3).prop_map(Json::Array),
            4 => btree_map(select(MEMBERS.to_vec()), inner, 0..5).prop_map(Json::Object),
        ]
    });
    prop_oneof![
        1 => tree.clone(),
        5 => btree_map(select(MEMBERS.to_vec()), prop_oneof![leaf, tree], 1..6).prop_map(Json::Object),
    ]
}

impl Json {
    fn write(&self, out: &mut String, escaped: bool) {
        match self {
            Self::Scalar(Scalar::String(text)) => write_text(text, out, escaped),
            Self::Scalar(scalar) => write!(out, "{scalar}").expect("a String takes all"),
            Self::Number(text) => out.push_str(text),
            Self::Array(values) => write_list(out, "[]", values, |out, value| value.write(out, escaped)),
            Self::Object(members) => write_list(out, "{}", members, |out, (name, value)| {
                write_text(name, out, escaped);
                out.push_str(if escaped { " :\t" } else { ":" });
                value.write(out, escaped);
            }),
        }
    }
}

fn write_list<T>(
    out: &mut String,
    brackets: &str,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(&mut String, T),
) {
    out.push_str(&brackets[..1]);
    for (number, item) in items.into_iter().enumerate() {
        out.push_str(if number > 0 { ", " } else { "" });
        write(out, item);
    }
    out.push_str(&brackets[1..]);
}

/// As `serde_json` does it, or every UTF-16 unit as `\uXXXX`.
fn write_text(text: &str, out: &mut String, escaped: bool) {
    if escaped {
        let units = text.encode_utf16();
        let units = units.fold(String::new(), |all, unit| format!("{all}\\u{unit:04x}"));
        write!(out, "\"{units}\"").expect("a String takes all");
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}
