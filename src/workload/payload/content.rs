use crucible_events::event::{Category, EventKind};

use super::document::Document;
use crate::workload::draw::Draw;
use crate::workload::vocabulary as words;

/// The text that stands last in a document and takes what is left of its size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filled {
    pub(super) name: &'static str,
    pub(super) lines: &'static [&'static str],
}

const fn prose(name: &'static str) -> Filled {
    Filled { name, lines: words::PROSE }
}

const fn log(name: &'static str) -> Filled {
    Filled { name, lines: words::LOG }
}

/// Writes what an event of this kind tells, the fields by which rules look at it first.
pub(super) fn describe(kind: &EventKind, to: &mut Document, draw: &mut Draw) -> Filled {
    match kind.category() {
        Category::Filesystem => file(kind, to, draw),
        Category::Database => record(kind, to, draw),
        Category::External => external(kind, to, draw),
        Category::Mcp => mcp(kind, to, draw),
        Category::Service => service(kind, to, draw),
        Category::System => system(kind, to, draw),
        Category::Custom => prose("body"),
    }
}

fn file(kind: &EventKind, to: &mut Document, draw: &mut Draw) -> Filled {
    let folder = *draw.weighted(words::FOLDERS);
    let (topic, number) = (*draw.pick(words::TOPICS), draw.below(10_000));
    to.text("folder", format_args!("{folder}"));
    to.text("path", format_args!("{folder}/{topic}-{number:04}.md"));
    if *kind == EventKind::FileMoved {
        let from = *draw.weighted(words::FOLDERS);
        to.text("from", format_args!("{from}/{topic}-{number:04}.md"));
    }
    to.json("inode", format_args!("{}", 1_000_000 + draw.below(9_000_000)));
    to.json("size", format_args!("{}", 200 + draw.below(60_000)));
    to.text("blake3", format_args!("{:032x}", draw.u128()));
    prose(match kind {
        EventKind::FileDeleted => "last_content",
        _ => "content",
    })
}

fn record(kind: &EventKind, to: &mut Document, draw: &mut Draw) -> Filled {
    to.text("table", format_args!("{}", draw.weighted(words::TABLES)));
    to.json("key", format_args!("{}", 1 + draw.below(5_000_000)));
    to.text("transaction", format_args!("{:016x}", draw.u64()));
    let (before, after) = (draw.below(1_000), draw.below(1_000));
    let topic = draw.pick(words::TOPICS);
    match kind {
        EventKind::RecordRead => {
            to.json("columns", format_args!(r#"["id","title","folder","body"]"#));
            to.json("rows", format_args!("{}", 1 + before));
        }
        EventKind::RecordUpdated => {
            let user = draw.pick(words::USERS);
            to.json("before", format_args!(r#"{{"version":{before},"title":"{topic}"}}"#));
            to.json("after", format_args!(r#"{{"version":{},"editor":"{user}"}}"#, before + 1));
        }
        EventKind::RecordDeleted => to.json("before", format_args!(r#"{{"version":{before}}}"#)),
        _ => to.json("after", format_args!(r#"{{"version":1,"title":"{topic} {after}"}}"#)),
    }
    to.json("duration_us", format_args!("{}", 80 + draw.below(20_000)));
    prose("body")
}

fn external(kind: &EventKind, to: &mut Document, draw: &mut Draw) -> Filled {
    match kind {
        EventKind::ApiCall => api_call(to, draw),
        EventKind::Webhook => {
            to.text("provider", format_args!("{}", draw.weighted(words::PROVIDERS)));
            to.text("delivery", format_args!("{:032x}", draw.u128()));
            to.text("signature", format_args!("sha256={:032x}{:032x}", draw.u128(), draw.u128()));
            to.json("headers", format_args!(r#"{{"content-type":"application/json","x-attempt":"1"}}"#));
        }
        _ => {
            to.json("urgent", format_args!("{}", draw.chance(15)));
            to.text("channel", format_args!("{}", draw.weighted(words::CHANNELS)));
            to.text("user", format_args!("{}", draw.pick(words::USERS)));
            to.text("title", format_args!("{} was shared with you", draw.pick(words::TOPICS)));
        }
    }
    prose("body")
}

fn api_call(to: &mut Document, draw: &mut Draw) {
    let host = draw.weighted(words::API_HOSTS);
    to.json("status", format_args!("{}", draw.weighted(words::HTTP_STATUSES)));
    to.text("host", format_args!("{host}"));
    to.text("method", format_args!("{}", draw.pick(words::VERBS)));
    to.text("url", format_args!("https://{host}/v1/{}/{}", draw.pick(words::TOPICS), draw.below(100_000)));
    let request = draw.u64();
    to.json(
        "headers",
        format_args!(r#"{{"content-type":"application/json","x-request-id":"{request:016x}"}}"#),
    );
    to.json("duration_us", format_args!("{}", 4_000 + draw.below(900_000)));
}

fn mcp(kind: &EventKind, to: &mut Document, draw: &mut Draw) -> Filled {
    match kind {
        EventKind::ToolCall => {
            to.text("tool", format_args!("{}", draw.weighted(words::TOOLS)));
            to.json("arguments", format_args!(r#"{{"scope":"{}"}}"#, draw.weighted(words::SCOPES)));
            to.text("query", format_args!("{}", draw.pick(words::TOPICS)));
            to.json("limit", format_args!("{}", 5 + draw.below(95)));
        }
        _ => {
            let folder = draw.weighted(words::FOLDERS);
            let topic = draw.pick(words::TOPICS);
            to.text("uri", format_args!("crucible://{folder}/{topic}"));
            to.text("mime", format_args!("text/markdown"));
        }
    }
    to.text("session", format_args!("{:016x}", draw.u64()));
    prose("text")
}

fn service(kind: &EventKind, to: &mut Document, draw: &mut Draw) -> Filled {
    let component = draw.weighted(words::COMPONENTS);
    match kind {
        EventKind::HealthCheck => {
            to.json("healthy", format_args!("{}", draw.chance(90)));
            to.text("service", format_args!("{component}"));
            to.json("latency_us", format_args!("{}", 100 + draw.below(40_000)));
            let (queued, open) = (draw.below(256), draw.below(64));
            to.json("checks", format_args!(r#"{{"queue":{queued},"connections":{open},"disk":"ok"}}"#));
        }
        _ => {
            to.text("to", format_args!("{}", draw.weighted(words::STATES)));
            to.text("service", format_args!("{component}"));
            to.text("from", format_args!("{}", draw.weighted(words::STATES)));
            to.json("uptime_s", format_args!("{}", draw.below(1_000_000)));
        }
    }
    log("log")
}

fn system(kind: &EventKind, to: &mut Document, draw: &mut Draw) -> Filled {
    if *kind == EventKind::ConfigurationChange {
        to.text("section", format_args!("{}", draw.weighted(words::SECTIONS)));
        to.text("actor", format_args!("{}", draw.pick(words::USERS)));
        let (before, after) = (draw.below(512), draw.below(512));
        to.json("change", format_args!(r#"{{"name":"queue_bound","before":{before},"after":{after}}}"#));
        return log("log");
    }
    to.text("host", format_args!("{}", draw.weighted(words::NODES)));
    for (name, most) in [("cpu_permille", 1_000), ("rss_kib", 900_000), ("queued", 256), ("open_files", 512)]
    {
        to.json(name, format_args!("{}", draw.below(most)));
    }
    let (p50, p99) = (draw.below(900), 900 + draw.below(9_000));
    to.json("route_us", format_args!(r#"{{"p50":{p50},"p99":{p99},"count":{}}}"#, draw.below(100_000)));
    log("log")
}
