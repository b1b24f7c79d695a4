//! What holds of every input, whoever it comes from. `cargo fuzz` searches for one of which it does not hold, and the test
//! `fuzzed` does the same without libFuzzer: this folder is the library of the fuzz targets and a module of that test.
//!
//! - [`decode`]: bytes are an event or an error.
//! - [`validate`]: the limits of events are those that their documentation tells.
//! - [`rules`]: rules read from JSON, compiled, send an event where their plain meaning does.
//! - [`configuration`]: a text is a configuration that works or an error.
//!
//! Each has one function `check` that takes bytes and panics when something does not hold. [`made`] makes events and rules of
//! bytes, [`bounded`] counts what is allocated meanwhile.

pub mod bounded;
pub mod configuration;
pub mod decode;
pub mod made;
pub mod rules;
pub mod validate;
