use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crucible_profiles::dhat::{Amount, Place, Profile, Sites};
use crucible_profiles::{Refusal, Result};
use inferno::flamegraph::color::{BasicPalette, MultiPalette, Palette};
use inferno::flamegraph::{self, Options};
use serde::Serialize;

use super::sites;
use crate::args::By;
use crate::judge::{Source, amount};

/// A flame graph that was written.
#[derive(Debug, Clone, Serialize)]
pub struct Flame {
    /// Of what.
    pub source: Source,
    /// What widths stand for.
    pub by: By,
    /// All of it.
    pub amount: Amount,
    /// The file.
    pub output: String,
}

/// What is narrower than this share of the whole is not drawn: half a pixel of the graph's 1,200.
const SHARE_DRAWN: u64 = 2400;

/// Draws all stacks without the allocator's own calls, whoever wrote the rest.
pub fn flame(path: &Path, own: &[String], output: &Path, by: Option<By>) -> Result<Flame> {
    let (source, sites) = sites(path, own)?;
    let by = by.unwrap_or(if source.has_lifetimes { By::Peak } else { By::Total });
    if by != By::Total {
        source.require_lifetimes()?;
    }
    let whole = amount(by, &sites.sum());
    if whole.bytes == 0 {
        return Err(Refusal::new(format!(
            "`{}`: there is nothing to draw: it has no {} {}; see --by",
            source.file,
            source.byte_unit,
            by.phrase()
        )));
    }
    let lines = Folded::of(&sites, by, whole.bytes / SHARE_DRAWN);
    let mut options = Options::default();
    options.title = format!("{} {}", source.byte_unit, by.phrase());
    options.subtitle = Some(source.command.clone()).filter(|command| !command.is_empty());
    options.count_name.clone_from(&source.byte_unit);
    options.name_type = "Function:".to_owned();
    options.deterministic = true;
    // Rust's own libraries have a colour of their own; frames of other programs do not tell whose they are.
    options.colors = if source.mode.starts_with("rust") {
        Palette::Multi(MultiPalette::Rust)
    } else {
        Palette::Basic(BasicPalette::Mem)
    };
    write(output, |file| {
        flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), file).map_err(io::Error::other)
    })?;
    Ok(Flame { source, by, amount: whole, output: output.display().to_string() })
}

/// Whole or not at all, readable by whom the user's other files are.
fn write(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = || -> io::Result<()> {
        let mut buffer = Vec::new();
        content(&mut buffer)?;
        // A temporary file is its owner's alone; a file of the ordinary kind tells what is usual here.
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(&buffer)?;
        file.persist(path)?;
        Ok(())
    };
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Refusal::new(format!("`{}` is a folder; name a file in it", path.display())));
    }
    written().map_err(|error| Refusal::file(path, &error))
}

/// Lines as flame graphs are made of: who called, the outermost first, and how much.
struct Folded<'a> {
    profile: &'a Profile,
    least: u64,
    lines: Vec<String>,
}

/// A stack, the allocating function first, and its bytes.
type Weighed<'a> = (&'a [u32], u64);

impl Folded<'_> {
    /// Stacks of less than `least` bytes are their callers'.
    fn of(sites: &Sites, by: By, least: u64) -> Vec<String> {
        let profile = sites.profile();
        let stacks = profile.stacks().map(|(figures, calls)| {
            let calls = &calls[sites.after_allocator(calls).min(calls.len().saturating_sub(1))..];
            (calls, amount(by, figures).bytes)
        });
        let mut stacks: Vec<Weighed<'_>> = stacks.filter(|&(_, bytes)| bytes > 0).collect();
        stacks.sort_by(|a, b| a.0.iter().rev().cmp(b.0.iter().rev()));
        let mut folded = Folded { profile, least, lines: Vec::new() };
        folded.add(&stacks, 0, &mut String::new());
        folded.lines
    }

    /// All `stacks` have the same `depth` outermost calls, which are told in `line`.
    fn add(&mut self, stacks: &[Weighed<'_>], depth: usize, line: &mut String) {
        let mut own = 0_u64;
        for group in stacks.chunk_by(|a, b| caller(a, depth) == caller(b, depth)) {
            let bytes = group.iter().fold(0_u64, |sum, &(_, bytes)| sum.saturating_add(bytes));
            match caller(&group[0], depth) {
                Some(call) if bytes >= self.least => {
                    let length = line.len();
                    self.push(line, call);
                    self.add(group, depth + 1, line);
                    line.truncate(length);
                }
                _ => own = own.saturating_add(bytes),
            }
        }
        if own > 0 {
            let stack = if line.is_empty() { "(no stack)" } else { line };
            self.lines.push(format!("{stack} {own}"));
        }
    }

    fn push(&self, line: &mut String, call: u32) {
        if !line.is_empty() {
            line.push(';');
        }
        let place = Place::of(&self.profile.frame(call));
        let name = if place.function == "???" { place.short_function() } else { place.function };
        // Of one line, and `;` parts calls.
        line.extend(
            name.chars().map(|letter| if letter == ';' || letter.is_control() { ',' } else { letter }),
        );
    }
}

fn caller(stack: &Weighed<'_>, depth: usize) -> Option<u32> {
    stack.0.iter().rev().nth(depth).copied()
}
