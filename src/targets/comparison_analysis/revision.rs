use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crucible_profiles::{Refusal, Result, WorkTree};
use serde_json::Value;

use super::Between;

/// Builds the bench target `target` of this harness around the systems of another revision, in a work tree beside this one;
/// what is not committed here is in the harness, too. What cargo says goes to stderr. With what an earlier call left, only
/// what changed is built.
///
/// # Errors
/// The revision is not there, or this harness does not compile around its systems.
pub fn build(target: &str, revision: &str) -> Result<Between> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = std::env::current_exe();
    let program = program.map_err(|error| Refusal::new(format!("this program: {error}")))?;
    // target/release/deps/PROGRAM
    let folder = program.ancestors().nth(3).unwrap_or(root).join("comparison");
    let tree = WorkTree::add(root, revision, &folder.join("tree"))?;
    tree.take_this_harness()?;
    eprintln!("{target}: building this harness around the systems of {revision}");
    let short = &tree.commit[..tree.commit.len().min(10)];
    let program = bench(target, tree.root(), &folder.join("target"))?;
    Ok(Between::Revisions { revision: format!("{revision} ({short})"), program })
}

/// Where cargo put the bench target that it built.
fn bench(target: &str, root: &Path, target_folder: &Path) -> Result<PathBuf> {
    let failed = |error: std::io::Error| Refusal::new(format!("cargo cannot be run: {error}"));
    let mut cargo = Command::new("cargo")
        .args(["bench", "--no-run", "--message-format=json-render-diagnostics", "--bench", target])
        .arg("--target-dir")
        .arg(target_folder)
        .current_dir(root)
        .env_remove("CARGO_TARGET_DIR")
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut program = None;
    if let Some(said) = cargo.stdout.take() {
        for line in std::io::BufReader::new(said).lines() {
            program = executable(&line.map_err(failed)?, target).or(program);
        }
    }
    let status = cargo.wait().map_err(failed)?;
    program.filter(|_| status.success()).ok_or_else(|| {
        Refusal::new(format!(
            "this harness does not compile around those systems ({status}): see above; \
             `cargo regress against` can count them by their own harness"
        ))
    })
}

/// Of one of cargo's messages for programs.
fn executable(message: &str, target: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let of_target = message["target"]["name"] == target && message["target"]["kind"][0] == "bench";
    of_target.then(|| message["executable"].as_str().map(PathBuf::from))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_that_of_the_bench_and_no_other() {
        let message = |kind: &str, name: &str| {
            format!(
                r#"{{"reason":"x","target":{{"kind":["{kind}"],"name":"{name}"}},"executable":"/a/{name}"}}"#
            )
        };
        let found = |message: &str| executable(message, "comparison_analysis");
        let expected = Some(PathBuf::from("/a/comparison_analysis"));
        assert_eq!(found(&message("bench", "comparison_analysis")), expected);
        assert_eq!(found(&message("bench", "kernels")), None);
        assert_eq!(found(&message("lib", "comparison_analysis")), None);
        assert_eq!(found("no JSON"), None);
    }
}
