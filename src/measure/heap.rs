//! What a program asks of the heap: blocks and bytes, in all, at this moment and at most. Counted exactly, by
//! [dhat](https://docs.rs/dhat)'s allocator, which also tells which lines ask.
//!
//! In a program of one's own it takes three lines:
//!
//! ```
//! use crucible_perf::measure::heap;
//!
//! #[global_allocator]
//! static HEAP: heap::Allocator = heap::ALLOCATOR;
//!
//! # fn main() -> Result<(), heap::HeapError> {
//! let tracking = heap::track()?;
//! let before = tracking.now();
//! let block = vec![1_u8; 1000];
//! let grown = tracking.now().since(&before);
//! assert_eq!((grown.blocks.live, grown.bytes.live), (1, 1000));
//! # drop(block);
//! # Ok(())
//! # }
//! ```
//!
//! While it counts, an allocation takes some microseconds, and its own memory is the process's: no time, CPU or
//! resident memory is taken meanwhile. [`profile`] writes what each line asked for, to be read with `cargo heap`.

use std::hint::black_box;
use std::path::Path;

use dhat::{HeapStats, Profiler};
use serde::{Deserialize, Serialize};

/// The allocator that counts. Idle, it passes on to the system's.
pub type Allocator = dhat::Alloc;

/// To be named as the program's allocator.
pub const ALLOCATOR: Allocator = dhat::Alloc;

/// Why nothing can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeapError {
    /// The program has another allocator.
    #[error(
        "this program's allocator counts nothing; name it: #[global_allocator] static HEAP: heap::Allocator = heap::ALLOCATOR;"
    )]
    OtherAllocator,
}

/// Blocks, or bytes, since counting began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Amount {
    /// Asked for. A block that grows counts as one more, of its new size.
    pub allocated: u64,
    /// Not given back yet.
    pub live: u64,
    /// When most bytes were live.
    pub peak: u64,
}

impl Amount {
    /// Given back.
    pub const fn freed(&self) -> u64 {
        self.allocated.saturating_sub(self.live)
    }
}

/// The heap at one moment. What was allocated before counting began is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heap {
    /// How many blocks.
    pub blocks: Amount,
    /// How many bytes they have.
    pub bytes: Amount,
}

impl Heap {
    /// What was asked for since `earlier`, and by how much more is live; none is less than zero. Peaks stay as they are:
    /// they are those of the whole time.
    pub const fn since(&self, earlier: &Self) -> Self {
        const fn since(now: &Amount, earlier: &Amount) -> Amount {
            Amount {
                allocated: now.allocated.saturating_sub(earlier.allocated),
                live: now.live.saturating_sub(earlier.live),
                peak: now.peak,
            }
        }
        Self { blocks: since(&self.blocks, &earlier.blocks), bytes: since(&self.bytes, &earlier.bytes) }
    }
}

impl From<HeapStats> for Heap {
    fn from(stats: HeapStats) -> Self {
        let amount = |allocated, live, peak| Amount { allocated, live: live as u64, peak: peak as u64 };
        Self {
            blocks: amount(stats.total_blocks, stats.curr_blocks, stats.max_blocks),
            bytes: amount(stats.total_bytes, stats.curr_bytes, stats.max_bytes),
        }
    }
}

/// Counts until it is dropped. One at a time per process.
#[derive(Debug)]
pub struct Tracking {
    /// It counts as long as it is there.
    _profiler: Profiler,
}

impl Tracking {
    /// The heap as it is.
    pub fn now(&self) -> Heap {
        HeapStats::get().into()
    }

    fn by(profiler: Profiler) -> Result<Self, HeapError> {
        let tracking = Self { _profiler: profiler };
        let before = tracking.now();
        drop(black_box(Box::new(0_u8)));
        if tracking.now() == before { Err(HeapError::OtherAllocator) } else { Ok(tracking) }
    }
}

/// Begins to count, and only that: nobody looks at who asks.
///
/// # Errors
/// If the program's allocator is not [`Allocator`].
///
/// # Panics
/// If this process counts already.
pub fn track() -> Result<Tracking, HeapError> {
    // The fewer frames the sooner an allocation is done; 4 is the least.
    Tracking::by(Profiler::builder().testing().trim_backtraces(Some(4)).build())
}

/// Begins to count, and to write down who asks; `file` is written when the result is dropped. Stacks have up to `frames`
/// frames: those of asynchronous code are deep.
///
/// # Errors
/// If the program's allocator is not [`Allocator`].
///
/// # Panics
/// If this process counts already.
pub fn profile(file: &Path, frames: usize) -> Result<Tracking, HeapError> {
    Tracking::by(Profiler::builder().file_name(file).trim_backtraces(Some(frames)).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_another_allocator_is_told_what_to_write() {
        let error = track().map(drop).expect_err("the tests' allocator is the system's");
        assert!(error.to_string().contains("#[global_allocator]"), "{error}");
    }

    #[test]
    fn what_is_freed_is_what_was_asked_for_and_is_not_live() {
        let amount = Amount { allocated: 10, live: 3, peak: 7 };
        assert_eq!(amount.freed(), 7);
        let earlier = Heap { blocks: Amount { allocated: 4, live: 5, peak: 5 }, bytes: Amount::default() };
        let now = Heap { blocks: amount, bytes: Amount::default() };
        assert_eq!(now.since(&earlier).blocks, Amount { allocated: 6, live: 0, peak: 7 });
    }
}
