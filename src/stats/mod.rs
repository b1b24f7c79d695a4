//! Pure mathematics: numbers in, numbers out.
//!
//! How two systems are compared, and why so, is decided by what held in A/A trials: one value per round,
//! `ln(q25(B) / q25(A))`, over fresh instances; from those values the [`RatioEstimate`].

mod fit;
mod median;
#[cfg(test)]
mod noise;
mod normal;
mod power_law;
mod proportion;
mod quantile;
mod ratio;
mod signed_rank;
mod student;
mod usl;

pub use fit::NoFit;
pub use median::median_interval;
pub use normal::{normal_quantile, rounds_needed, sd_upper_bound};
pub use power_law::PowerLaw;
pub use proportion::wilson_interval;
pub use quantile::{lower_quartile, median, quantile, quantile_is_supported};
pub use ratio::{Interval, RatioError, RatioEstimate};
pub use signed_rank::signed_rank_p;
pub use usl::{Peak, Usl, UslFit};
