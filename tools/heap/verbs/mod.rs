//! One file for each verb: what is read, how it is judged, what is left to render.

mod flame;

use std::num::NonZeroU64;
use std::path::Path;

pub use flame::{Flame, flame};

use crate::args::{By, Limits};
use crate::judge::{self, Check, Diff, Leaks, Source, Summary};
use crate::read;
use crucible_profiles::dhat::Sites;
use crucible_profiles::{Refusal, Result};

fn sites(path: &Path, own: &[String]) -> Result<(Source, Sites)> {
    let sites = Sites::new(read::open(path)?, own).map_err(|why| Refusal::new(format!("--own: {why}")))?;
    Ok((Source::of(path, &sites), sites))
}

/// Totals, and the `top` largest sites.
pub fn summary(path: &Path, own: &[String], top: usize, tree: bool) -> Result<Summary> {
    let (source, sites) = sites(path, own)?;
    Ok(judge::summary(source, &sites, top, tree))
}

/// What was left at the end.
pub fn leaks(path: &Path, own: &[String], top: usize) -> Result<Leaks> {
    let (source, sites) = sites(path, own)?;
    source.require_lifetimes()?;
    Ok(judge::leaks(source, &sites, top))
}

/// The profile against limits, without what is allowed.
pub fn check(path: &Path, own: &[String], limits: &Limits, allow: &[String]) -> Result<Check> {
    let (source, sites) = sites(path, own)?;
    judge::check(source, &sites, limits, allow)
}

/// What differs between two profiles of one mode.
pub fn diff(
    [old, new]: [&Path; 2],
    own: &[String],
    by: Option<By>,
    events: Option<NonZeroU64>,
    top: usize,
) -> Result<Diff> {
    let ((old, old_sites), (new, new_sites)) = (sites(old, own)?, sites(new, own)?);
    if old.mode != new.mode {
        return Err(Refusal::new(format!(
            "`{}` is of mode `{}`, `{}` of mode `{}`: they name frames differently and cannot be compared",
            old.file, old.mode, new.file, new.mode
        )));
    }
    let by = by.unwrap_or(if old.has_lifetimes && new.has_lifetimes { By::End } else { By::Total });
    if by != By::Total {
        old.require_lifetimes()?;
        new.require_lifetimes()?;
    }
    Ok(judge::diff([old, new], [&old_sites, &new_sites], by, events, top))
}
