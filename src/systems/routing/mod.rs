//! What routing means: the contract [`EventSystem`], and what holds a system to it.
//!
//! - Targets are services (each gets the event) or groups (one member gets it). A service gets an
//!   event once, however many rules name it. Explicit targets on an event replace the rules.
//! - All matching rules count, highest priority first, those of equal priority in the order in which
//!   they were added; a matching rule marked `last` ends the search.
//! - An event is routed by the services, groups and rules in force when it is published. A rule or
//!   group may outlive a service that it names: what is not registered is passed over, and counts
//!   again when it is registered again.
//! - No match: accepted, zero deliveries. Malformed, or an explicit target that is not known: refused.
//!   Same id as one accepted within the window: a duplicate, delivered to nobody, and no round advances.
//! - A delivery is begun at its scheduled moment, and not later than the event's time-out after it was
//!   accepted or due; else it has expired. A handler that fails, panics or exceeds its time-out has failed the
//!   delivery: it is tried again after a wait, as often as the event says, then it is a dead letter.
//!   (Where that is offered; see [`Capability`] and [`Terms`].)

mod budget;
mod capability;
pub mod chance;
pub mod conformance;
mod contract;
mod dead_letter;
mod error;
mod filter;
mod gauge;
mod handler;
mod ledger;
mod moment;
mod oracle;
mod parcel;
mod policy;
mod publication;
mod receiving;
mod rule;
mod service;
pub mod simulation;
mod single;
mod statistics;

pub(crate) use budget::{Budget, Claim, Claims};
pub use capability::{Capabilities, Capability};
pub use contract::EventSystem;
pub use dead_letter::{DeadLetter, DeathCause, LetterId};
pub use error::SystemError;
pub use filter::{Filter, InvalidFilter, Lens};
pub use gauge::{Gauge, Holds};
pub use handler::{Batch, BatchOutcome, BoxFuture, DynHandler, Failure, Handler};
pub use ledger::{Imbalance, Ledger};
pub use moment::Moment;
pub use oracle::{Oracle, State};
pub(crate) use parcel::Bits;
pub use parcel::{Envelope, Parcel};
pub use policy::{BreakerPolicy, RetryPolicy, Terms, WindowPolicy};
pub use publication::{OnFull, Publication, Refusal};
pub use receiving::{Expected, Recorder, ServiceKey, Tally};
pub use rule::{InvalidRule, Rule};
pub use service::{GroupSpec, Member, ServiceSpec, Strategy};
pub use single::Single;
pub use statistics::{Health, ServiceStatistics, Statistics};
