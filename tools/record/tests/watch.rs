//! Folders in which something happens, and what a recording tells of it.

#![cfg(target_os = "linux")] // other systems tell some changes in other words

mod run;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crucible_events::event::{EventKind, Payload};
use crucible_traces::{Record, Recorded, TraceReader};

use run::{Recording, changes, command, ended, record, records, wait_until};

fn append(path: &Path) {
    let mut file = OpenOptions::new().append(true).open(path).expect("it is there");
    file.write_all(b"more").expect("writable");
}

#[test]
fn what_happens_is_recorded_and_nothing_else() {
    let recording = Recording::begin(&["--note", "a test"], |folder| {
        fs::create_dir(folder.join("notes")).expect("writable");
        fs::write(folder.join("notes/old.md"), "old").expect("writable");
        fs::write(folder.join("notes/unseen.md"), "read only").expect("writable");
    });
    let folder = recording.watched();
    let path = |name: &str| folder.join(name);
    // In two steps: what is told of a file is what was seen of it by then.
    fs::write(path("new.md"), "").expect("writable");
    recording.wait_for("create new.md");
    append(&path("new.md"));
    recording.wait_for("modify new.md");
    append(&path("notes/old.md"));
    fs::read(path("notes/unseen.md")).expect("readable");
    fs::rename(path("new.md"), path("notes/new.md")).expect("one file system");
    fs::set_permissions(path("notes/old.md"), PermissionsExt::from_mode(0o600)).expect("ours");
    fs::rename(path("notes"), path("archive")).expect("one file system");
    fs::remove_file(path("archive/old.md")).expect("it is there");
    // Out of the folder, and back under another name.
    let outside = folder.with_file_name("outside.md");
    fs::rename(path("archive/new.md"), &outside).expect("one file system");
    recording.wait_for("delete archive/new.md");
    fs::rename(&outside, path("back.md")).expect("one file system");
    fs::write(folder.with_file_name("beside.md"), "not in the folder").expect("writable");
    fs::write(path("end"), "").expect("writable");
    recording.wait_for("create end");
    let trace = recording.trace();
    let (header, records) = (TraceReader::open(&trace).expect("a trace").header().clone(), records(&trace));
    let (run, changes) = recording.interrupt();
    assert_eq!(
        changes,
        [
            "create new.md",
            "modify new.md",
            "modify notes/old.md",
            "move notes/new.md from new.md",
            "modify metadata of notes/old.md",
            "move archive from notes",
            "delete archive/old.md",
            "delete archive/new.md",
            "create back.md",
            "create end",
        ]
    );
    assert_eq!((run.status, &*run.stderr), (0, ""), "{}", run.stdout);
    assert!(run.stdout.starts_with("trace.jsonl: 10 events in "), "{}", run.stdout);
    assert!(run.stdout.contains("filesystem.modify       3"), "{}", run.stdout);
    assert_eq!(header.how, "cargo record --watch: changes in a folder, told by inotify; a test");
    assert_eq!(records[0].at_ns, 0);
    assert_eq!(event(&records[0]), (EventKind::FileCreated, r#"{"path":"new.md","entry":"file","size":0}"#));
    assert_eq!(
        event(&records[1]),
        (EventKind::FileModified, r#"{"path":"new.md","entry":"file","change":"content","size":4}"#)
    );
}

/// Kind and payload of an event of the suite's watched folder.
fn event(record: &Record) -> (EventKind, &str) {
    let Recorded::Event(event) = &record.what else { panic!("{record:?}") };
    assert_eq!(&*event.source, "vault-watcher-1");
    let Payload::Json(json) = &event.payload else { panic!("{event:?}") };
    (event.kind.clone(), json.as_str())
}

/// No line of a trace tells where the folder lies, or what is in a file.
#[test]
fn a_trace_names_nothing_outside_the_folder_and_no_contents() {
    let recording = Recording::begin(&[], |_| ());
    let folder = recording.watched();
    fs::write(folder.join("secret.txt"), "the combination is 1234").expect("writable");
    recording.wait_for("modify secret.txt");
    let text = fs::read_to_string(recording.trace()).expect("UTF-8");
    let outside =
        folder.parent().and_then(Path::file_name).expect("a temporary folder").to_string_lossy().into_owned();
    for named in [&*outside, "watched", "combination"] {
        assert!(!text.contains(named), "{named}: {text}");
    }
}

/// A folder is watched only after it was seen to be new: what is made in it at once has to be found.
#[test]
fn what_is_made_in_a_new_folder_at_once_is_not_missed() {
    let recording = Recording::begin(&[], |_| ());
    let folder = recording.watched();
    for number in 0..50 {
        let deep = folder.join(format!("{number}/a/b"));
        fs::create_dir_all(&deep).expect("writable");
        fs::write(deep.join("f"), "").expect("writable");
    }
    // As cargo makes its target folder: under another name, with something in it.
    for number in 50..100 {
        let temporary = folder.join(format!("{number}.tmp"));
        fs::create_dir(&temporary).expect("writable");
        fs::write(temporary.join("f"), "").expect("writable");
        fs::rename(&temporary, folder.join(format!("{number}"))).expect("one file system");
        fs::write(folder.join(format!("{number}/g")), "").expect("writable");
    }
    // A tree from elsewhere.
    let outside = folder.with_file_name("tree");
    fs::create_dir_all(outside.join("x")).expect("writable");
    fs::write(outside.join("x/f"), "").expect("writable");
    fs::rename(&outside, folder.join("tree")).expect("one file system");
    recording.wait_for("create tree/x/f");
    let there = tree(&folder);
    assert_eq!(there.len(), 50 * 4 + 50 * 3 + 3);
    let (_, changes) = recording.interrupt();
    assert_eq!(replayed(&changes), there, "{changes:#?}");
    let created: BTreeSet<&String> = changes.iter().filter(|change| change.starts_with("create ")).collect();
    let creations = changes.iter().filter(|change| change.starts_with("create ")).count();
    assert_eq!(created.len(), creations, "each once");
}

/// Several threads at once, as a build does it.
#[test]
fn whatever_happens_the_trace_tells_what_is_there_in_the_end() {
    let recording = Recording::begin(&[], |_| ());
    let folder = recording.watched();
    thread::scope(|scope| {
        for worker in 0..4 {
            let own = folder.join(format!("worker-{worker}"));
            scope.spawn(move || work(&own));
        }
    });
    fs::write(folder.join("end"), "").expect("writable");
    recording.wait_for("create end");
    let there = tree(&folder);
    let (run, changes) = recording.interrupt();
    assert_eq!(replayed(&changes), there, "{changes:#?}");
    assert!(!run.stdout.contains("LOST"), "{}", run.stdout);
}

/// Makes and writes files in new folders, renames the files into place, and deletes a part of it all.
fn work(own: &Path) {
    for round in 0..40 {
        let deep = own.join(format!("{round}/deep"));
        fs::create_dir_all(&deep).expect("writable");
        for file in 0..5 {
            let (temporary, name) = (deep.join(format!("{file}.tmp")), deep.join(format!("{file}")));
            fs::write(&temporary, "content").expect("writable");
            fs::rename(&temporary, &name).expect("one file system");
        }
        match round % 4 {
            0 => fs::remove_dir_all(own.join(format!("{round}"))).expect("ours"),
            1 => fs::remove_file(deep.join("3")).expect("ours"),
            2 => fs::rename(deep.join("1"), own.join(format!("{round}/2"))).expect("one file system"),
            _ => append(&deep.join("4")),
        }
    }
}

/// All paths below a folder.
fn tree(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut ahead = vec![folder.to_owned()];
    while let Some(next) = ahead.pop() {
        for entry in fs::read_dir(next).expect("readable") {
            let path = entry.expect("readable").path();
            found.insert(path.strip_prefix(folder).expect("below it").to_str().expect("UTF-8").to_owned());
            if path.is_dir() {
                ahead.push(path);
            }
        }
    }
    found
}

/// What is there after these changes of an empty folder; each has to be possible.
fn replayed(changes: &[String]) -> BTreeSet<String> {
    let mut there = BTreeSet::new();
    for change in changes {
        let (action, path) = change.split_once(' ').expect("an action and a path");
        match action {
            "create" => assert!(there.insert(path.to_owned()), "{change}, but it is there"),
            "delete" => assert!(there.remove(path), "{change}, but it is not there"),
            "move" => {
                let (to, from) = path.split_once(" from ").expect("two paths");
                assert!(there.contains(from), "{change}, but it is not there");
                let below = format!("{from}/");
                let moved: Vec<String> =
                    there.iter().filter(|path| *path == from || path.starts_with(&below)).cloned().collect();
                for path in moved {
                    there.remove(&path);
                    there.insert(format!("{to}{}", &path[from.len()..]));
                }
            }
            _ => {
                let path = path.trim_start_matches("metadata of ");
                assert!(there.contains(path), "{change}, but it is not there");
            }
        }
    }
    there
}

#[test]
fn what_is_ignored_is_left_out_and_so_is_the_trace_itself() {
    let within =
        Recording::begin(&["--ignore", ".git", "--ignore", "*.tmp", "--ignore", "build/*/cache/"], |_| ());
    let folder = within.watched();
    for path in [".git/objects", "build/a/cache", "kept"] {
        fs::create_dir_all(folder.join(path)).expect("writable");
    }
    for path in [".git/HEAD", "build/a/cache/x", "build/a/y", "z.tmp", "kept/f"] {
        fs::write(folder.join(path), "").expect("writable");
    }
    within.wait_for("create kept/f");
    // What appears by a rename out of what is ignored was created; what vanishes there was deleted.
    fs::rename(folder.join("z.tmp"), folder.join("z")).expect("one file system");
    fs::rename(folder.join("kept/f"), folder.join("f.tmp")).expect("one file system");
    fs::write(folder.join("end"), "").expect("writable");
    within.wait_for("create end");
    let (run, mut told) = within.interrupt();
    assert_eq!(told.split_off(told.len() - 3), ["create z", "delete kept/f", "create end"]);
    told.sort_unstable();
    let created = ["build", "build/a", "build/a/y", "kept", "kept/f"].map(|path| format!("create {path}"));
    assert_eq!(told, created);
    assert!(run.stdout.contains("inotify, without .git, *.tmp, build/*/cache"), "{}", run.stdout);

    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut child = command(folder.path(), &["--watch", ".", "--limit", "2"]).spawn().expect("it starts");
    let there =
        || fs::read_dir(folder.path()).expect("readable").map(|entry| entry.expect("readable").path()).next();
    wait_until(|| there().is_some(), || "no trace".to_owned());
    let trace = there().expect("it was just there");
    fs::write(folder.path().join("a"), "").expect("writable");
    fs::write(folder.path().join("b"), "").expect("writable");
    assert!(ended(&mut child).success());
    let name = trace.file_name().and_then(|name| name.to_str()).expect("UTF-8");
    assert!(name.starts_with("trace_2") && name.ends_with(".jsonl"), "{name}");
    assert_eq!(changes(&trace), ["create a", "create b"]);
}

#[test]
fn a_recording_ends_after_so_many_events() {
    let mut recording = Recording::begin(&["--limit", "3"], |_| ());
    for number in 0..10 {
        fs::create_dir(recording.watched().join(format!("{number}"))).expect("writable");
    }
    let run = recording.wait();
    assert_eq!((run.status, &*run.stderr), (0, ""));
    assert_eq!(changes(&recording.trace()), ["create 0", "create 1", "create 2"]);
}

#[test]
fn a_recording_ends_after_its_time_with_what_there_was() {
    let mut recording = Recording::begin(&["--for", "2s"], |_| ());
    fs::create_dir(recording.watched().join("a")).expect("writable");
    let run = recording.wait();
    assert_eq!((run.status, &*run.stderr), (0, ""));
    assert_eq!(changes(&recording.trace()), ["create a"]);
    assert!(run.stdout.contains("1 event in"), "{}", run.stdout);
}

#[test]
fn a_folder_that_goes_away_ends_its_recording() {
    let mut recording = Recording::begin(&[], |folder| fs::write(folder.join("a"), "").expect("writable"));
    fs::remove_dir_all(recording.watched()).expect("ours");
    let run = recording.wait();
    assert_eq!(
        (run.status, &*run.stderr),
        (0, "cargo record: watched: the folder is gone, so this is the end\n")
    );
    assert_eq!(changes(&recording.trace()), ["delete a"]);
    let mut recording = Recording::begin(&[], |_| ());
    fs::rename(recording.watched(), recording.watched().with_file_name("moved")).expect("one file system");
    assert_eq!(recording.wait().status, 0);
}

/// Neither Ctrl-C nor anything else was there to end it.
#[test]
fn a_recording_that_is_killed_leaves_a_trace() {
    let mut recording = Recording::begin(&[], |_| ());
    for number in 0..100 {
        fs::create_dir(recording.watched().join(format!("{number}"))).expect("writable");
    }
    recording.wait_for("create 99");
    recording.signal("KILL");
    assert_eq!(recording.wait().status, -1);
    assert_eq!(changes(&recording.trace()).len(), 100);
}

/// The kernel keeps only so many changes for who does not listen.
#[test]
fn lost_events_are_told_in_the_trace_and_the_recording_goes_on() {
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").expect("Linux has it");
    let most: usize = most.trim().parse().expect("a number");
    let recording = Recording::begin(&[], |_| ());
    let folder = recording.watched();
    recording.signal("STOP");
    // Each is created, opened, written and closed.
    for number in 0..most / 3 {
        fs::write(folder.join(format!("{number}")), "x").expect("writable");
    }
    fs::create_dir_all(folder.join("new/deep")).expect("writable");
    recording.signal("CONT");
    let gaps = || {
        let is_gap = |record: &Record| matches!(record.what, Recorded::Gap(_));
        records(&recording.trace()).into_iter().filter(is_gap).count()
    };
    wait_until(|| gaps() > 0, || format!("no gap in {}", recording.trace().display()));
    // What was made unseen is watched all the same, and its time is not invented.
    fs::write(folder.join("new/deep/f"), "").expect("writable");
    recording.wait_for("create new/deep/f");
    let text = fs::read_to_string(recording.trace()).expect("UTF-8");
    let gaps = text
        .matches(r#""gap":"the system's queue ran over; how many events were lost is not known"}"#)
        .count();
    assert!(gaps > 0, "{text}");
    let (run, changes) = recording.interrupt();
    assert!(!changes.contains(&"create new".to_owned()));
    assert_eq!(run.status, 0);
    assert!(run.stdout.contains("EVENTS WERE LOST at "), "{}", run.stdout);
    assert!(run.stdout.contains(": the system's queue ran over; how many"), "{}", run.stdout);
}

#[test]
fn what_cannot_be_watched_is_refused_before_a_trace_is_made() {
    let within = tempfile::tempdir().expect("a temporary folder");
    fs::write(within.path().join("file"), "").expect("writable");
    for (folder, why) in [
        ("absent", "cargo record: absent: No such file or directory (os error 2); name a folder to watch\n"),
        ("file", "cargo record: file: is no folder; name a folder to watch\n"),
    ] {
        let run = record(within.path(), &["--watch", folder], "");
        assert_eq!((run.status, &*run.stdout, &*run.stderr), (1, "", why));
    }
    assert_eq!(fs::read_dir(within.path()).expect("readable").count(), 1, "no trace");
}

#[test]
fn a_folder_within_that_cannot_be_read_is_named() {
    let within = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir_all(within.path().join("watched/open/closed")).expect("writable");
    // Root may read everything: as nobody then, for whom the program has to lie where everybody may go.
    let program = within.path().join("record");
    // By a process of its own: one that another test starts meanwhile would inherit the file, open for writing, and it could not run.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_record")).arg(&program).status();
    assert!(copied.expect("there is `cp`").success());
    fs::set_permissions(within.path(), PermissionsExt::from_mode(0o755)).expect("ours");
    let closed = within.path().join("watched/open/closed");
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o000)).expect("ours");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(within.path()).stderr(Stdio::piped());
        if fs::read_dir(&closed).is_ok() {
            command.uid(65_534);
        }
        let output = command.output().expect("it starts");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let (status, told) = run(&["--watch", "watched", "--for", "1ms"]);
    let expected = "cargo record: watched/open/closed: cannot be read (Permission denied (os error 13)); \
                    make it readable, or leave it out with --ignore\n";
    assert_eq!((status, &*told), (Some(1), expected));
    fs::create_dir(within.path().join("for_all")).expect("writable");
    fs::set_permissions(within.path().join("for_all"), PermissionsExt::from_mode(0o777)).expect("ours");
    let (status, told) =
        run(&["--watch", "watched", "--for", "1ms", "--ignore", "closed", "--out", "for_all/t.jsonl"]);
    assert_eq!(status, Some(0), "{told}");
}
