//! Figures as people read them.

pub mod counts;
