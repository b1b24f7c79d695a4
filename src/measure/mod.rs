//! The instruments that a figure is read from.

pub mod instructions;
