//! `load_testing`: the systems under the same open load, one after the other, each in a process of its own.

mod args;
mod figure;
mod known_answers;
mod plan;

pub use args::{LoadArgs, WrongArguments};
pub use figure::{Figure, Settings, figures};
pub use known_answers::Known;
pub use plan::{Callbacks, Live, Plan, Status};
