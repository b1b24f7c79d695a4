//! What a profile of 200 MB takes, and a small one: told, and only the memory judged. Of an optimized program:
//! `cargo test --profile bench -p crucible-heap --test large -- --ignored --nocapture`

#![cfg(target_os = "linux")]

mod run;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use run::{command, fixtures};

const SIZE: u64 = 200_000_000;
const FRAMES: u64 = 50_000;

/// Numbers without a pattern: a linear congruential generator with Knuth's constants for MMIX.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A file as the crate dhat writes it, one number a line, with ten to thirty frames a stack. Its bytes and blocks.
fn write(path: &Path) -> io::Result<(u64, u64)> {
    let mut file = BufWriter::new(File::create(path)?);
    let (mut draw, mut written, mut all) = (Draw(1), 0, (0, 0));
    file.write_all(
        b"{\n\"dhatFileVersion\": 2,\n\"mode\": \"rust-heap\",\n\"bklt\": true,\n\"tu\": \"\xc2\xb5s\",\n\
          \"tuth\": 10,\n\"cmd\": \"shop\",\n\"pid\": 7,\n\"tg\": 900000,\n\"te\": 1000000,\n\"pps\": [",
    )?;
    // The table of frames takes what is left.
    while written < SIZE - FRAMES * 100 {
        let (bytes, blocks) = (draw.below(10_000) * 8, draw.below(50) + 1);
        all = (all.0 + bytes, all.1 + blocks);
        let mut point = String::from(if written == 0 { "\n{" } else { ",\n{" });
        let end = blocks % 2;
        for (key, value) in [
            ("tb", bytes),
            ("tbk", blocks),
            ("tl", bytes * 3),
            ("mb", bytes / 2),
            ("mbk", 1),
            ("gb", bytes / 4),
            ("gbk", 1),
            ("eb", bytes / 8 * end),
            ("ebk", end),
        ] {
            write!(point, "\n\"{key}\": {value},").expect("a text takes all");
        }
        let depth = 10 * (1 + draw.below(3));
        let frames: Vec<_> = (0..depth).map(|_| (1 + draw.below(FRAMES - 1)).to_string()).collect();
        write!(point, "\n\"fs\": [\n{}\n]\n}}", frames.join(",\n")).expect("a text takes all");
        file.write_all(point.as_bytes())?;
        written += point.len() as u64;
    }
    file.write_all(b"\n],\n\"ftbl\": [\n\"[root]\"")?;
    for frame in 1..FRAMES {
        let owner = ["alloc", "core", "tokio", "shop", "shop", "serde_json"][draw.below(6) as usize];
        let (module, line) = (draw.below(97), draw.below(900) + 1);
        write!(
            file,
            ",\n\"0x{:x}: {owner}::module_{module}::Type<alloc::vec::Vec<u8>>::method_{} (src/m_{module}.rs:{line}:9)\"",
            0x5000_0000_0000 + frame * 37,
            frame / 8
        )?;
    }
    file.write_all(b"\n]\n}\n")?;
    file.flush()?;
    Ok(all)
}

/// The most that a process ever had in memory, as the system tells it while the process lives.
fn peak_bytes(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("a child").is_none() {
        let told = fs::read_to_string(&status).unwrap_or_default();
        let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        peak = peak.max(now.unwrap_or(0) * 1024);
        sleep(Duration::from_millis(5));
    }
    peak
}

#[test]
#[ignore = "writes 200 MB, and takes minutes if not optimized"]
fn two_hundred_megabytes_are_summarized_in_less_than_one_and_a_half_times_their_size() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("large.json");
    let (bytes, blocks) = write(&path).expect("room for 200 MB");
    let size = fs::metadata(&path).expect("written").len();
    let begin = Instant::now();
    let mut child = command(&["summary", path.to_str().expect("UTF-8"), "--format", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let peak = peak_bytes(&mut child);
    let seconds = begin.elapsed().as_secs_f64();
    let output = child.wait_with_output().expect("it ends");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let total = &told["summary"]["total"];
    assert_eq!((total["bytes"].as_u64(), total["blocks"].as_u64()), (Some(bytes), Some(blocks)));
    println!(
        "{} MB summarized in {seconds:.2} s, in {} MB of memory: {:.2} times its size",
        size / 1_000_000,
        peak / 1_000_000,
        peak as f64 / size as f64
    );
    assert!(peak > 0 && peak < size / 2 * 3, "{peak} bytes for a file of {size}");
}

#[test]
#[ignore = "tells a time, of which nothing is asserted"]
fn a_typical_profile_takes_no_time_to_speak_of() {
    let size = fs::metadata(fixtures().join("after.json")).expect("a fixture").len();
    let times = (0..20).map(|_| {
        let begin = Instant::now();
        let output = command(&["summary", "after.json"]).output().expect("the program starts");
        assert!(output.status.success());
        begin.elapsed()
    });
    println!("{size} bytes summarized in {:?}, the slowest of 20", times.max().expect("20 of them"));
}
