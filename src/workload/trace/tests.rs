use std::fs;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use crucible_events::event::{
    DecodeError, Event, EventId, EventKind, Invalid, JsonText, Limits, Payload, Priority, Timestamp, decode,
    encode,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::{Fault, Header, MAX_LINE_BYTES, Record, Recorded, Trace, TraceReader, TraceWriter, WriteError};

fn header() -> Header {
    Header { recorded_at: Timestamp(1_795_000_000_000_000_000), how: "by a test, \"quoted\"".to_owned() }
}

fn event(id: u128) -> Event {
    let payload = Payload::Json(JsonText::new(r#"{"path":"a.md"}"#).expect("JSON"));
    Event::new(EventId(id), EventKind::FileModified, "vault-watcher-1", Timestamp(7), payload)
}

fn at(at_ns: u64, event: Event) -> Record {
    Record { at_ns, what: Recorded::Event(Arc::new(event)) }
}

fn written(records: &[Record]) -> Vec<u8> {
    let mut writer = TraceWriter::new(Vec::new(), &header()).expect("memory");
    for record in records {
        writer.write(record).expect("memory, and what a reader takes");
    }
    writer.finish().expect("memory")
}

/// What can be read of it, and what stopped that.
fn read(file: &[u8]) -> (Vec<Record>, Option<String>) {
    let reader = match TraceReader::new(file, "t.jsonl") {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error.to_string())),
    };
    let (mut records, mut refusal) = (Vec::new(), None);
    for record in reader {
        match record {
            Ok(record) => records.push(record),
            Err(error) => refusal = Some(error.to_string()),
        }
    }
    (records, refusal)
}

fn any_payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        ".{0,20}".prop_map(|text| {
            let json = serde_json::json!({ "text": text, "n": [1, 2.5, null] });
            Payload::Json(JsonText::from(&json))
        }),
        "(?s).{0,40}".prop_map(|text| Payload::Text(text.into())),
        vec(any::<u8>(), 0..40).prop_map(|bytes| Payload::Binary(bytes.into())),
    ]
}

fn any_kind() -> impl Strategy<Value = EventKind> {
    prop_oneof![
        4 => select(&EventKind::BUILT_IN[..]),
        1 => "note\\.[a-zü]{1,9}".prop_map(|name| EventKind::from(crucible_events::event::Name::from(name))),
    ]
}

prop_compose! {
    fn any_event()(
        id in 1..u128::MAX, kind in any_kind(), payload in any_payload(), source in ".{1,20}",
        priority in select(&Priority::ALL[..]), created_at in any::<u64>(), later in option::of(0..1_000_000_u64),
        metadata in option::of(btree_map(".{1,5}", ".{0,5}", 1..4)), references in any::<[Option<u64>; 2]>(),
    ) -> Event {
        let mut event = Event::new(EventId(id), kind, source, Timestamp(created_at), payload);
        event.priority = priority;
        event.scheduled_at = later.map(|later| Timestamp(created_at.saturating_add(later)));
        event.metadata = metadata.map(Arc::new);
        let [correlation_id, causation_id] = references.map(|id| id.map(|id| EventId(u128::from(id) + 1)));
        (event.correlation_id, event.causation_id) = (correlation_id, causation_id);
        event
    }
}

