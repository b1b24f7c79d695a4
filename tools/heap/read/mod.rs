//! The first room: a profile, read with its progress shown. Nothing is judged here.

mod open;
mod progress;

pub use open::open;
