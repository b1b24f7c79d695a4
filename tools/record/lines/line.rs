use std::collections::BTreeMap;

use crucible_events::event::{
    Event, EventId, EventKind, JsonText, Name, Payload, PayloadError, Priority, Timestamp,
};
use serde_json::value::RawValue;

/// Something outside tells by JSON: as a webhook does, through a gateway. Both are known to the rules of the suite's
/// scenarios.
const KIND: EventKind = EventKind::Webhook;
const SOURCE: &str = "api-gateway";

/// A line: a JSON object that says what happened.
#[derive(Debug)]
pub struct Line<'a> {
    whole: JsonText,
    members: BTreeMap<String, &'a RawValue>,
}

impl<'a> Line<'a> {
    pub fn read(text: &'a [u8]) -> Result<Self, String> {
        let whole = JsonText::new(text.to_vec()).map_err(|error| match error {
            PayloadError::Json(error) => {
                let place = format!(" at line {} column {}", error.line(), error.column());
                let what = error.to_string();
                let what = what.strip_suffix(&place).unwrap_or(&what);
                format!("not JSON: {what}, column {}; mend or remove the line", error.column())
            }
            other => other.to_string(),
        })?;
        let members = serde_json::from_slice(text)
            .map_err(|_| "JSON, but not an object; mend or remove the line".to_owned())?;
        Ok(Self { whole, members })
    }

    /// A member as it is written.
    pub fn member(&self, name: &str) -> Option<&'a str> {
        self.members.get(name).map(|raw| raw.get())
    }

    /// What it says, without an id yet.
    pub fn event(&self, at: Timestamp) -> Result<Event, String> {
        let kind = self.name("kind")?.map_or(KIND, EventKind::from);
        let source = self.name("source")?.unwrap_or_else(|| SOURCE.into());
        let payload = match self.member("payload") {
            Some(payload) => JsonText::new(payload.to_owned()).map_err(|error| error.to_string())?,
            None => self.whole.clone(),
        };
        let mut event = Event::new(EventId::NIL, kind, source, at, Payload::Json(payload));
        if let Some(priority) = self.member("priority") {
            event.priority = serde_json::from_str(priority).map_err(|_| not_a_priority(priority))?;
        }
        Ok(event)
    }

    fn name(&self, member: &str) -> Result<Option<Name>, String> {
        let Some(written) = self.member(member) else { return Ok(None) };
        let name: String = serde_json::from_str(written)
            .map_err(|_| format!("`{member}` is {written}, but a name is a text; mend or remove the line"))?;
        Ok(Some(name.into()))
    }
}

fn not_a_priority(found: &str) -> String {
    let known = Priority::ALL.map(Priority::as_str).join(", ");
    format!("`priority` is {found}, but priorities are {known}; mend or remove the line")
}
