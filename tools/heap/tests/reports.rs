//! The program as people use it: real profiles, each verb, each format, each exit status.
//!
//! `before.json` and `after.json` are by the crate dhat, of a small shop before and after an edit that moved lines;
//! `ad-hoc.json` too. `valgrind.json`, `stripped.json` and `copy.json` are by valgrind's DHAT, of a list in C. Commands
//! and processes are made neutral.

mod run;

use std::fs;
use std::io::Read;
use std::process::Stdio;

use run::{command, fixture, heap, told};

const FORMATS: [&str; 3] = ["text", "json", "markdown"];

#[test]
fn a_summary_in_each_format() {
    for format in FORMATS {
        let report = told(&["summary", "before.json", "--top", "2", "--format", format]);
        insta::assert_snapshot!(format!("summary_{format}"), report);
        let report = told(&["summary", "after.json", "--top", "1", "--tree", "--format", format]);
        insta::assert_snapshot!(format!("tree_{format}"), report);
    }
}

#[test]
fn profiles_of_other_writers_and_modes() {
    for name in ["valgrind", "stripped", "copy", "ad-hoc"] {
        insta::assert_snapshot!(name, told(&["summary", &format!("{name}.json")]));
    }
}

#[test]
fn what_is_the_users_own_can_be_said() {
    let report = told(&["summary", "before.json", "--own", "shop::main"]);
    assert!(report.contains("main.rs:13") && !report.contains("cart::name"), "{report}");
    let run = heap(&["summary", "before.json", "--own", "shpo::"]);
    assert_eq!(run.status, 1);
    assert!(
        run.stderr.contains("--own: no function, file or library of the profile has `shpo::`"),
        "{}",
        run.stderr
    );
}

#[test]
fn leaks_in_each_format() {
    for format in FORMATS {
        let report = told(&["leaks", "after.json", "--top", "1", "--format", format]);
        insta::assert_snapshot!(format!("leaks_{format}"), report);
    }
    insta::assert_snapshot!("leaks_valgrind", told(&["leaks", "valgrind.json"]));
}

#[test]
fn a_difference_in_each_format() {
    for format in FORMATS {
        let diff = ["diff", "before.json", "after.json", "--format", format];
        insta::assert_snapshot!(
            format!("diff_{format}"),
            told(&[&diff[..], &["--per-event", "100"]].concat())
        );
    }
    insta::assert_snapshot!("diff_total", told(&["diff", "after.json", "before.json", "--by", "total"]));
    let same = told(&["diff", "before.json", "before.json"]);
    assert!(same.contains("0 appeared, 0 gone, 0 grown, 0 shrunk, 1 unchanged"), "{same}");
    assert!(same.contains("nothing differs; --by total"), "{same}");
}

#[test]
fn limits_in_each_format() {
    let within = told(&["check", "before.json", "--max-peak", "1KiB", "--max-end-blocks", "11"]);
    insta::assert_snapshot!("within", within);
    for format in FORMATS {
        let check =
            ["check", "after.json", "--max-end-bytes", "500", "--max-end-blocks", "0", "--max-peak", "64MiB"];
        let allow = ["--allow", "History::audit", "--format", format];
        let run = heap(&[&check[..], &allow[..]].concat());
        assert_eq!((run.status, &run.stderr[..]), (3, ""));
        insta::assert_snapshot!(format!("exceeded_{format}"), run.stdout);
    }
}

#[test]
fn a_limit_holds_to_the_last_block_and_byte() {
    for (limit, at) in [
        ("--max-peak", 646),
        ("--max-peak-blocks", 16),
        ("--max-end-bytes", 498),
        ("--max-end-blocks", 11),
        ("--max-total-bytes", 13_768),
        ("--max-total-blocks", 412),
    ] {
        let check = |at: u64| heap(&["check", "before.json", limit, &at.to_string()]).status;
        assert_eq!((check(at), check(at - 1)), (0, 3), "{limit} {at}");
    }
}

#[test]
fn all_that_was_left_may_be_allowed_and_what_allows_nothing_is_refused() {
    let allowed = ["check", "before.json", "--max-end-blocks", "0", "--allow", "history.rs"];
    let report = told(&allowed);
    assert!(report.contains("allowed by `history.rs`"), "{report}");
    let run = heap(&[&allowed[..], &["--allow", "absent"]].concat());
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("`--allow absent` matches nothing in `before.json`"), "{}", run.stderr);
}

/// As a variable that is not set makes it: it would leave out all, or own all.
#[test]
fn an_empty_pattern_is_wrong_usage() {
    for pattern in ["--allow", "--own"] {
        let run = heap(&["check", "before.json", "--max-end-blocks", "0", pattern, ""]);
        assert_eq!((run.status, &run.stdout[..]), (2, ""), "{pattern}");
        assert!(run.stderr.contains(pattern), "{}", run.stderr);
    }
}

