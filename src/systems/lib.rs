//! Events, the contract of an event system, what holds a system to it, and the systems.
//!
//! An [`event`] is something that happened: a kind, a priority, a source, a payload. [`routing`] says what it means to bring
//! events to services: which rules count, who is a target, what publishing answers, where every accepted delivery has to be
//! accounted for. That contract is one trait, [`EventSystem`](routing::EventSystem); three things hold an implementation to it:
//!
//! - the [`Oracle`](routing::Oracle), the plain meaning of rules, which tells who gets what and delivers nothing;
//! - the [`conformance`](routing::conformance) suite, which puts any system through its promises and reports each;
//! - the [`simulation`](routing::simulation), which does to it by thousands of seeds what time and mishap can do.
//!
//! ```text
//!  event ──► routing: contract · oracle · conformance · simulation
//!               ▲               ▲               ▲
//!        data_coordinator  crucible_core    reference      …and yours
//! ```
//!
//! - [`data_coordinator`]: the old way. One loop over locked registries, targets served one after the other.
//! - [`crucible_core`]: the centralized daemon. Compiled rules, shared events, a bounded mailbox and a task for each service.
//! - [`reference`](mod@reference): what handing over costs when the targets are known; a measure to hold the others against.
//!
//! Nothing here measures anything: that is the suite's part, which depends on this crate and never the other way round.
pub mod crucible_core;
pub mod data_coordinator;
pub mod event;
pub mod reference;
pub mod routing;
