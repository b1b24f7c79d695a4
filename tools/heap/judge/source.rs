use std::path::Path;

use serde::Serialize;

use crucible_profiles::dhat::Sites;
use crucible_profiles::{Refusal, Result};

/// What a profile is of, and how well it can be told.
#[derive(Debug, Clone, Serialize)]
pub struct Source {
    /// The profile.
    pub file: String,
    /// The command that was run.
    pub command: String,
    /// `heap`, `ad-hoc` or `copy` by valgrind, `rust-heap` or `rust-ad-hoc` by the crate dhat.
    pub mode: String,
    /// Its process.
    pub pid: u64,
    /// What bytes are called.
    pub byte_unit: String,
    /// What blocks are called.
    pub block_unit: String,
    /// What times are counted in.
    pub time_unit: String,
    /// How long the recording went on.
    pub end_time: u64,
    /// When the program held most.
    pub peak_time: Option<u64>,
    /// Whether it is known how long blocks lived.
    pub has_lifetimes: bool,
    /// What a reader should know before believing the rest.
    pub warnings: Vec<String>,
}

impl Source {
    pub fn of(path: &Path, sites: &Sites) -> Self {
        let header = sites.header();
        let (nameless, frames) = sites.nameless();
        let warning = format!(
            "{nameless} of {frames} different frames have no name and are shown by their program or library: build it with \
             `debug = 1` and `strip = false`, or install its debug information"
        );
        Self {
            file: path.display().to_string(),
            command: header.command.clone(),
            mode: header.mode.clone(),
            pid: header.pid,
            byte_unit: header.byte_unit.clone().unwrap_or_else(|| "bytes".to_owned()),
            block_unit: header.block_unit.clone().unwrap_or_else(|| "blocks".to_owned()),
            time_unit: header.time_unit.clone(),
            end_time: header.end_time,
            peak_time: header.peak_time,
            has_lifetimes: header.has_lifetimes,
            warnings: if nameless == 0 { Vec::new() } else { vec![warning] },
        }
    }

    /// Why peak, end and what is short-lived cannot be told.
    pub fn not_measured(&self) -> Option<String> {
        let why = format!("peak, end and short-lived: in mode `{}` no lifetimes are recorded", self.mode);
        (!self.has_lifetimes).then_some(why)
    }

    /// Refuses a profile that does not tell what lived when.
    pub fn require_lifetimes(&self) -> Result<()> {
        match self.not_measured() {
            Some(why) => Err(Refusal::new(format!("`{}`: not measured: {why}", self.file))),
            None => Ok(()),
        }
    }
}
