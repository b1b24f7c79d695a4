//! Performance-testing suite for event routing.
