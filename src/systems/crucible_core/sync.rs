//! What threads meet in. Under `--cfg crucible_loom` it is loom's, which tries all ways in which they may.

#[cfg(not(crucible_loom))]
pub(crate) use parking_lot::{Mutex, MutexGuard};
#[cfg(not(crucible_loom))]
pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

#[cfg(crucible_loom)]
pub(crate) use loom::sync::{
    MutexGuard,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// Loom's, with the face of `parking_lot`'s.
#[cfg(crucible_loom)]
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

#[cfg(crucible_loom)]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("nothing panics while it holds this lock")
    }
}
