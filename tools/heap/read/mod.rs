//! The first room: a profile, and whose its frames are. Nothing is judged here.

mod open;
mod owner;
mod place;
mod progress;
mod sites;

pub use open::open;
pub use place::Place;
pub use sites::{Site, Sites};
