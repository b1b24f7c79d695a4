use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// How many entries one structure of a system holds at this moment. Gauges name who holds, where a heap profile names
/// who allocated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gauge {
    /// The structure, in words; each of a system has its own.
    pub structure: Cow<'static, str>,
    /// Its entries.
    pub len: u64,
    /// When they go.
    pub holds: Holds,
}

/// What the entries of a structure are, and so when they have to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Events and deliveries on their way, and who waits for them: nothing at a quiet moment.
    Passing,
    /// What is kept beyond that: at most so many, quiet or not.
    Kept {
        /// The bound.
        most: u64,
    },
    /// Services, groups, rules and what is made of them: as many as these need, however many events come.
    Registered,
}

impl Gauge {
    /// Of a structure that is empty when all is quiet.
    pub fn passing(structure: impl Into<Cow<'static, str>>, len: usize) -> Self {
        Self { structure: structure.into(), len: len as u64, holds: Holds::Passing }
    }

    /// Of a structure that keeps at most `most` entries.
    pub fn kept(structure: impl Into<Cow<'static, str>>, len: usize, most: usize) -> Self {
        Self { structure: structure.into(), len: len as u64, holds: Holds::Kept { most: most as u64 } }
    }

    /// Of a structure that grows with services, groups and rules.
    pub fn registered(structure: impl Into<Cow<'static, str>>, len: usize) -> Self {
        Self { structure: structure.into(), len: len as u64, holds: Holds::Registered }
    }
}
