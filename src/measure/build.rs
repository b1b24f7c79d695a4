//! What this binary was built with, as the build script saw it.

use serde::{Deserialize, Serialize};

/// Compiler, target and options of this binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// `rustc -V`; empty if the compiler did not tell.
    pub rustc: String,
    /// Target triple.
    pub target: String,
    /// Target features that the compiler may use, e.g. `fxsr,sse,sse2`: `target-cpu=native` shows here.
    pub target_features: String,
    /// `debug` or `release`: the family of the cargo profile (`bench` belongs to `release`).
    pub profile: String,
    /// 0 to 3, `s` or `z`.
    pub opt_level: String,
    /// Debug info: `false`, `true` or its level.
    pub debug_info: String,
    /// Whether debug assertions and overflow checks are compiled in: such figures are worth nothing.
    pub debug_assertions: bool,
    /// Settings of the profile of the benches, e.g. `codegen-units = 1, debug = 1`.
    pub profile_settings: String,
    /// RUSTFLAGS from wherever cargo took them, folders left out; empty if none.
    pub rustflags: String,
}

impl Build {
    /// Of this very binary.
    pub fn of_this_binary() -> Self {
        Self {
            rustc: env!("BUILD_RUSTC_VERSION").to_owned(),
            target: env!("BUILD_TARGET").to_owned(),
            target_features: env!("BUILD_CARGO_CFG_TARGET_FEATURE").to_owned(),
            profile: env!("BUILD_PROFILE").to_owned(),
            opt_level: env!("BUILD_OPT_LEVEL").to_owned(),
            debug_info: env!("BUILD_DEBUG").to_owned(),
            debug_assertions: cfg!(debug_assertions),
            profile_settings: env!("BUILD_PROFILE_SETTINGS").to_owned(),
            rustflags: without_folders(env!("BUILD_RUSTFLAGS")),
        }
    }
}

/// Results are published: which linker was used matters, in whose home folder it lies does not.
fn without_folders(flags: &str) -> String {
    let mut kept = String::with_capacity(flags.len());
    for part in flags.split_inclusive([' ', '=', ',', ':']) {
        match part.rfind('/') {
            Some(last) if part.starts_with('/') => {
                kept.push('…');
                kept.push_str(&part[last..]);
            }
            _ => kept.push_str(part),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_script_saw_this_compiler() {
        let build = Build::of_this_binary();
        assert!(build.rustc.starts_with("rustc 1."), "{build:?}");
        assert!(build.target.contains(std::env::consts::ARCH), "{build:?}");
        assert!(build.profile_settings.contains("codegen-units = 1"), "{build:?}");
        assert!(["debug", "release"].contains(&build.profile.as_str()), "{build:?}");
    }

    #[test]
    fn folders_are_left_out_of_flags() {
        let flags =
            "-C linker=/home/ann/bin/mold -Ctarget-cpu=native --remap-path-prefix /home/ann/src=/src -L a/b";
        let kept = "-C linker=…/mold -Ctarget-cpu=native --remap-path-prefix …/src=…/src -L a/b";
        assert_eq!(without_folders(flags), kept);
        assert_eq!(without_folders(""), "");
    }
}
