//! How kernels are counted, and what may move the counts without a change of source.

use std::process::Command;

use crucible_profiles::Fingerprint;

use super::{Build, Machine, Reading};

/// What glibc finds out about the CPU decides which copy and search loops run, and so the counts: a machine
/// with AVX2 or ERMS would count differently from one without. Masked, and with the sizes fixed that it takes from the
/// caches, glibc runs the SSE2 ones that every x86-64 has. Rust's crates ask the processor themselves: see
/// [`Fingerprint::cpu_features`]. Without fast bins, since when these are merged depends on how the heap lies, and so on the
/// length of the program's path: bus events of one kernel differed by 2.4 %, now by nothing. Elsewhere the names mean nothing and are ignored.
pub const GLIBC_TUNABLES: &str = "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX_Fast_Unaligned_Load,\
-ERMS,-FSRM,-RTM,-MOVBE,-BMI1,-BMI2,-LZCNT,-SSSE3,-SSE4_1,-SSE4_2\
:glibc.cpu.x86_data_cache_size=0x8000:glibc.cpu.x86_shared_cache_size=0x100000\
:glibc.cpu.x86_non_temporal_threshold=0xc0000:glibc.cpu.x86_rep_movsb_threshold=0x800\
:glibc.malloc.mxfast=0";

/// Instructions by address, so that what was inlined can be told; atomics; caches of a size that no machine decides.
pub const CALLGRIND_OPTIONS: [&str; 6] = [
    "--dump-instr=yes",
    "--collect-bus=yes",
    "--cache-sim=yes",
    "--I1=32768,8,64",
    "--D1=32768,8,64",
    "--LL=8388608,16,64",
];

/// A stack that is cut off does not show that a block is the kernel's: twelve calls, the default, are too few. Files with
/// their folders, since there is more than one `mod.rs`.
pub const DHAT_OPTIONS: [&str; 2] = ["--num-callers=200", "--fullpath-after="];

/// The version of iai-callgrind that Cargo.toml fixes.
const IAI_CALLGRIND: &str = "iai-callgrind 0.16.1";

const LOCK: &str = include_str!("../../Cargo.lock");

/// Crates that nothing counted is made of, with what only they need: programs of their own, other instruments, test
/// tools, build tools, and other platforms' libraries. Updating one of them leaves counts comparable.
const NOT_COUNTED: [&str; 19] = [
    "crucible-traces",
    "iai-callgrind-runner",
    "divan",
    "dhat",
    "proptest",
    "loom",
    "humantime",
    "cc",
    "clap_derive",
    "serde_derive",
    "syn",
    "windows-sys",
    "anstyle-wincon",
    "block2",
    "dispatch2",
    "objc2",
    "redox_syscall",
    "r-efi",
    "portable-atomic-util",
];

/// Of this very program, and of the machine on which it runs now.
///
/// # Errors
/// If something of it cannot be found out: counts that could be anybody's are worth nothing.
pub fn fingerprint() -> Result<Fingerprint, String> {
    let (build, machine) = (Build::of_this_binary(), Machine::inspect());
    let read = |reading| match reading {
        Reading::Value(value) => Ok(value),
        Reading::Absent { not_measured } => Err(not_measured),
    };
    let crates = Fingerprint::crates_of(LOCK, "crucible-perf", &NOT_COUNTED)?;
    Ok(Fingerprint {
        rustc: build.rustc,
        target: build.target,
        target_features: build.target_features,
        rustflags: build.rustflags,
        profile: build.profile_settings,
        libc: read(machine.libc)?,
        cpu_features: cpu_features(),
        valgrind: read(machine.valgrind)?,
        instruments: format!(
            "{IAI_CALLGRIND}; callgrind {}; dhat {}; GLIBC_TUNABLES={GLIBC_TUNABLES}",
            CALLGRIND_OPTIONS.join(" "),
            DHAT_OPTIONS.join(" "),
        ),
        crates,
    })
}

/// What crates such as memchr look for.
fn cpu_features() -> String {
    #[cfg(target_arch = "x86_64")]
    let features = [
        ("ssse3", is_x86_feature_detected!("ssse3")),
        ("sse4.1", is_x86_feature_detected!("sse4.1")),
        ("sse4.2", is_x86_feature_detected!("sse4.2")),
        ("avx2", is_x86_feature_detected!("avx2")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let features = [("those of the target", true)];
    features.into_iter().filter(|&(_, has)| has).map(|(name, _)| name).collect::<Vec<_>>().join(",")
}

/// Which valgrind there is, e.g. `valgrind-3.19.0`; `None` if there is none.
pub fn valgrind_version() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_knows_the_crates_that_are_counted() {
        let crates = Fingerprint::crates_of(LOCK, "crucible-perf", &NOT_COUNTED)
            .expect("this package is in its own lock file");
        for linked in ["crucible-events", "tokio", "serde_json", "iai-callgrind"] {
            assert!(crates.contains_key(linked), "{linked}");
        }
        for apart in ["iai-callgrind-runner", "crucible-regress", "addr2line", "proptest"] {
            assert!(!crates.contains_key(apart), "{apart}");
        }
    }

    #[test]
    fn the_version_of_the_instrument_is_that_of_the_lock_file() {
        let (name, version) = IAI_CALLGRIND.split_once(' ').expect("a name and a version");
        assert!(LOCK.contains(&format!("name = \"{name}\"\nversion = \"{version}\"")));
    }
}
