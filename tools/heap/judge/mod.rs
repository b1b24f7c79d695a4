//! The second room: sums, rankings and comparisons of what was read. Nothing is read or written here.

mod callers;
mod diff;
mod leaks;
mod limits;
mod source;
mod status;
mod summary;

pub use callers::Caller;
pub use diff::{Change, Diff, Kind, diff, difference};
pub use leaks::{Leaks, Live, leaks};
pub use limits::{Check, Held, check};
pub use source::Source;
pub use status::Status;
pub use summary::{Rank, RankedSite, Ranking, Summary, summary};

use crucible_profiles::dhat::{Amount, Figures};

use crate::args::By;

/// Of all figures, those that are asked for.
pub fn amount(by: By, figures: &Figures) -> Amount {
    match by {
        By::Total => figures.total,
        By::Peak => figures.peak,
        By::End => figures.end,
    }
}

/// Of a whole that may be zero.
pub fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}
