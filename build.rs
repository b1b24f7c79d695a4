//! Tells the crate what it is built with: no figure is worth much without it.

use std::env;
use std::process::Command;

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
    pass_on("RUSTC_VERSION", &rustc_version().unwrap_or_default());
}

fn pass_on(name: &str, value: &str) {
    println!("cargo::rustc-env=BUILD_{name}={value}");
}

fn rustc_version() -> Option<String> {
    let rustc = env::var_os("RUSTC")?;
    let output = Command::new(rustc).arg("-V").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
