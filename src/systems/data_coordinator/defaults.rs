use crate::event::{Category, EventKind, Target};
use crate::routing::{Filter, Rule};

/// The services that Crucible has always had: the event log, the vault's files, the database, and the
/// synchronization with other machines.
pub const DEFAULT_SERVICES: [&str; 4] = ["event", "file", "database", "sync"];

/// The log gets everything; files and database get what concerns them; what changed either of them is
/// synchronized.
pub(super) fn rules() -> Vec<Rule> {
    let to = |service: &str| [Target::Service(service.into())];
    vec![
        Rule::new("log", Filter::everything(), to("event")),
        Rule::new("files", Filter::Category(Category::Filesystem), to("file")),
        Rule::new("records", Filter::Category(Category::Database), to("database")),
        Rule::new("changes", changes(), to("sync")),
    ]
}

/// Files, and records but for reading them.
fn changes() -> Filter {
    let read = Filter::Kind(EventKind::RecordRead);
    let written = vec![Filter::Category(Category::Database), Filter::Not(Box::new(read))];
    Filter::Any(vec![Filter::Category(Category::Filesystem), Filter::All(written)])
}
