//! One file for each verb: what is read, how it is judged, what is left to render.

mod accept;
mod against;
mod check;
mod costs;
mod explain;
mod list;

pub use accept::{Acceptance, Wish, accept};
pub use against::against;
pub use check::check;
pub use explain::explain;
pub use list::{Listing, list};

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::read::Baseline;
use crucible_profiles::{Refusal, Result};

/// The day, UTC: a waiver ends everywhere at once.
fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

fn baseline(path: &Path) -> Result<Baseline> {
    Baseline::read(path)?.ok_or_else(|| {
        Refusal::new(format!(
            "there is no `{}`; begin one: cargo regress accept --reason \"first counts\"",
            path.display()
        ))
    })
}

/// Names that are none of `known`: which, and what may have been meant.
fn refuse_unknown(names: &[String], known: &BTreeSet<&str>) -> Result<()> {
    let Some(name) = names.iter().find(|name| !known.contains(&name[..])) else { return Ok(()) };
    let near: Vec<_> = known
        .iter()
        .filter(|known| known.contains(&name[..]))
        .take(3)
        .map(|known| format!("`{known}`"))
        .collect();
    let hint = if near.is_empty() {
        "cargo regress list shows all".to_owned()
    } else {
        format!("try {}", near.join(", "))
    };
    Err(Refusal::new(format!("no kernel `{name}`; {hint}")))
}
