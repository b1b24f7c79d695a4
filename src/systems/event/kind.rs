use std::fmt;

use serde::{Deserialize, Serialize};

use super::Name;

/// What happened. The built-in kinds are those that Crucible's services emit; anything else is
/// [`EventKind::Custom`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Name", into = "String")]
#[allow(missing_docs)] // the names say it, and `as_str` has them on the wire
pub enum EventKind {
    FileCreated,
    FileModified,
    FileDeleted,
    FileMoved,
    RecordCreated,
    RecordRead,
    RecordUpdated,
    RecordDeleted,
    ApiCall,
    Webhook,
    Notification,
    ToolCall,
    ResourceRequest,
    HealthCheck,
    StatusChange,
    Metrics,
    ConfigurationChange,
    /// A kind of the user's own. Its name is not one of the built-in names.
    Custom(Name),
}

impl EventKind {
    /// All kinds but the custom ones, in the order of [`EventKind::ordinal`].
    pub const BUILT_IN: [Self; 17] = [
        Self::FileCreated,
        Self::FileModified,
        Self::FileDeleted,
        Self::FileMoved,
        Self::RecordCreated,
        Self::RecordRead,
        Self::RecordUpdated,
        Self::RecordDeleted,
        Self::ApiCall,
        Self::Webhook,
        Self::Notification,
        Self::ToolCall,
        Self::ResourceRequest,
        Self::HealthCheck,
        Self::StatusChange,
        Self::Metrics,
        Self::ConfigurationChange,
    ];

    /// The name on the wire and in rules, e.g. `filesystem.modify`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::FileCreated => "filesystem.create",
            Self::FileModified => "filesystem.modify",
            Self::FileDeleted => "filesystem.delete",
            Self::FileMoved => "filesystem.move",
            Self::RecordCreated => "database.create",
            Self::RecordRead => "database.read",
            Self::RecordUpdated => "database.update",
            Self::RecordDeleted => "database.delete",
            Self::ApiCall => "external.api_call",
            Self::Webhook => "external.webhook",
            Self::Notification => "external.notification",
            Self::ToolCall => "mcp.tool_call",
            Self::ResourceRequest => "mcp.resource_request",
            Self::HealthCheck => "service.health_check",
            Self::StatusChange => "service.status_change",
            Self::Metrics => "system.metrics",
            Self::ConfigurationChange => "system.configuration_change",
            Self::Custom(name) => name,
        }
    }

    /// Position in [`EventKind::BUILT_IN`]; all custom kinds share the number after the last.
    pub fn ordinal(&self) -> usize {
        match self {
            Self::FileCreated => 0,
            Self::FileModified => 1,
            Self::FileDeleted => 2,
            Self::FileMoved => 3,
            Self::RecordCreated => 4,
            Self::RecordRead => 5,
            Self::RecordUpdated => 6,
            Self::RecordDeleted => 7,
            Self::ApiCall => 8,
            Self::Webhook => 9,
            Self::Notification => 10,
            Self::ToolCall => 11,
            Self::ResourceRequest => 12,
            Self::HealthCheck => 13,
            Self::StatusChange => 14,
            Self::Metrics => 15,
            Self::ConfigurationChange => 16,
            Self::Custom(_) => 17,
        }
    }

    /// The group of kinds that it belongs to.
    pub fn category(&self) -> Category {
        match self.ordinal() {
            0..=3 => Category::Filesystem,
            4..=7 => Category::Database,
            8..=10 => Category::External,
            11..=12 => Category::Mcp,
            13..=14 => Category::Service,
            15..=16 => Category::System,
            _ => Category::Custom,
        }
    }

    /// The built-in kind of this name, if there is one.
    pub fn built_in(name: &str) -> Option<Self> {
        Self::BUILT_IN.iter().find(|kind| kind.as_str() == name).cloned()
    }
}

impl From<Name> for EventKind {
    fn from(name: Name) -> Self {
        Self::built_in(&name).unwrap_or(Self::Custom(name))
    }
}

impl From<EventKind> for String {
    fn from(kind: EventKind) -> Self {
        kind.as_str().to_owned()
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kinds in groups; the mix of a workload is given by category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the names say it
pub enum Category {
    Filesystem,
    Database,
    External,
    Mcp,
    Service,
    System,
    Custom,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Filesystem,
        Self::Database,
        Self::External,
        Self::Mcp,
        Self::Service,
        Self::System,
        Self::Custom,
    ];

    /// The name on the wire and in rules, e.g. `filesystem`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::Database => "database",
            Self::External => "external",
            Self::Mcp => "mcp",
            Self::Service => "service",
            Self::System => "system",
            Self::Custom => "custom",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_are_the_positions_in_the_list_and_names_lead_back() {
        for (position, kind) in EventKind::BUILT_IN.iter().enumerate() {
            assert_eq!(kind.ordinal(), position);
            assert_eq!(EventKind::built_in(kind.as_str()).as_ref(), Some(kind));
            let (category, _) = kind.as_str().split_once('.').expect("category.action");
            assert_eq!(category, kind.category().as_str());
        }
        assert_eq!(EventKind::Custom("x".into()).ordinal(), EventKind::BUILT_IN.len());
    }
}
