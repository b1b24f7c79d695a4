use std::cell::OnceCell;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{Category, Event, EventKind, FieldPath, Invalid, Limits, Name, Payload, Priority, Scalar};

/// Which events a rule is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Filter {
    /// Events of this kind.
    Kind(EventKind),
    /// Events of all kinds of this category.
    Category(Category),
    /// Events of this priority and the more urgent ones.
    MinPriority(Priority),
    /// Events of this source.
    Source(Name),
    /// Events whose payload is JSON and has this value there.
    Field {
        /// Where in the payload.
        path: FieldPath,
        /// What has to stand there.
        equals: Scalar,
    },
    /// Events that all of these match; with none in it, every event.
    All(Vec<Filter>),
    /// Events that at least one of these matches; with none in it, no event.
    Any(Vec<Filter>),
    /// Events that this does not match.
    Not(Box<Filter>),
}

/// Why a filter is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum InvalidFilter {
    #[error("nested deeper than {}", Filter::MAX_DEPTH)]
    TooDeep,
    #[error("more than {} parts", Filter::MAX_PARTS)]
    TooLarge,
    #[error(transparent)]
    Name(#[from] Invalid),
}

impl Filter {
    /// Filters come from configuration: a bound keeps walking them off the end of the stack.
    pub const MAX_DEPTH: usize = 16;
    /// Most filters within one, itself included.
    pub const MAX_PARTS: usize = 256;

    /// Matches every event.
    pub const fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// The payload of an event is JSON and has this value at this path.
    pub fn field(path: FieldPath, equals: impl Into<Scalar>) -> Self {
        Self::Field { path, equals: equals.into() }
    }

    /// Whether the event seen through `lens` is meant. The plain meaning, against which faster ways
    /// of matching are checked.
    pub fn matches(&self, lens: &Lens<'_>) -> bool {
        match self {
            Self::Kind(kind) => lens.event.kind == *kind,
            Self::Category(category) => lens.event.kind.category() == *category,
            Self::MinPriority(floor) => lens.event.priority.at_least(*floor),
            Self::Source(source) => lens.event.source == *source,
            Self::Field { path, equals } => lens.field(path).as_ref() == Some(equals),
            Self::All(filters) => filters.iter().all(|filter| filter.matches(lens)),
            Self::Any(filters) => filters.iter().any(|filter| filter.matches(lens)),
            Self::Not(filter) => !filter.matches(lens),
        }
    }

    /// Checks size and names.
    ///
    /// # Errors
    /// The first thing found wrong.
    pub fn check(&self, limits: &Limits) -> Result<(), InvalidFilter> {
        let mut parts = 0;
        self.check_part(limits, 1, &mut parts)
    }

    fn check_part(&self, limits: &Limits, depth: usize, parts: &mut usize) -> Result<(), InvalidFilter> {
        *parts += 1;
        if depth > Self::MAX_DEPTH {
            return Err(InvalidFilter::TooDeep);
        }
        if *parts > Self::MAX_PARTS {
            return Err(InvalidFilter::TooLarge);
        }
        match self {
            Self::Kind(EventKind::Custom(name)) => Ok(limits.check_custom_kind(name)?),
            Self::Source(name) => Ok(limits.check_name("source", name)?),
            Self::All(filters) | Self::Any(filters) => {
                filters.iter().try_for_each(|filter| filter.check_part(limits, depth + 1, parts))
            }
            Self::Not(filter) => filter.check_part(limits, depth + 1, parts),
            Self::Kind(_) | Self::Category(_) | Self::MinPriority(_) | Self::Field { .. } => Ok(()),
        }
    }
}

/// An event that is looked at by many filters: its payload is parsed once, and only when one asks.
#[derive(Debug)]
pub struct Lens<'a> {
    /// The event.
    pub event: &'a Event,
    payload: OnceCell<Option<Value>>,
}

impl<'a> Lens<'a> {
    /// Looks at this event.
    pub fn new(event: &'a Event) -> Self {
        Self { event, payload: OnceCell::new() }
    }

    /// The scalar at this path of the payload, if it is JSON and has one there.
    pub fn field(&self, path: &FieldPath) -> Option<Scalar> {
        let payload = self.payload.get_or_init(|| match &self.event.payload {
            Payload::Json(json) => Some(json.to_value()),
            Payload::Text(_) | Payload::Binary(_) => None,
        });
        path.find(payload.as_ref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventId, JsonText, Priority, Timestamp};

    /// Whether this payload has 7 at `/n`.
    fn has_seven(payload: String) -> bool {
        let payload = Payload::Json(JsonText::new(payload).expect("JSON"));
        let event = Event::new(EventId(1), EventKind::Metrics, "probe", Timestamp(0), payload);
        Filter::field("/n".parse().expect("a path"), 7).matches(&Lens::new(&event))
    }

    #[test]
    fn a_filter_may_be_as_deep_and_as_large_as_is_said_and_no_more() {
        let limits = Limits::default();
        let deep =
            |depth| (1..depth).fold(Filter::MinPriority(Priority::Low), |part, _| Filter::Not(part.into()));
        assert_eq!(deep(Filter::MAX_DEPTH).check(&limits), Ok(()));
        assert_eq!(deep(Filter::MAX_DEPTH + 1).check(&limits), Err(InvalidFilter::TooDeep));
        let large = |parts| Filter::All(vec![Filter::MinPriority(Priority::Low); parts - 1]);
        assert_eq!(large(Filter::MAX_PARTS).check(&limits), Ok(()));
        assert_eq!(large(Filter::MAX_PARTS + 1).check(&limits), Err(InvalidFilter::TooLarge));
    }

    #[test]
    fn a_payload_within_a_text_within_a_payload_is_text() {
        assert!(has_seven(r#"{"n":7}"#.to_owned()));
        let (open, close) = ("[".repeat(100), "]".repeat(100));
        let mut payload = r#"{"n":7}"#.to_owned();
        for _ in 0..12 {
            let text = serde_json::Value::from(payload);
            payload = format!(r#"{{"$serde_json::private::RawValue":{text}}}"#);
            assert!(!has_seven(payload.clone()));
            payload = open.clone() + &payload + &close;
        }
    }
}
