use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use crucible_profiles::{Measurement, Refusal, Result};

use super::Project;

/// Another compiler than the one that the project names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain(pub String);

/// Builds and runs the bench target `instructions` of a project.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    project: &'a Project,
    target: &'a Path,
    toolchain: Option<&'a Toolchain>,
    locked: bool,
}

impl<'a> Bench<'a> {
    /// Of this project, built in the folder `target`.
    pub const fn of(project: &'a Project, target: &'a Path) -> Self {
        Self { project, target, toolchain: None, locked: true }
    }

    /// With another compiler.
    pub const fn with(self, toolchain: Option<&'a Toolchain>) -> Self {
        Self { toolchain, ..self }
    }

    /// Lets cargo add to Cargo.lock what another revision of the systems needs.
    pub const fn unlocked(self) -> Self {
        Self { locked: false, ..self }
    }

    /// Builds it; tells whether that went well. What cargo says goes to stderr.
    pub fn build(self) -> Result<bool> {
        self.cargo(&["--no-run"]).map(|status| status.success())
    }

    /// Measures these kernels, or all if none is named. What the bench prints goes to stderr.
    /// What an earlier run left is gone first: a run that measures nothing leaves nothing.
    pub fn run(self, kernels: &[String]) -> Result<()> {
        let manifest = self.project.place().manifest();
        match fs::remove_file(&manifest) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Refusal::file(&manifest, &error));
            }
            _ => {}
        }
        let mut arguments = vec!["--"];
        if !kernels.is_empty() {
            arguments.push("--exact");
            arguments.extend(kernels.iter().map(String::as_str));
        }
        let status = self.cargo(&arguments)?;
        if status.success() {
            return Ok(());
        }
        let root = self.project.root().display();
        Err(Refusal::new(format!(
            "`cargo bench --bench instructions` in `{root}` failed ({status}): see above"
        )))
    }

    /// The same, and reads what was left.
    pub fn measure(self, kernels: &[String]) -> Result<Measurement> {
        self.run(kernels)?;
        self.project.measurement()
    }

    fn cargo(self, arguments: &[&str]) -> Result<ExitStatus> {
        let failed = |error: io::Error| Refusal::new(format!("cargo cannot be run: {error}"));
        let mut command = Command::new("cargo");
        command.args(["bench", "--bench", "instructions", "--target-dir"]).arg(self.target);
        if self.locked {
            command.arg("--locked");
        }
        // It is started by name, so that rustup finds the toolchain of the folder, or the one that is asked for.
        command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO_TARGET_DIR");
        // An incremental build is another program: its counts differ by up to a quarter.
        command.env("CARGO_INCREMENTAL", "0");
        if let Some(Toolchain(name)) = self.toolchain {
            command.env("RUSTUP_TOOLCHAIN", name);
        }
        command.args(arguments).current_dir(self.project.root()).stdin(Stdio::null());
        command.stdout(our_stderr().map_err(failed)?).status().map_err(failed)
    }
}

/// Our own stdout is for the result.
#[cfg(unix)]
fn our_stderr() -> io::Result<Stdio> {
    use std::os::fd::AsFd;
    Ok(io::stderr().as_fd().try_clone_to_owned()?.into())
}

#[cfg(not(unix))]
fn our_stderr() -> io::Result<Stdio> {
    Ok(Stdio::null())
}
