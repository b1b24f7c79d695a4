//! Services that fail on request: they error, stall, hang, slow down, panic, or vanish and come back.
//!
//! ```text
//!  FaultPlan ──check──► Faults ──of(service, handler)──► Faulty   around any handler
//!  what · how often        │                               │ a service is to vanish
//!  which · when            ▼                               ▼
//!                       Injected                        Absences  unregisters it, registers it again
//!                       what was done, counted
//! ```
//!
//! A [`FaultPlan`] is data. Whether a fault strikes a delivery depends on its seed and on that delivery
//! alone: service, event, attempt, and the moment at which the handler gets it. Neither the order of
//! deliveries nor their division into batches changes anything, so a run can be repeated, and
//! [`ServiceFaults::strikes`] foretells what a run will do. Moments are those of tokio's clock: where
//! that is paused, all of this takes no time.
//!
//! ```
//! use std::time::Duration;
//! use crucible_faults::{Fault, FaultKind, FaultPlan};
//!
//! let seconds = Duration::from_secs;
//! let plan = FaultPlan {
//!     seed: 42,
//!     faults: vec![
//!         Fault::new(FaultKind::Hang, 1.0).of(["search"]).between(seconds(2), seconds(4)),
//!         Fault::new(FaultKind::Error, 0.05),
//!     ],
//! };
//! plan.check()?;
//! assert_eq!(
//!     plan.to_string(),
//!     "seed 42: hang, 100 % of deliveries to `search`, from 2s to 4s; error, 5 % of deliveries"
//! );
//! # Ok::<(), crucible_faults::InvalidPlan>(())
//! ```

mod absences;
mod check;
mod draw;
mod faults;
mod faulty;
mod injected;
mod plan;
mod service;
mod toll;

pub use absences::Absences;
pub use check::InvalidPlan;
pub use faults::Faults;
pub use faulty::Faulty;
pub use injected::Injected;
pub use plan::{Fault, FaultKind, FaultPlan};
pub use service::ServiceFaults;
