//! Heap profiles in dhat's format, version 2, as valgrind's DHAT and the crate `dhat` write them.
//!
//! Source: `dhat/dh_main.c` of valgrind and `dhat::Profiler` of the crate. The file is read as a stream into one list of
//! frames and one of stacks; no tree of it is ever held, so hundreds of megabytes fit.

mod frames;
mod owner;
mod place;
mod point;
mod read;
mod seen;
mod sites;

use std::fs::File;
use std::io::Read;
use std::ops::{AddAssign, Range};
use std::path::Path;

use serde::Serialize;

pub use frames::Frame;
use frames::Frames;
pub use place::Place;
pub use sites::{Site, Sites};

use crate::ProfileError;

/// Bytes and blocks. In the modes `ad-hoc` these are units and events, in mode `copy` bytes and calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Amount {
    /// Sizes together.
    pub bytes: u64,
    /// How many.
    pub blocks: u64,
}

/// What was allocated with one stack of calls. Times are in the profile's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// All that ever was.
    pub total: Amount,
    /// What lived when the program as a whole held most. Zero if lifetimes were not recorded.
    pub peak: Amount,
    /// What lived at the end. Zero if lifetimes were not recorded.
    pub end: Amount,
    /// How long all blocks lived, together. Zero if lifetimes were not recorded.
    pub lifetimes: u64,
}

/// What a profile says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// `heap`, `ad-hoc` or `copy` by valgrind, `rust-heap` or `rust-ad-hoc` by the crate dhat.
    pub mode: String,
    /// The command that was run.
    pub command: String,
    /// Its process.
    pub pid: u64,
    /// Whether peak, end and lifetimes were recorded.
    pub has_lifetimes: bool,
    /// The unit of times, such as `µs` or `instrs`.
    pub time_unit: String,
    /// Blocks that live no longer on average are short-lived by the writer's own measure.
    pub short_lived: Option<u64>,
    /// When the recording ended.
    pub end_time: u64,
    /// When the program held most.
    pub peak_time: Option<u64>,
    /// What bytes are called, if they are none.
    pub byte_unit: Option<String>,
    /// What blocks are called, if they are none.
    pub block_unit: Option<String>,
}

/// A whole profile. Addresses are stripped from it, and equal stacks are one.
#[derive(Debug, Default)]
pub struct Profile {
    /// What it says about itself.
    pub header: Header,
    stacks: Vec<Stack>,
    /// Frames of all stacks, one stack after the other.
    calls: Vec<u32>,
    frames: Frames,
}

#[derive(Debug, Clone)]
struct Stack {
    figures: Figures,
    calls: Range<usize>,
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// If the file cannot be read, is no profile of version 2, ends early, or has no stacks.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let file = File::open(path).map_err(|source| ProfileError::file(path, source))?;
        Self::from_reader(file).map_err(|what| ProfileError::content(path, what))
    }

    /// Reads a profile from wherever it comes; the reader need not be buffered.
    ///
    /// # Errors
    /// What is wrong with it: it cannot be read, is no profile of version 2, ends early, or has no stacks.
    pub fn from_reader(reader: impl Read) -> Result<Self, String> {
        read::read(reader)
    }

    /// Each different stack with its figures, the allocating function first. The numbers are those of frames.
    pub fn stacks(&self) -> impl ExactSizeIterator<Item = (&Figures, &[u32])> {
        self.stacks.iter().map(|stack| (&stack.figures, &self.calls[stack.calls.clone()]))
    }

    /// The figures of all stacks together.
    pub fn sum(&self) -> Figures {
        let mut sum = Figures::default();
        self.stacks.iter().for_each(|stack| sum += stack.figures);
        sum
    }

    /// How many different frames there are: their numbers are below.
    pub fn frame_count(&self) -> usize {
        self.frames.len()
    }

    /// A frame by the number that stacks have for it.
    pub fn frame(&self, number: u32) -> Frame<'_> {
        self.frames.get(number)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.blocks = self.blocks.saturating_add(other.blocks);
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.total += other.total;
        self.peak += other.peak;
        self.end += other.end;
        self.lifetimes = self.lifetimes.saturating_add(other.lifetimes);
    }
}