#[test]
fn a_flame_graph_is_written_whole() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (by, title, count) in
        [("total", "bytes in total", 3), ("peak", "bytes at the peak", 3), ("end", "bytes at the end", 1)]
    {
        let file = folder.path().join(format!("{by}.svg"));
        let output = file.to_str().expect("UTF-8");
        let report = told(&["flame", "before.json", "-o", output, "--by", by]);
        assert!(report.starts_with(&format!("✓ {output} written: ")), "{report}");
        let svg = fs::read_to_string(&file).expect("written");
        assert!(svg.ends_with("</svg>") && svg.contains(title), "{by}");
        let own = ["cart::fill", "cart::name", "History::record"].iter().filter(|name| svg.contains(**name));
        assert_eq!(own.count(), count, "{by}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 3, "nothing else is left");
}

#[test]
fn a_flame_graph_that_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let within = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    for (file, output, what) in [
        ("before.json", within("absent/x.svg"), "No such file"),
        ("before.json", within(""), "is a folder; name a file in it"),
        ("ad-hoc.json", within("x.svg"), ""),
        ("absent.json", within("y.svg"), "there is no file"),
    ] {
        let run = heap(&["flame", file, "-o", &output]);
        assert_eq!(run.status, i32::from(!what.is_empty()), "{what}: {}", run.stderr);
        assert!(run.stderr.contains(what), "{}", run.stderr);
    }
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1, "only that of units");
    let run = heap(&["flame", "ad-hoc.json", "-o", &within("z.svg"), "--by", "end"]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("not measured"), "{}", run.stderr);
}

#[test]
fn each_file_that_cannot_be_told_has_one_clear_line() {
    let before = fixture("before.json");
    let no_stacks = {
        let (points, _) = before.split_once("\"ftbl\"").expect("a table");
        let points: Vec<_> =
            points.lines().map(|line| if line.starts_with("\"fs\"") { "\"fs\": []" } else { line }).collect();
        format!("{}\"ftbl\": [\"[root]\"]}}", points.join("\n"))
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, content, what) in [
        ("text.json", "==1234== DHAT, a dynamic heap analysis tool".to_owned(), "this is not JSON"),
        ("other.json", "{\"a\": [1]}".to_owned(), "no heap profile by dhat: it has no `dhatFileVersion`"),
        ("list.json", "[1]".to_owned(), "expected a heap profile by dhat"),
        ("cut.json", before[..before.len() / 2].to_owned(), "it ends early, in line"),
        ("empty.json", String::new(), "it is empty"),
        (
            "one.json",
            before.replace("Version\": 2", "Version\": 1"),
            "version 1 of dhat's format; this program reads",
        ),
        (
            "three.json",
            before.replace("Version\": 2", "Version\": 3"),
            "version 3 of dhat's format; this program reads",
        ),
        ("bare.json", no_stacks, "it has no stacks: the program was built without debug information"),
        ("frame.json", before.replace("[1, ", "[99999, "), "there is no frame 99999 in `ftbl`"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("writable");
        refused(path.to_str().expect("UTF-8"), what);
    }
    refused("absent.json", "there is no file `absent.json`; the crate dhat writes dhat-heap.json");
    refused(folder.path().to_str().expect("UTF-8"), "is a folder; name the profile in it");
}

fn refused(path: &str, what: &str) {
    for arguments in [&["summary", path][..], &["leaks", path], &["diff", "before.json", path]] {
        let run = heap(arguments);
        assert_eq!((run.status, &run.stdout[..]), (1, ""), "{what}");
        assert!(
            run.stderr.starts_with("cargo heap: ") && run.stderr.contains(what),
            "{}, not {what}",
            run.stderr
        );
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

#[test]
fn what_was_not_recorded_is_not_told_as_zero() {
    for arguments in [
        &["leaks", "copy.json"][..],
        &["check", "ad-hoc.json", "--max-end-blocks", "0"],
        &["diff", "copy.json", "copy.json", "--by", "peak"],
    ] {
        let run = heap(arguments);
        assert_eq!(run.status, 1);
        assert!(run.stderr.contains("not measured: peak, end and short-lived"), "{}", run.stderr);
    }
    assert_eq!(heap(&["check", "copy.json", "--max-total-blocks", "1000"]).status, 0);
    let run = heap(&["diff", "before.json", "valgrind.json"]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("`before.json` is of mode `rust-heap`, `valgrind.json` of mode `heap`"));
}

#[test]
fn a_program_that_allocated_nothing_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("nothing.json");
    fs::write(
        &path,
        r#"{"dhatFileVersion":2,"mode":"rust-heap","bklt":true,"te":5,"pps":[],"ftbl":["[root]"]}"#,
    )
    .expect("writable");
    let path = path.to_str().expect("UTF-8");
    assert!(told(&["summary", path]).contains("nothing"));
    assert!(told(&["leaks", path]).contains("nothing was left at the end"));
    told(&["check", path, "--max-peak", "0"]);
    let run = heap(&["flame", path, "-o", "absent/x.svg"]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("there is nothing to draw"), "{}", run.stderr);
}

#[test]
fn wrong_usage_has_a_status_of_its_own() {
    for arguments in [
        &["check", "before.json"][..],
        &["check", "before.json", "--max-peak", "1.5MiB"],
        &["diff", "before.json"],
        &["diff", "before.json", "after.json", "--per-event", "0"],
        &["flame", "before.json"],
        &["sumary", "before.json"],
    ] {
        assert_eq!(heap(arguments).status, 2, "{arguments:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = command(&["summary", "before.json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let mut told = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut told).expect("UTF-8");
    assert_eq!((child.wait().expect("it ends").code(), &told[..]), (Some(0), ""));
}
