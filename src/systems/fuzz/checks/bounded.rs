//! No input makes the library allocate more than the input's own size accounts for: not even where it holds a large number.

use std::alloc::System;
use std::sync::atomic::{AtomicUsize, Ordering};

use cap::Cap;

/// A process that needs more at once ends with `memory allocation of … bytes failed`. Inputs are of a few KiB and
/// checks were seen to need a quarter of a MiB; but a failed one prints its stack, and reading debug information takes tens.
const AT_ONCE: usize = 256 << 20;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, AT_ONCE);

static TOLERATED: AtomicUsize = AtomicUsize::new(0);

/// From now on so many bytes more are let pass each time: other threads may allocate meanwhile.
pub fn tolerate(bytes: usize) {
    TOLERATED.store(bytes, Ordering::Relaxed);
}

/// Does `work` and returns what it returns.
///
/// # Panics
/// If it allocates more than `budget` bytes in all, those given back in between included.
pub fn within<T>(budget: usize, work: impl FnOnce() -> T) -> T {
    let (done, spent) = spent(work);
    assert!(spent <= budget, "{spent} bytes allocated where {budget} are accounted for");
    done
}

/// Does `work` and tells how many bytes it allocated in all, less what is tolerated.
pub fn spent<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATOR.total_allocated();
    let done = work();
    let spent = ALLOCATOR.total_allocated() - before;
    (done, spent.saturating_sub(TOLERATED.load(Ordering::Relaxed)))
}
