//! Events, the contract of an event system, and what holds a system to it.
pub mod event;
