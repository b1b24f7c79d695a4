//! The program as it is used: what it takes, what it leaves, what it says when it cannot.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../src/analysis/findings/fixture");

fn report(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_report")).args(arguments).output().expect("the program")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

/// A results folder with one run, begun at `stamp`.
fn add_run(folder: &Path, stamp: &str) {
    for (file, prefix) in [
        ("daemon_performance", "daemon_performance"),
        ("memory_profiling", "memory_profiling"),
        ("scalability_testing", "scalability_results"),
    ] {
        let to = folder.join(format!("{prefix}_{stamp}.json"));
        fs::copy(format!("{FIXTURE}/{file}.json"), to).expect("a copy");
    }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    add_run(folder.path(), "20261123_100000");
    // Neither results nor of a stamp.
    fs::write(folder.path().join("memory_profiling_20261123_100000_CrucibleCore.dhat.json"), "{}")
        .expect("writable");
    folder
}

fn reports(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.to_string_lossy().contains("comprehensive_report_")).collect()
}

#[test]
fn the_latest_run_is_taken_and_said() {
    let folder = folder();
    add_run(folder.path(), "20261123_110000");
    let done = report(&["--results", path(folder.path())]);
    let told = text(&done.stdout);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(told.starts_with("Ship CrucibleCore: "), "{told}");
    assert!(told.contains("daemon_performance_20261123_110000.json") && !told.contains("_100000"), "{told}");
    let mut extensions: Vec<_> =
        reports(folder.path()).iter().map(|p| p.extension().map(|e| e.to_owned())).collect();
    extensions.sort();
    assert_eq!(extensions, ["html", "json", "md"].map(|extension| Some(extension.into())));
}

#[test]
fn a_run_is_found_by_its_stamp_and_ends_where_the_next_begins() {
    let folder = folder();
    add_run(folder.path(), "20261123_110000");
    fs::write(folder.path().join("summary_20261123_105959.txt"), "the next run").expect("writable");
    let out = tempfile::tempdir().expect("a temporary folder");
    let of = |stamp| report(&["--results", path(folder.path()), "--run", stamp, "--out", path(out.path())]);
    let first = of("20261123_095900");
    assert!(
        text(&first.stdout).contains("_100000.json") && !text(&first.stdout).contains("_110000"),
        "{first:?}"
    );
    let between = of("20261123_100001");
    assert_eq!(between.status.code(), Some(1), "{between:?}");
    assert!(text(&between.stderr).contains("no results there from 20261123_100001 on"), "{between:?}");
    assert!(reports(folder.path()).is_empty() && reports(out.path()).len() == 3);
}

#[test]
fn what_cannot_be_used_is_said_in_one_line_and_nothing_is_written() {
    let folder = folder();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("writable");
        path
    };
    let daemon = folder.path().join("daemon_performance_20261123_100000.json");
    let cut = file("cut.json", &fs::read_to_string(&daemon).expect("there")[..500]);
    let other = file("other.json", r#"{"schema":"crucible-perf/2"}"#);
    let kernels = fs::read_to_string(&daemon)
        .expect("there")
        .replace("\"target\": \"daemon_performance\"", "\"target\": \"kernels\"");
    let kernels = file("kernels.json", &kernels);
    let wrong = fs::read_to_string(&daemon).expect("there").replace("\"fan_out\"", "\"fan\"");
    let wrong = file("wrong.json", &wrong);
    let gone = folder.path().join("gone.json");
    let empty = tempfile::tempdir().expect("a temporary folder");
    let out = ["--out", path(empty.path())];
    for (arguments, said) in [
        (vec![path(&cut)], "not a document of crucible-perf results"),
        (vec![path(&other)], "its schema is `crucible-perf/2`"),
        (vec![path(&kernels)], "results of `kernels`, which no report tells of"),
        (
            vec![path(&wrong)],
            "not a document of crucible-perf results as expected here: missing field `fan_out`",
        ),
        (vec![path(&gone)], "gone.json: reading failed"),
        (vec![path(&daemon), path(&daemon)], "both are of `daemon_performance`"),
        (vec!["--results", path(empty.path())], "no results there; measure with"),
        (vec!["--results", path(&gone)], "the results folder cannot be read"),
        (vec!["--run", "yesterday"], "`yesterday` is no stamp of a run"),
    ] {
        let done = report(&[&arguments[..], &out[..]].concat());
        let error = text(&done.stderr);
        assert_eq!((done.status.code(), error.lines().count()), (Some(1), 1), "{arguments:?}: {error}");
        assert!(error.starts_with("cargo perf-report: ") && error.contains(said), "{arguments:?}: {error}");
    }
    assert!(reports(empty.path()).is_empty() && reports(folder.path()).is_empty());
    let usage = report(&["--run", "20261123_100000", "file.json"]);
    assert_eq!(usage.status.code(), Some(2), "a run or files, not both");
}

#[test]
fn what_changed_is_told_and_what_did_not_on_request() {
    let (old, new) = (folder(), folder());
    let done = report(&["diff", path(old.path()), path(new.path())]);
    let told = text(&done.stdout);
    assert!(done.status.success() && told.contains(": 0 changed, "), "{told}");
    let memory = new.path().join("memory_profiling_20261123_100000.json");
    fs::remove_file(memory).expect("there");
    let told = text(&report(&["diff", "--all", path(old.path()), path(new.path())]).stdout);
    assert!(told.contains("not compared: memory_profiling: only in the old run"), "{told}");
    assert!(
        told.contains("CrucibleCore / DataCoordinator") && told.contains("no difference shown"),
        "{told}"
    );
    let stamp = report(&["diff", "20261123_100000", "20261123_100000", "--results", path(old.path())]);
    assert!(stamp.status.success(), "{stamp:?}");
    let gone = report(&["diff", "gone.json", path(new.path())]);
    assert!(
        gone.status.code() == Some(1) && text(&gone.stderr).contains("gone.json: reading failed"),
        "{gone:?}"
    );
}
