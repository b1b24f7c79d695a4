//! Events, the contract of an event system, what holds a system to it, and the systems.
pub mod crucible_core;
pub mod data_coordinator;
pub mod event;
pub mod reference;
pub mod routing;
