//! What fuzzing starts from: `fuzz/seeds`, a folder for each target.

use std::path::{Path, PathBuf};

use crucible_events::crucible_core::Config;

use crate::checks::made::{configuration_text, event_text, random, rule_text};

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target)
}

/// The seeds of a target as they lie there.
pub(crate) fn committed(target: &str) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(folder(target)).expect("every target has a folder of seeds");
    let files = files.map(|file| std::fs::read(file.expect("an entry of it").path()));
    files.collect::<Result<_, _>>().expect("all of it are files")
}

/// An event of every kind of payload, and refused ones: those of the codec's own tests.
fn decode() -> Vec<Vec<u8>> {
    const HEAD: &str = r#"{"id":"000000000000000000000000000000ff","kind":"filesystem.modify","source":"watcher","created_at":"2026-11-24T08:00:00.000000001Z""#;
    const FULL: &str = r#","priority":"critical","targets":[{"service":"index"},{"group":"sync"}],"scheduled_at":"2026-11-24T09:00:00Z","metadata":{"user":"zoë \u0001"},"correlation_id":"00000000000000000000000000000008","causation_id":"00000000000000000000000000000009","retry_count":1,"retry_limit":9"#;
    let with = |payload: &str| format!(r#"{HEAD},"payload":{payload}}}"#);
    let mut seeds = vec![
        format!(r#"{HEAD}{FULL},"payload":{{"json":{{"path":"a.md","n":[1,2.5]}}}}}}"#),
        with(r#"{"text":"line\n\"quoted\" \u00fc"}"#),
        with(r#"{"text":"ü"}"#),
        with(r#"{"binary":"AP8B"}"#),
        with(r#"{"json": [{"x":{"a":-1e-7}}, null ]}"#).replace("filesystem.modify", "note.tagged"),
        with(r#"{"json":{"a":1,"a":2}}"#),
        with(r#"{"binary":"???"}"#),
    ];
    seeds.extend((0..5).map(|seed| String::from_utf8(event_text(&random(seed, 200))).expect("JSON")));
    seeds.into_iter().map(String::into_bytes).collect()
}

/// Rules and events in turns.
fn rules() -> Vec<Vec<u8>> {
    let script = |script: u64| {
        let lines = (0..5).map(|line| match (script * 100 + line, line % 2) {
            (seed, 0) => rule_text(&random(seed, 100)),
            (seed, _) => event_text(&random(seed, 60)),
        });
        lines.collect::<Vec<_>>().join(&b'\n')
    };
    (0..7).map(script).collect()
}

fn validate() -> Vec<Vec<u8>> {
    (0..8).map(|seed| random(seed, 120)).collect()
}

/// All defaults, and some with a few settings.
fn configuration() -> Vec<Vec<u8>> {
    let mut seeds = vec![toml::to_string(&Config::default()).expect("every setting has a text").into_bytes()];
    seeds.extend((0..7).map(|seed| configuration_text(&random(seed, 60))));
    seeds
}

#[test]
#[ignore = "writes fuzz/seeds anew"]
fn write() {
    let _alone = crate::alone(); // another test reads them
    let targets = [
        ("configuration", configuration()),
        ("decode", decode()),
        ("rules", rules()),
        ("validate", validate()),
    ];
    for (target, seeds) in targets {
        let folder = folder(target);
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("{number:02}")), seed).expect("the file can be written");
        }
    }
}
