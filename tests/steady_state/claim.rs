use crucible_events::routing::{Imbalance, Ledger};

use crate::origin::Origin;
use crate::run::{Counted, Failed, Live};

/// Not as it is claimed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error(transparent)]
    Run(#[from] Failed),
    #[error("the heap is not flat: {} blocks, {} bytes before the run; after {percent} % of it {} and {}",
        .before.blocks, .before.bytes, .then.blocks, .then.bytes)]
    NotFlat { before: Live, percent: usize, then: Live },
    #[error("{} blocks, {} bytes are left when the system is gone", .0.blocks, .0.bytes)]
    Left(Live),
    #[error(transparent)]
    Imbalance(#[from] Imbalance),
    #[error("{owed} deliveries to be accepted and acknowledged, but {ledger:?}")]
    Ledger { owed: u64, ledger: Ledger },
    #[error("{blocks} blocks in {passes} passes, but per pass {} are explained: {explained:?}", sum(.explained))]
    Unexplained { blocks: u64, passes: u64, explained: Vec<Origin> },
    #[error("with {few} deliveries per pass {with_few} blocks, with {many} {with_many}")]
    PerDelivery { few: u64, with_few: u64, many: u64, with_many: u64 },
}

impl Counted {
    /// One thread: no tolerance.
    pub(crate) fn check_flat(&self) -> Result<(), Broken> {
        let before = self.live[0];
        match self.live.iter().position(|&then| then != before) {
            Some(tenth) => Err(Broken::NotFlat { before, percent: tenth * 10, then: self.live[tenth] }),
            None if self.left != Live::default() => Err(Broken::Left(self.left)),
            None => Ok(()),
        }
    }

    /// Every delivery that is owed was accepted and acknowledged.
    pub(crate) fn check_ledger(&self) -> Result<(), Broken> {
        let (ledger, owed) = (self.ledger, self.owed);
        ledger.check()?;
        if ledger == (Ledger { accepted: owed, acknowledged: owed, ..Ledger::default() }) {
            Ok(())
        } else {
            Err(Broken::Ledger { owed, ledger })
        }
    }

    /// What is explained is all there is.
    pub(crate) fn check_explained(&self, explained: Vec<Origin>) -> Result<(), Broken> {
        if self.blocks == self.passes * sum(&explained) {
            Ok(())
        } else {
            Err(Broken::Unexplained { blocks: self.blocks, passes: self.passes, explained })
        }
    }

    /// Blocks per pass beyond what is explained, if that leaves as many for every pass.
    pub(crate) fn rest(&self, explained: &[Origin]) -> Option<u64> {
        let rest = self.blocks.checked_sub(self.passes * sum(explained))?;
        rest.is_multiple_of(self.passes).then_some(rest / self.passes)
    }
}

fn sum(origins: &[Origin]) -> u64 {
    origins.iter().map(|origin| origin.blocks).sum()
}
