//! Faults in whole systems: what was injected is what they account for, and who vanished is passed over
//! until it comes back.

mod absences;
mod accounts;
mod scene;
