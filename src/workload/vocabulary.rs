//! The words of payloads and rules, once: a rule that asks for `/table` = `notes` means what the
//! generator writes. Numbers are weights.

use crucible_events::event::EventKind;

type Weighted = &'static [(&'static str, u32)];

/// First part of a note's path, `/folder`.
pub(super) const FOLDERS: Weighted =
    &[("projects", 35), ("daily", 25), ("reference", 20), ("archive", 12), ("inbox", 8)];
/// `/table`.
pub(super) const TABLES: Weighted =
    &[("notes", 40), ("links", 20), ("tags", 15), ("embeddings", 15), ("sessions", 10)];
/// `/host` of an API call.
pub(super) const API_HOSTS: Weighted = &[
    ("api.github.com", 40),
    ("models.example.org", 30),
    ("calendar.example.org", 20),
    ("mail.example.org", 10),
];
/// `/status` of an API call.
pub(super) const HTTP_STATUSES: &[(u64, u32)] = &[(200, 80), (404, 8), (429, 7), (500, 5)];
/// `/provider` of a webhook, with the weight of each.
pub(super) const PROVIDERS: Weighted = &[("github", 50), ("calendar", 30), ("chat", 20)];
/// `/channel` of a notification.
pub(super) const CHANNELS: Weighted = &[("desktop", 50), ("email", 30), ("push", 20)];
/// `/tool`.
pub(super) const TOOLS: Weighted =
    &[("search_notes", 40), ("read_note", 25), ("create_note", 20), ("run_query", 15)];
/// `/arguments/scope` of a tool call.
pub(super) const SCOPES: Weighted = &[("vault", 60), ("folder", 40)];
/// `/service` of health checks and status changes: Crucible's own parts.
pub(super) const COMPONENTS: Weighted = &[("indexer", 30), ("sync", 25), ("embedder", 25), ("gateway", 20)];
/// `/to` of a status change.
pub(super) const STATES: Weighted = &[("running", 50), ("degraded", 30), ("stopped", 20)];
/// `/section` of a configuration change.
pub(super) const SECTIONS: Weighted = &[("routing", 40), ("storage", 30), ("sync", 30)];
/// `/host` of metrics.
pub(super) const NODES: Weighted = &[("node-1", 60), ("node-2", 40)];

pub(super) const TOPICS: &[&str] = &[
    "roadmap",
    "retrospective",
    "reading-list",
    "meeting",
    "architecture",
    "recipes",
    "travel",
    "budget",
    "lecture",
    "experiment",
    "interview",
    "garden",
];
pub(super) const USERS: &[&str] = &["ada", "barbara", "edsger", "grace", "ken", "leslie", "tony", "zoë"];
pub(super) const VERBS: &[&str] = &["GET", "POST", "PUT", "PATCH"];

/// Sentences as notes have them. Nothing in them needs an escape in JSON, so that a cut anywhere
/// between two characters leaves valid text.
pub(super) const PROSE: &[&str] = &[
    "The index is rebuilt from the vault whenever its version changes, which takes a minute on a laptop.",
    "Links between notes are kept in both directions, so a rename touches every note that points here.",
    "See [[architecture]] for the picture and [[glossary]] for the words.",
    "- [ ] ask Zoë whether the Zürich office still needs the nightly export",
    "- [x] move the attachments out of the vault",
    "Embeddings are computed per paragraph; a paragraph that did not change keeps its vector.",
    "We agreed to measure first and to decide on Thursday.",
    "A naïve search reads every file; the trigram index reads about one in forty.",
    "Open question: what happens to a note that two devices edit while both are offline?",
    "The daily note collects what has no place yet — most of it never needs one.",
    "Quoted from the paper: load, latency and throughput cannot be chosen independently.",
    "Backups run at 02:00 and are restored once a month, because an untested backup is a hope.",
    "#project/crucible #status/active #review/weekly",
    "The plug-in asks for read access to one folder and gets exactly that.",
    "Tea: 3 g per cup, 80 °C, two minutes; the second infusion is the better one.",
    "Next: write down why the queue is bounded, before somebody removes the bound.",
];

/// Lines as services log them; the same holds.
pub(super) const LOG: &[&str] = &[
    "INFO  indexer: 412 notes scanned, 3 changed, 0 failed in 1840 ms",
    "DEBUG sync: handshake with peer tablet-7 done, protocol 4",
    "INFO  gateway: GET /v1/notes 200 in 12 ms, 18204 bytes",
    "WARN  embedder: queue at 80 % of its bound, 205 of 256",
    "INFO  storage: checkpoint written, 1204 pages, wal truncated",
    "DEBUG watcher: coalesced 9 changes of one path within 50 ms",
    "INFO  mcp: session opened, 14 tools and 3 resources announced",
    "WARN  gateway: 429 from upstream, next try in 2 s",
    "DEBUG storage: plan uses index notes_by_folder, 38 rows",
    "INFO  supervisor: all 6 services answer, slowest 14 ms",
];

/// Who emits events of this kind.
pub(super) const fn sources(kind: &EventKind) -> Weighted {
    match kind {
        EventKind::FileCreated | EventKind::FileModified | EventKind::FileDeleted | EventKind::FileMoved => {
            &[("vault-watcher-1", 60), ("vault-watcher-2", 30), ("sync-agent", 10)]
        }
        EventKind::RecordRead => &[("postgres-primary", 30), ("postgres-replica", 40), ("sqlite-notes", 30)],
        EventKind::RecordCreated | EventKind::RecordUpdated | EventKind::RecordDeleted => {
            &[("postgres-primary", 65), ("sqlite-notes", 35)]
        }
        EventKind::ApiCall | EventKind::Webhook => &[("api-gateway", 85), ("edge-gateway", 15)],
        EventKind::Notification => &[("notification-hub", 100)],
        EventKind::ToolCall | EventKind::ResourceRequest => &[("mcp-gateway", 70), ("mcp-desktop", 30)],
        EventKind::HealthCheck | EventKind::StatusChange => &[("supervisor", 60), ("health-monitor", 40)],
        EventKind::Metrics => &[("metrics-collector", 100)],
        EventKind::ConfigurationChange => &[("config-store", 100)],
        EventKind::Custom(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_needs_an_escape_in_json() {
        let weighted = [
            FOLDERS, TABLES, API_HOSTS, PROVIDERS, CHANNELS, TOOLS, SCOPES, COMPONENTS, STATES, SECTIONS,
            NODES,
        ];
        let weighted = weighted.into_iter().flatten().map(|(word, _)| *word);
        let plain = [TOPICS, USERS, VERBS, PROSE, LOG].into_iter().flatten().copied();
        for word in weighted.chain(plain) {
            assert_eq!(serde_json::to_string(word).expect("a string"), format!("\"{word}\""));
        }
    }

    #[test]
    fn every_built_in_kind_has_a_source() {
        assert!(EventKind::BUILT_IN.iter().all(|kind| !sources(kind).is_empty()));
    }
}
