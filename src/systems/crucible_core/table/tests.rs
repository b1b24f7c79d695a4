use proptest::prelude::*;

use super::{Route, Rulebook, Scratch};
use crate::event::{
    Category, Event, EventId, EventKind, JsonText, Name, Payload, Priority, Scalar, Target, Timestamp,
};
use crate::routing::{Filter, Oracle, Rule};

const SOURCES: [&str; 4] = ["a", "b", "c", "unnamed"];
const PATHS: [&str; 5] = ["/t", "/u", "/o/t", "/o", "/esc\"é"];

fn kind() -> impl Strategy<Value = EventKind> {
    (0..20_usize).prop_map(|i| {
        EventKind::BUILT_IN
            .get(i)
            .cloned()
            .unwrap_or_else(|| EventKind::Custom(["x", "y", "z"][i - 17].into()))
    })
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        Just(Scalar::Null),
        any::<bool>().prop_map(Scalar::Bool),
        (-1..3_i64).prop_map(Scalar::from),
        Just(Scalar::Integer(i128::from(u64::MAX))),
        prop::sample::select(vec!["", "v", "1", "q\"\\é"]).prop_map(Scalar::from),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![
        2 => kind().prop_map(Filter::Kind),
        2 => prop::sample::select(Category::ALL.to_vec()).prop_map(Filter::Category),
        1 => prop::sample::select(Priority::ALL.to_vec()).prop_map(Filter::MinPriority),
        2 => prop::sample::select(SOURCES[..3].to_vec()).prop_map(|s| Filter::Source(s.into())),
        3 => (prop::sample::select(PATHS.to_vec()), scalar())
            .prop_map(|(path, equals)| Filter::field(path.parse().expect("a path"), equals)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let targets = prop::collection::vec((any::<bool>(), 0..6_u32), 1..4);
    (filter(), targets, -1..2_i32, prop::bool::weighted(0.2)).prop_map(|(filter, targets, priority, last)| {
        let target = |(group, number): (bool, u32)| {
            if group {
                Target::Group(number.to_string().into())
            } else {
                Target::Service(number.to_string().into())
            }
        };
        Rule { id: "".into(), priority, filter, targets: targets.into_iter().map(target).collect(), last }
    })
}

fn payload() -> impl Strategy<Value = Payload> {
    let number = prop::sample::select(vec!["0", "1", "-1", "-0", "1.0", "1e0", "18446744073709551615", "2"]);
    let text = prop::sample::select(vec!["\"\"", "\"v\"", "\"\\u0076\"", "\"1\"", "\"q\\\"\\\\\\u00e9\""]);
    let other = prop::sample::select(vec!["null", "true", "false", "[\"]\",{\"t\":1}]", "{}"]);
    let value = prop_oneof![number, text, other].prop_map(str::to_owned).boxed();
    let inner = prop::option::of(value.clone())
        .prop_map(|v| v.map_or("{\"x\":\"}{\"}".into(), |v| format!("{{ \"x\":[\"}}\"], \"t\" :{v} }}")));
    let member = |name: &'static str, value: BoxedStrategy<String>| {
        prop::option::of(value).prop_map(move |v| v.map(|v| format!("{name} : {v}")))
    };
    let object = (
        member("\"t\"", value.clone()),
        member("\"\\u0075\"", value.clone()),
        member("\"o\"", prop_oneof![inner.boxed(), value.clone()].boxed()),
        member("\"esc\\\"é\"", value.clone()),
        member("\"z\\\\\"", value.clone()),
    )
        .prop_map(|(a, b, c, d, e)| [a, e, b, c, d].into_iter().flatten().collect::<Vec<_>>())
        .prop_shuffle()
        .prop_map(|members| format!(" {{ {} }} ", members.join(" ,\n")));
    prop_oneof![
        6 => object.prop_map(|text| Payload::Json(JsonText::new(text).expect("valid JSON"))),
        1 => value.prop_map(|text| Payload::Json(JsonText::new(text).expect("valid JSON"))),
        1 => Just(Payload::Text("{\"t\":1}".to_owned().into())),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let priority = prop::sample::select(Priority::ALL.to_vec());
    (kind(), priority, prop::sample::select(SOURCES.to_vec()), payload()).prop_map(
        |(kind, priority, source, payload)| Event {
            priority,
            ..Event::new(EventId(1), kind, source, Timestamp(0), payload)
        },
    )
}

#[derive(Debug, Clone)]
enum Step {
    Add(Rule),
    /// The rule at this position, counted around.
    Remove(usize),
    Route(Event),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => rule().prop_map(Step::Add),
        1 => any::<usize>().prop_map(Step::Remove),
        6 => event().prop_map(Step::Route),
    ]
}

/// The table beside the oracle, rules numbered as they come.
#[derive(Default)]
struct Pair {
    book: Rulebook,
    oracle: Oracle,
    ids: Vec<Name>,
    added: usize,
}

impl Pair {
    fn new() -> Self {
        let mut pair = Self::default();
        for number in 0..6 {
            let name = Name::from(number.to_string());
            pair.oracle.register(&name);
            pair.oracle.define_group(crate::routing::GroupSpec::round_robin(name.clone(), [name]));
        }
        pair
    }

    fn add(&mut self, mut rule: Rule) {
        rule.id = self.added.to_string().into();
        self.added += 1;
        let numbers = |groups: bool| {
            let chosen =
                rule.targets.iter().filter(move |target| matches!(target, Target::Group(_)) == groups);
            chosen.map(|target| target.name().parse().expect("a number")).collect()
        };
        self.book.add(&rule, numbers(false), numbers(true));
        self.ids.push(rule.id.clone());
        self.oracle.add_rule(rule);
    }

    fn remove(&mut self, position: usize) {
        if self.ids.is_empty() {
            return;
        }
        let id = self.ids.remove(position % self.ids.len());
        assert!(self.book.remove(&id).is_some());
        self.oracle.remove_rule(&id);
    }

    fn routes_agree(&self, event: &Event) {
        let mut scratch = Scratch::default();
        let table = self.book.table();
        let Route { services, groups } = table.route(event, &mut scratch);
        let named = |number: &u32| Name::from(number.to_string());
        let got: Vec<Target> = services
            .iter()
            .map(|number| Target::Service(named(number)))
            .chain(groups.iter().map(|number| Target::Group(named(number))))
            .collect();
        assert_eq!(got, self.oracle.preview(event));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_table_routes_as_the_oracle_does_after_every_change(steps in prop::collection::vec(step(), 1..40)) {
        let mut pair = Pair::new();
        for step in steps {
            match step {
                Step::Add(rule) => pair.add(rule),
                Step::Remove(position) => pair.remove(position),
                Step::Route(event) => pair.routes_agree(&event),
            }
        }
        while !pair.ids.is_empty() {
            pair.remove(0);
        }
        prop_assert!(pair.book.is_bare(), "rules leave nothing behind");
    }
}

#[test]
fn an_older_table_is_not_touched_by_later_changes() {
    let mut pair = Pair::new();
    let target = || [Target::Service("1".into())];
    pair.add(Rule::new("", Filter::everything(), target()));
    let before = pair.book.table();
    pair.remove(0);
    let payload = Payload::Text(String::new().into());
    let event = Event::new(EventId(1), EventKind::Metrics, "a", Timestamp(0), payload);
    let mut scratch = Scratch::default();
    assert_eq!(before.route(&event, &mut scratch).services, [1]);
    assert_eq!(pair.book.table().route(&event, &mut scratch).services, [] as [u32; 0]);
}

/// Cells that one rule shapes for a source are one, but not those that another may cut short.
#[test]
fn a_rule_that_ends_the_search_by_payload_keeps_what_comes_before_it() {
    let mut pair = Pair::new();
    let of_source = Filter::Source("a".into());
    let field = Filter::field("/t".parse().expect("a path"), "v");
    let narrow = Filter::All(vec![of_source.clone(), Filter::Kind(EventKind::Metrics), field]);
    pair.add(Rule { last: true, ..Rule::new("", narrow, [Target::Service("1".into())]) });
    pair.add(Rule { priority: 1, ..Rule::new("", of_source, [Target::Service("2".into())]) });
    let json = JsonText::new(r#"{"t":"v"}"#).expect("JSON");
    pair.routes_agree(&Event::new(EventId(1), EventKind::Metrics, "a", Timestamp(0), Payload::Json(json)));
}
