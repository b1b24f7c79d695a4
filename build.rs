//! Tells the crate what it is built with: no figure is worth much without it.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use crucible_profiles::Sources;

/// Set by cargo for build scripts, handed on under `BUILD_…`: <https://doc.rust-lang.org/cargo/reference/environment-variables.html>.
const FROM_CARGO: [&str; 5] = ["TARGET", "PROFILE", "OPT_LEVEL", "DEBUG", "CARGO_CFG_TARGET_FEATURE"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTFLAGS");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    for name in FROM_CARGO {
        pass_on(name, &env::var(name).unwrap_or_default());
    }
    // Cargo separates them by 0x1f, as a flag may hold spaces.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    pass_on("RUSTFLAGS", &flags.replace('\u{1f}', " "));
    pass_on("PROFILE_SETTINGS", &profile_settings());
    pass_on("SOURCES", &sources());
    pass_on("RUSTC_VERSION", &rustc_version().unwrap_or_default());
}

/// What is compiled now: a program that runs later can tell whether its source is still the same.
fn sources() -> String {
    for path in Sources::watched() {
        println!("cargo::rerun-if-changed={path}");
    }
    Sources::of(Path::new(".")).expect("cargo runs build scripts beside the manifest").digest()
}

/// What the profile of the benches is set to, in Cargo.toml and in the environment, which goes before; e.g.
/// `codegen-units = 1, debug = 1`. Cargo tells a build script neither units nor link-time optimization.
fn profile_settings() -> String {
    println!("cargo::rerun-if-changed=Cargo.toml");
    let manifest = fs::read_to_string("Cargo.toml").expect("cargo runs build scripts beside the manifest");
    let mut settings = settings_of(&manifest, "[profile.release]");
    settings.extend(settings_of(&manifest, "[profile.bench]"));
    for section in ["RELEASE", "BENCH"] {
        for name in ["opt-level", "debug", "codegen-units", "lto", "panic", "incremental", "overflow-checks"]
        {
            let variable = format!("CARGO_PROFILE_{section}_{}", name.to_uppercase().replace('-', "_"));
            println!("cargo::rerun-if-env-changed={variable}");
            settings.extend(env::var(variable).map(|value| (name.to_owned(), value)));
        }
    }
    let settings: Vec<_> = settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    settings.join(", ")
}

fn settings_of(manifest: &str, section: &str) -> BTreeMap<String, String> {
    let lines = manifest.lines().skip_while(|line| line.trim() != section).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let settings = lines.filter_map(|line| line.split('#').next()?.split_once('='));
    settings.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

fn pass_on(name: &str, value: &str) {
    println!("cargo::rustc-env=BUILD_{name}={value}");
}

fn rustc_version() -> Option<String> {
    let rustc = env::var_os("RUSTC")?;
    let output = Command::new(rustc).arg("-V").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