fn any_records() -> impl Strategy<Value = Vec<Record>> {
    let what = prop_oneof![
        9 => any_event().prop_map(|event| Recorded::Event(Arc::new(event))),
        1 => "(?s).{0,20}".prop_map(Recorded::Gap),
    ];
    vec((0..1_u64 << 40, what), 0..12).prop_map(|steps| {
        let mut at_ns = 0;
        let step = |(step_ns, what)| {
            at_ns += step_ns;
            Record { at_ns, what }
        };
        steps.into_iter().map(step).collect()
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read(records in any_records()) {
        prop_assert_eq!(read(&written(&records)), (records, None));
    }

    #[test]
    fn a_file_that_ends_anywhere_is_the_beginning_of_the_trace(records in any_records(), cut in any::<Index>()) {
        let file = written(&records);
        let cut = &file[..cut.index(file.len())];
        let (kept, refusal) = read(cut);
        let lines = cut.iter().filter(|byte| **byte == b'\n').count();
        prop_assert_eq!(&kept[..], &records[..lines.saturating_sub(1)]);
        prop_assert_eq!(refusal.is_none(), cut.ends_with(b"\n"), "{:?}", refusal);
    }
}

#[test]
fn a_file_looks_like_this() {
    let gap = Record { at_ns: 9, what: Recorded::Gap("ran over".to_owned()) };
    let text = String::from_utf8(written(&[at(0, event(255)), gap])).expect("JSON is UTF-8");
    let expected = r#"{"format":"crucible-trace","version":1,"recorded_at":"2026-11-18T11:06:40.000000000Z","how":"by a test, \"quoted\""}
{"at_ns":0,"event":{"id":"000000000000000000000000000000ff","kind":"filesystem.modify","source":"vault-watcher-1","created_at":"1970-01-01T00:00:00.000000007Z","payload":{"json":{"path":"a.md"}}}}
{"at_ns":9,"gap":"ran over"}
"#;
    assert_eq!(text, expected);
}

/// Each spoils the third line of a trace of three events, or the file before it.
#[test]
fn each_refusal_says_where_what_and_what_to_do() {
    let file =
        String::from_utf8(written(&[at(5, event(1)), at(6, event(2)), at(7, event(3))])).expect("UTF-8");
    let lines: Vec<&str> = file.lines().collect();
    let with_third = |line: &str| format!("{}\n{}\n{line}\n{}\n", lines[0], lines[1], lines[3]);
    let third = |from: &str, to: &str| with_third(&lines[2].replace(from, to));
    let cases = [
        (String::new(), "line 1: the file is empty; `cargo record` writes traces"),
        ("hello".to_owned(), "line 1: no trace: `hello` stands where a header"),
        (
            "{\"a\":1}\n".to_owned(),
            "line 1: no trace: `{\"a\":1}` stands where a header of the format `crucible-trace` should",
        ),
        (file.replace("crucible-trace", "crucible-perf"), "line 1: no trace: `{\"format\":\"crucible-perf\""),
        (
            file.replace("\"version\":1", "\"version\":2,\"x\":[]"),
            "line 1: version 2 of the format, but this program reads version 1: record it again",
        ),
        (
            file.replace("\"how\"", "\"hwo\""),
            "line 1: the header is not as it should be: unknown field `hwo`",
        ),
        (lines[0].to_owned(), "line 1: the file is cut off"),
        (
            file[..file.len() - 20].to_owned(),
            "line 4: the file is cut off in its last line; remove that line, and the rest is a trace",
        ),
        (third("\"at_ns\":6", "\"at_ns\":4"), "line 3: `at_ns` goes back from 5 to 4; sort the lines by it"),
        (
            third("\"at_ns\":6", "\"at_ns\":6.5"),
            "line 3: neither an event nor a gap: invalid type: floating point `6.5`, expected u64, column 12; mend or remove",
        ),
        (
            third("0002", "0001"),
            "line 3: the id 00000000000000000000000000000001 was there before; give each event one of its own",
        ),
        (
            third("0002", "000"),
            "line 3: event is not readable: `0000000000000000000000000000000` is not an event id: 32 hexadecimal digits expected, column 58; mend or remove the line",
        ),
        (third("0000000000002", "0000000000000"), "line 3: the event breaks a limit: id: nil"),
        (third("vault-watcher-1", ""), "line 3: the event breaks a limit: source: empty"),
        (
            third("\"path\"", "\"a\":1,\"a\""),
            "line 3: payload is not usable JSON: name `a` twice in one object; mend",
        ),
        (
            third("\"kind\"", "\"knid\""),
            "line 3: event is not readable: unknown field `knid`, expected one of",
        ),
        (third("\"event\"", "\"evnet\""), "line 3: neither an event nor a gap: unknown field `evnet`"),
        (
            with_third("{\"at_ns\":6}"),
            "line 3: neither an event nor a gap: it has no `event` and no `gap`; mend or remove",
        ),
        (
            third("\"event\"", "\"gap\":\"\",\"event\""),
            "line 3: neither an event nor a gap: it has an `event` and a `gap`",
        ),
        (with_third(""), "line 3: neither an event nor a gap: EOF while parsing a value, column 0"),
    ];
    for (file, expected) in cases {
        let (records, refusal) = read(file.as_bytes());
        let refusal = refusal.expect(expected);
        assert!(refusal.starts_with("t.jsonl: ") && refusal.contains(expected), "{refusal}\n{expected}");
        assert!(!refusal.contains('\n'), "{refusal}");
        let before: usize = if expected.starts_with("line 3") {
            1
        } else if expected.starts_with("line 4") {
            2
        } else {
            0
        };
        assert_eq!(records.len(), before, "{expected}");
    }
}

#[test]
fn a_column_is_that_of_the_line() {
    let event = r#"{"id":"1"}"#;
    let line = format!(r#"{{"at_ns":0,"event":{event}}}"#);
    let (_, refusal) = read(&[&written(&[])[..], line.as_bytes(), b"\n"].concat());
    let Err(DecodeError::Json(within)) = decode(&Bytes::from_static(event.as_bytes()), &Limits::default())
    else {
        panic!("no id");
    };
    let column = line.find(event).expect("it is there") + within.column();
    let refusal = refusal.expect("no id");
    assert!(refusal.ends_with(&format!("expected, column {column}; mend or remove the line")), "{refusal}");
}

/// Neither is read into memory, let alone parsed.
#[test]
fn what_is_longer_than_any_event_is_refused() {
    let endless = io::repeat(b'{');
    let refusal =
        TraceReader::new(BufReader::new(endless), "t").map(drop).expect_err("no header").to_string();
    assert!(refusal.contains("t: line 1: longer than 67108864 bytes"), "{refusal}");
    let header = written(&[]);
    let long = header.chain(io::repeat(b'{').take(MAX_LINE_BYTES as u64 + 1));
    let mut reader = TraceReader::new(BufReader::new(long), "t").expect("a header");
    let refusal = reader.next().expect("a line").expect_err("no event").to_string();
    assert!(refusal.contains("t: line 2: longer than"), "{refusal}");
    assert!(reader.next().is_none(), "nothing after an error");
}

#[test]
fn the_largest_and_the_deepest_event_fit() {
    let control = Payload::Text("\u{1}".repeat(10 << 20).into());
    let deep = format!("{}{}", "[".repeat(126), "]".repeat(126));
    let deep = Payload::Json(JsonText::new(deep).expect("127 at most"));
    let records = [at(0, Event { payload: control, ..event(1) }), at(0, Event { payload: deep, ..event(2) })];
    let file = written(&records);
    assert_eq!(read(&file), (records.to_vec(), None));
}

#[test]
fn a_writer_refuses_what_a_reader_would() {
    let mut writer = TraceWriter::new(Vec::new(), &header()).expect("memory");
    writer.write(&at(5, event(1))).expect("the first");
    let refused = |record: &Record, writer: &mut TraceWriter<Vec<u8>>| match writer.write(record) {
        Err(WriteError::Refused(fault)) => fault,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused(&at(4, event(2)), &mut writer), Fault::GoesBack { at_ns: 4, before_ns: 5 }));
    assert!(matches!(refused(&at(6, event(1)), &mut writer), Fault::IdAgain(EventId(1))));
    assert!(matches!(refused(&at(6, event(0)), &mut writer), Fault::Invalid(Invalid::NilId)));
    writer.write(&at(5, event(3))).expect("what was refused left no trace");
    let file = writer.finish().expect("memory");
    assert_eq!(read(&file), (vec![at(5, event(1)), at(5, event(3))], None));
}

/// Takes whole lines only, and nothing after the second call: a disk that is full.
struct Full(Vec<Vec<u8>>);

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() == 2 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_are_handed_on_whole_and_a_full_disk_is_told() {
    let mut disk = Full(Vec::new());
    let mut writer = TraceWriter::new(&mut disk, &header()).expect("the header");
    writer.write(&at(0, event(1))).expect("it waits");
    writer.write(&at(1, event(2))).expect("it waits");
    writer.flush().expect("the second call");
    writer.write(&at(2, event(3))).expect("it waits");
    let refusal = writer.finish().map(drop).expect_err("full").to_string();
    assert!(refusal.starts_with("the trace cannot be written: no storage space"), "{refusal}");
    assert_eq!(disk.0.len(), 2);
    assert!(disk.0.iter().all(|bytes| bytes.ends_with(b"}\n")));
    assert_eq!(read(&disk.0.concat()).0.len(), 2);
}

#[test]
fn a_whole_trace_is_named_after_its_file_and_counts_its_gaps() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("build.jsonl");
    let gap = Record { at_ns: 3, what: Recorded::Gap("ran over".to_owned()) };
    fs::write(&path, written(&[at(0, event(1)), gap, at(3, event(2))])).expect("writable");
    let trace = Trace::read(&path).expect("a trace");
    assert_eq!((&trace.name[..], trace.gaps, &trace.offsets_ns[..]), ("build", 1, &[0, 3][..]));
    assert_eq!(trace.events, [Arc::new(event(1)), Arc::new(event(2))]);
    assert_eq!(trace.header, header());
    assert_eq!(encode(&trace.events[0]), encode(&event(1)));
}

#[test]
fn a_trace_that_cannot_be_replayed_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("nothing.jsonl");
    fs::write(&path, written(&[])).expect("writable");
    let refusal = |path: &Path| Trace::read(path).expect_err("no events").to_string();
    assert!(
        refusal(&path).ends_with(
            "nothing.jsonl: line 2: there are no events in it; record for longer, or where something happens"
        ),
        "{}",
        refusal(&path)
    );
    assert!(refusal(&folder.path().join("absent")).contains("absent: cannot be read: No such file"));
    assert!(refusal(folder.path()).contains("cannot be read: Is a directory"), "{}", refusal(folder.path()));
}
