//! A small project with a measurement that is fresh, in a temporary folder.

#![allow(unreachable_pub, reason = "a test has no outside")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crucible_profiles::{Manifest, Place, Program, Sources, hash_of_file};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const POLICY: &str =
    "[tolerance]\ninstructions = 0.2\nbus_events = 0\nblocks = 0\nbytes = 0\n[drift]\ninstructions = 3\n";

pub struct Project {
    root: TempDir,
}

pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Project {
    pub fn new() -> Self {
        let project = Self { root: tempfile::tempdir().expect("a temporary folder") };
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        for (file, content) in [
            ("ci/regress.toml", POLICY),
            ("src/lib.rs", "fn one() {}"),
            ("tools/profiles/lib.rs", ""),
            ("tools/tables/lib.rs", ""),
            ("target/program", "a build"),
        ] {
            project.write(file, content);
        }
        fs::copy(fixtures.join("baseline.json"), project.path("ci/baseline.json")).expect("a fixture");
        copy(&fixtures.join("kernels"), &project.path("target/iai/crucible-perf/instructions/kernels"));
        fs::copy(fixtures.join("manifest.json"), project.place().manifest()).expect("a fixture");
        let place = project.place();
        project.edit_manifest(|manifest| {
            for kernel in &mut manifest.measured {
                kernel.summary_hash = hash_of_file(&place.summary(&kernel.id)).expect("a fixture");
            }
        });
        project
    }

    /// The manifest of this project, which differs from the fixture's in what depends on where it is.
    pub fn edit_manifest(&self, edit: impl FnOnce(&mut Manifest)) {
        let path = self.place().manifest();
        let mut manifest = Manifest::read(&path).expect("a manifest");
        let program = self.path("target/program");
        manifest.program = Program { hash: hash_of_file(&program).expect("a file"), path: program };
        manifest.sources = Sources::of(self.root.path()).expect("sources");
        edit(&mut manifest);
        manifest.write(&path).expect("writable");
    }

    pub fn edit_baseline(&self, edit: impl FnOnce(&mut Value)) {
        let path = self.path("ci/baseline.json");
        let mut baseline = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
        edit(&mut baseline);
        fs::write(path, baseline.to_string()).expect("writable");
    }

    /// A summary that belongs to the run all the same.
    pub fn edit_summary(&self, id: &str, edit: impl FnOnce(&str) -> String) {
        let path = self.place().summary(id);
        fs::write(&path, edit(&fs::read_to_string(&path).expect("a file"))).expect("writable");
        self.edit_manifest(|manifest| {
            let kernel = manifest.measured.iter_mut().find(|kernel| kernel.id == id).expect("measured");
            kernel.summary_hash = hash_of_file(&path).expect("a file");
        });
    }

    pub fn regress(&self, arguments: &[&str]) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_regress"))
            .args(arguments)
            .env(
                "GIT_CEILING_DIRECTORIES",
                self.root.path().parent().expect("a temporary folder lies somewhere"),
            )
            .args(["--measurement".as_ref(), self.path("target/iai").as_os_str()])
            .current_dir(self.root.path())
            .output()
            .expect("it was built for this test");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Run {
            status: output.status.code().expect("no signal"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    pub fn git(&self, arguments: &[&str]) {
        let status = Command::new("git").args(arguments).current_dir(self.root.path()).status();
        assert!(status.expect("git").success(), "git {arguments:?}");
    }

    pub fn write(&self, file: &str, content: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("in a folder")).expect("writable");
        fs::write(path, content).expect("writable");
    }

    pub fn append(&self, file: &str, more: &str) {
        let text = fs::read_to_string(self.path(file)).expect("a file");
        self.write(file, &(text + more));
    }

    pub fn add_policy(&self, more: &str) {
        self.append("ci/regress.toml", more);
    }

    pub fn truncate(&self, file: &str) {
        let bytes = fs::read(self.path(file)).expect("a file");
        fs::write(self.path(file), &bytes[..bytes.len() / 2]).expect("writable");
    }

    pub fn remove(&self, file: &str) {
        fs::remove_file(self.path(file)).expect("it was there");
    }

    fn path(&self, file: &str) -> PathBuf {
        self.root.path().join(file)
    }

    fn place(&self) -> Place {
        Place::below(&self.path("target/iai"))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("a file");
        }
    }
}

/// Adds to a count.
pub fn add(count: &mut Value, more: i64) {
    *count = json!(count.as_i64().expect("a count") + more);
}

/// Adds to the largest count of this name.
pub fn add_to_largest(entries: &mut Value, name: &str, more: i64) {
    let entries = entries.as_object_mut().expect("entries").values_mut();
    let largest = entries.max_by_key(|entry| entry[name].as_i64().unwrap_or(0)).expect("one");
    add(&mut largest[name], more);
}

pub fn remove(map: &mut Value, key: &str) {
    map.as_object_mut().expect("a map").remove(key).expect("it was there");
}
