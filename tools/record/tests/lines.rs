//! Lines of JSON as people and programs write them.

mod run;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crucible_events::event::{Event, EventKind, Payload, Priority, Timestamp};
use crucible_traces::Recorded;

use run::{command, ended, record, records, wait_until};

/// The events of a trace with their offsets.
fn events(trace: &Path) -> Vec<(u64, Event)> {
    let events = records(trace).into_iter().map(|record| match record.what {
        Recorded::Event(event) => (record.at_ns, (*event).clone()),
        Recorded::Gap(why) => panic!("{why}"),
    });
    events.collect()
}

fn json(event: &Event) -> &str {
    match &event.payload {
        Payload::Json(json) => json.as_str(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn lines_become_events_at_the_moments_that_they_state() {
    let within = tempfile::tempdir().expect("a temporary folder");
    let lines = concat!(
        r#"{"timestamp":"2026-11-18T11:06:40.5Z","note":"zoë","n":1.50}"#,
        "\n\n",
        r#"{"timestamp":"2026-11-18T12:06:40.500000001+01:00","kind":"database.update","source":"postgres-primary","priority":"high","payload":{"table":"notes"}}"#,
        "\r\n",
        r#"{"timestamp":1795000002000,"kind":"note.tagged","payload":[1,"a"]}"#,
    );
    fs::write(within.path().join("log.jsonl"), lines).expect("writable");
    let run = record(within.path(), &["--jsonl", "log.jsonl", "-o", "t.jsonl", "--note", "a day's log"], "");
    assert_eq!((run.status, &*run.stderr), (0, "recording log.jsonl into t.jsonl; Ctrl-C ends it\n"));
    assert!(
        run.stdout.starts_with("t.jsonl: 3 events in 1.500 s, at most 2 in a second, "),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("by cargo record --jsonl: lines of JSON; a day's log\n"), "{}", run.stdout);
    let events = events(&within.path().join("t.jsonl"));
    let offsets: Vec<u64> = events.iter().map(|(at_ns, _)| *at_ns).collect();
    assert_eq!(offsets, [0, 1, 1_500_000_000]);
    let [plain, full, custom] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&plain.1.kind, &*plain.1.source), (&EventKind::Webhook, "api-gateway"));
    assert_eq!(json(&plain.1), lines.lines().next().expect("three lines"), "as it was written");
    assert_eq!(plain.1.created_at, Timestamp(1_795_000_000_500_000_000));
    assert_eq!(
        (&full.1.kind, &*full.1.source, full.1.priority),
        (&EventKind::RecordUpdated, "postgres-primary", Priority::High)
    );
    assert_eq!(json(&full.1), r#"{"table":"notes"}"#);
    assert_eq!((custom.1.kind.as_str(), json(&custom.1)), ("note.tagged", r#"[1,"a"]"#));
}

#[test]
fn the_member_that_tells_the_moment_can_be_named() {
    let within = tempfile::tempdir().expect("a temporary folder");
    let lines = "{\"__REALTIME\":\"1795000000000001\"}\n{\"__REALTIME\":\"1795000000000003\"}\n";
    let run = record(within.path(), &["--jsonl", "-", "--time", "__REALTIME", "-o", "t.jsonl"], lines);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(events(&within.path().join("t.jsonl")).last().expect("two events").0, 2_000);
}

/// From a pipe, whose lines come when they happen.
#[test]
fn lines_without_a_moment_are_timed_as_they_arrive() {
    let within = tempfile::tempdir().expect("a temporary folder");
    let mut command = command(within.path(), &["--jsonl", "-", "-o", "t.jsonl", "--limit", "2"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let trace = within.path().join("t.jsonl");
    stdin.write_all(b"{\"n\":1}\n").expect("it reads");
    let is_recorded = || trace.exists() && !records(&trace).is_empty();
    wait_until(is_recorded, || "nothing was recorded of the first line".to_owned());
    let first = Timestamp::now();
    stdin.write_all(b"{\"n\":2}\n{\"n\":3}\n").expect("it reads");
    assert!(ended(&mut child).success(), "after two events, with its input still open");
    let events = events(&trace);
    assert_eq!(events.len(), 2);
    let [(_, one), (at_ns, two)] = &events[..] else { panic!("{events:?}") };
    assert!(one.created_at <= first && first <= two.created_at, "{one:?} {first} {two:?}");
    assert_eq!(two.created_at.0 - one.created_at.0, *at_ns);
}

/// What was recorded before it is kept.
#[test]
fn a_bad_line_ends_the_recording_with_its_number_and_what_to_do() {
    let good = r#"{"timestamp":100,"n":1}"#;
    for (bad, why) in [
        ("{\"timestamp\":101,", "not JSON: EOF while parsing a value, column 17; mend or remove the line"),
        ("hello", "not JSON: expected value, column 1; mend or remove the line"),
        ("[1]", "JSON, but not an object; mend or remove the line"),
        (
            r#"{"timestamp":101,"a":1,"a":2}"#,
            "not JSON: name `a` twice in one object, column 26; mend or remove the line",
        ),
        (r#"{"n":2}"#, "it has no `timestamp`, by which lines are timed; mend or remove the line"),
        (
            r#"{"timestamp":"soon"}"#,
            "`timestamp` is \"soon\", but a moment is RFC 3339, or Unix time in s, ms, µs or ns; mend the line",
        ),
        (
            r#"{"timestamp":99}"#,
            "it is of 1970-01-01T00:01:39.000000000Z, and line 1 of 1970-01-01T00:01:40.000000000Z: sort the lines by \
             their time first",
        ),
        (r#"{"timestamp":101,"kind":7}"#, "`kind` is 7, but a name is a text; mend or remove the line"),
        (r#"{"timestamp":101,"source":""}"#, "source: empty; mend or remove the line"),
        (
            r#"{"timestamp":101,"priority":"urgent"}"#,
            "`priority` is \"urgent\", but priorities are critical, high, normal, low; mend or remove the line",
        ),
    ] {
        let within = tempfile::tempdir().expect("a temporary folder");
        let run =
            record(within.path(), &["--jsonl", "-", "-o", "t.jsonl"], &format!("{good}\n{bad}\n{good}\n"));
        let told = run.stderr.lines().last().expect("a line");
        assert_eq!((run.status, told), (1, &*format!("cargo record: standard input: line 2: {why}")));
        assert_eq!(run.stderr.lines().count(), 2, "{}", run.stderr);
        assert!(run.stdout.starts_with("t.jsonl: 1 event in"), "{}", run.stdout);
        assert_eq!(events(&within.path().join("t.jsonl")).len(), 1);
    }
}

#[test]
fn moments_come_from_one_place() {
    let within = tempfile::tempdir().expect("a temporary folder");
    let lines = "{\"n\":1}\n{\"timestamp\":100}\n";
    let run = record(within.path(), &["--jsonl", "-", "-o", "a.jsonl"], lines);
    let why = "standard input: line 2: it has a `timestamp`, but the lines before it had none; give all of them one\n";
    assert!(run.status == 1 && run.stderr.ends_with(why), "{}", run.stderr);
    fs::write(within.path().join("log"), lines).expect("writable");
    let why = "line 1: it has no `timestamp`, and when lines of a file are read says nothing: name the member that tells \
               when it happened with --time, or pipe the stream itself to --jsonl -\n";
    let run = record(within.path(), &["--jsonl", "log", "-o", "b.jsonl"], "");
    assert!(run.status == 1 && run.stderr.ends_with(why), "{}", run.stderr);
    let mut redirected = command(within.path(), &["--jsonl", "-", "-o", "c.jsonl"]);
    let log = fs::File::open(within.path().join("log")).expect("just written");
    let output = redirected.stdin(log).output().expect("it starts");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(stderr.ends_with(why), "a file in the place of standard input: {stderr}");
}

#[test]
fn an_input_that_cannot_be_read_is_refused_before_a_trace_is_made() {
    let within = tempfile::tempdir().expect("a temporary folder");
    let run = record(within.path(), &["--jsonl", "absent"], "");
    assert_eq!(
        (run.status, &*run.stderr),
        (1, "cargo record: absent: cannot be read: No such file or directory (os error 2)\n")
    );
    assert_eq!(fs::read_dir(within.path()).expect("readable").count(), 0);
    let long = format!("{{\"timestamp\":1,\"a\":\"{}", "x".repeat(17 << 20));
    let run = record(within.path(), &["--jsonl", "-", "-o", "t.jsonl"], &long);
    assert!(
        run.stderr.ends_with("standard input: cannot be read: line 1 is longer than 16 MiB\n"),
        "{}",
        run.stderr
    );
    let large = format!("{{\"timestamp\":1,\"a\":\"{}\"}}\n", "x".repeat(11 << 20));
    let run = record(within.path(), &["--jsonl", "-", "-o", "u.jsonl"], &large);
    assert!(run.stderr.contains("line 1: payload: 11534"), "{}", run.stderr);
}
