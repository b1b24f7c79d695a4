use std::cell::OnceCell;

use serde_json::Value;

use crate::event::{Event, FieldPath, Payload, Priority, Scalar};
use crate::routing::Filter;

/// A filter, made ready for comparing strings.
#[derive(Debug)]
pub(super) enum Condition {
    Kind(String),
    Category(&'static str),
    /// Every priority that is urgent enough.
    Priorities(Vec<&'static str>),
    Source(String),
    Field {
        path: FieldPath,
        equals: Scalar,
    },
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

impl From<&Filter> for Condition {
    fn from(filter: &Filter) -> Self {
        let each = |filters: &[Filter]| filters.iter().map(Self::from).collect();
        match filter {
            Filter::Kind(kind) => Self::Kind(kind.as_str().to_owned()),
            Filter::Category(category) => Self::Category(category.as_str()),
            Filter::MinPriority(floor) => Self::Priorities(up_to(*floor)),
            Filter::Source(source) => Self::Source(source.as_str().to_owned()),
            Filter::Field { path, equals } => Self::Field { path: path.clone(), equals: equals.clone() },
            Filter::All(filters) => Self::All(each(filters)),
            Filter::Any(filters) => Self::Any(each(filters)),
            Filter::Not(filter) => Self::Not(Box::new(Self::from(&**filter))),
        }
    }
}

/// The names from the most urgent to `floor`.
fn up_to(floor: Priority) -> Vec<&'static str> {
    let names = Priority::ALL.map(Priority::as_str);
    names[..=floor.lane()].to_vec()
}

impl Condition {
    pub(super) fn holds(&self, subject: &Subject<'_>) -> bool {
        let event = subject.event;
        match self {
            Self::Kind(kind) => event.kind.as_str() == kind,
            // Not by prefix: a custom kind may be called `filesystem.indexed`.
            Self::Category(category) => event.kind.category().as_str() == *category,
            Self::Priorities(names) => names.contains(&event.priority.as_str()),
            Self::Source(source) => event.source.as_str() == source,
            Self::Field { path, equals } => {
                subject.json().and_then(|root| path.find(root)).as_ref() == Some(equals)
            }
            Self::All(parts) => parts.iter().all(|part| part.holds(subject)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(subject)),
            Self::Not(part) => !part.holds(subject),
        }
    }
}

/// An event under the eyes of all rules: its payload is parsed once, when the first of them asks.
pub(super) struct Subject<'a> {
    event: &'a Event,
    json: OnceCell<Option<Value>>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(event: &'a Event) -> Self {
        Self { event, json: OnceCell::new() }
    }

    fn json(&self) -> Option<&Value> {
        let parse = || match &self.event.payload {
            Payload::Json(text) => Some(text.to_value()),
            Payload::Text(_) | Payload::Binary(_) => None,
        };
        self.json.get_or_init(parse).as_ref()
    }
}
