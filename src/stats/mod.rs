//! Pure mathematics: numbers in, numbers out.
//!
//! How two systems are compared, and why so, is decided by what held in A/A trials: one value per round,
//! `ln(q25(B) / q25(A))`, over fresh instances; from those values the [`RatioEstimate`].

mod quantile;
mod ratio;
mod signed_rank;

pub use quantile::{lower_quartile, median, quantile, quantile_is_supported};
pub use ratio::{Interval, RatioError, RatioEstimate};
pub use signed_rank::signed_rank_p;
