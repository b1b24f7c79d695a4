//! Arguments that are not understood, files that cannot be written, traces that are none.

mod run;

use std::fs;

use run::record;

#[test]
fn wrong_usage_has_a_status_of_its_own() {
    let within = tempfile::tempdir().expect("a temporary folder");
    for (arguments, what) in [
        (&[][..], "<--watch <DIR>|--jsonl <FILE>|--info <TRACE>>"),
        (&["--watch", ".", "--jsonl", "-"], "cannot be used with"),
        (&["--watch", ".", "--info", "t"], "cannot be used with"),
        (&["--info", "t", "--limit", "3"], "cannot be used with"),
        (&["--watch"], "a value is required"),
        (&["--watch", ".", "--for", "soon"], "a time is such as 60s, 5m or 1h 30m"),
        (&["--watch", ".", "--for", "0s"], "a time is such as"),
        (&["--watch", ".", "--for=-1s"], "a time is such as"),
        (&["--watch", ".", "--limit", "0"], "invalid value '0'"),
        (&["--watch", ".", "--ignore", "a[b"], "invalid range pattern"),
        (&["--watch", ".", "--ignore", "/"], "an empty pattern matches nothing"),
        (&["--jsonl", "-", "--ignore", "x"], "cannot be used with"),
        (&["--watch", ".", "--time", "x"], "cannot be used with"),
        (&["--wacth", "."], "unexpected argument '--wacth'"),
    ] {
        let run = record(within.path(), arguments, "");
        assert_eq!((run.status, &*run.stdout), (2, ""), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(what), "{arguments:?}: {}", run.stderr);
    }
    assert_eq!(fs::read_dir(within.path()).expect("readable").count(), 0);
    let run = record(within.path(), &["--help"], "");
    assert_eq!((run.status, &*run.stderr), (0, ""));
    assert!(run.stdout.contains("Usage: cargo record"), "{}", run.stdout);
}

#[test]
fn a_file_that_is_there_is_never_written_over() {
    let within = tempfile::tempdir().expect("a temporary folder");
    fs::write(within.path().join("t.jsonl"), "mine").expect("writable");
    let run = record(within.path(), &["--jsonl", "-", "-o", "t.jsonl"], "{}\n");
    let expected = "cargo record: t.jsonl: is there already; name another file with --out, or remove it\n";
    assert_eq!((run.status, &*run.stderr), (1, expected));
    assert_eq!(fs::read_to_string(within.path().join("t.jsonl")).expect("readable"), "mine");
    let run = record(within.path(), &["--jsonl", "-", "-o", "absent/t.jsonl"], "{}\n");
    let why = "cargo record: absent/t.jsonl: cannot be made: No such file or directory (os error 2); name another file";
    assert!(run.status == 1 && run.stderr.starts_with(why), "{}", run.stderr);
}

#[test]
fn what_is_in_a_trace_is_told_and_checked() {
    let within = tempfile::tempdir().expect("a temporary folder");
    let lines =
        "{\"timestamp\":100}\n{\"timestamp\":100.25}\n{\"timestamp\":101,\"kind\":\"mcp.tool_call\"}\n";
    let recorded = record(within.path(), &["--jsonl", "-", "-o", "t.jsonl"], lines);
    let run = record(within.path(), &["--info", "t.jsonl"], "");
    assert_eq!((run.status, &*run.stderr, &run.stdout), (0, "", &recorded.stdout));
    let told: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        told[0],
        "t.jsonl: 3 events in 1.000s, at most 2 in a second, payloads of 25 bytes on average"
    );
    assert!(
        told[1].starts_with(" recorded 20") && told[1].ends_with("Z by cargo record --jsonl: lines of JSON")
    );
    assert_eq!(
        told[2..],
        [
            "",
            "kind              events   share",
            "external.webhook       2  66.7 %",
            "mcp.tool_call          1  33.3 %"
        ]
    );
    let path = within.path().join("t.jsonl");
    let text = fs::read_to_string(&path).expect("UTF-8");
    fs::write(&path, text.replacen("\"at_ns\":250000000", "\"at_ns\":2250000000", 1)).expect("writable");
    let run = record(within.path(), &["--info", "t.jsonl"], "");
    let why = "cargo record: t.jsonl: line 4: `at_ns` goes back from 2250000000 to 1000000000; sort the lines by it\n";
    assert_eq!((run.status, &*run.stdout, &*run.stderr), (1, "", why));
    let run = record(within.path(), &["--info", "absent"], "");
    assert_eq!((run.status, run.stderr.contains("absent: cannot be read: No such file")), (1, true));
}
