use std::ops::ControlFlow;
use std::time::Duration;

use super::{ProcessError, SystemProcess};
use crate::experiment::worker::{Reply, Request};
use crate::experiment::{
    Blocks, BlocksRun, ClosedLoop, ClosedRound, HeapCycles, HeapRun, HeapSample, Interval, LoadRun,
    OfferedLoad, OpenLoop, OpenRun, Trial, TrialRun,
};
use crate::load::LoadTestConfig;

impl SystemProcess {
    /// One closed-loop round.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn closed(&mut self, spec: &ClosedLoop) -> Result<ClosedRound, ProcessError> {
        match self.ask(&Request::Closed(*spec))? {
            Reply::Closed(round) => Ok(round),
            other => Err(self.unexpected(other)),
        }
    }

    /// Sets up a fresh instance for blocks.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn begin_blocks(&mut self, spec: &Blocks) -> Result<(), ProcessError> {
        match self.ask(&Request::Blocks(*spec))? {
            Reply::Ready => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    /// One block with it; what it took by the worker's own clock.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn block(&mut self) -> Result<Duration, ProcessError> {
        match self.ask(&Request::Block)? {
            Reply::Block(took) => Ok(took),
            other => Err(self.unexpected(other)),
        }
    }

    /// The last block is done: every delivery of all of them is checked.
    ///
    /// # Errors
    /// What was wrong: all blocks are void.
    pub fn end_blocks(&mut self) -> Result<BlocksRun, ProcessError> {
        match self.ask(&Request::EndBlocks)? {
            Reply::EndedBlocks(run) => Ok(run),
            other => Err(self.unexpected(other)),
        }
    }

    /// One run under offered load.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn open(&mut self, spec: &OpenLoop) -> Result<OpenRun, ProcessError> {
        match self.ask(&Request::Open(spec.clone()))? {
            Reply::Open(run) => Ok(run),
            other => Err(self.unexpected(other)),
        }
    }

    /// Sets up a fresh instance for trials.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn begin_trials(&mut self, load: &OfferedLoad) -> Result<(), ProcessError> {
        match self.ask(&Request::Trials(*load))? {
            Reply::Ready => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    /// One trial with it.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn trial(&mut self, trial: &Trial) -> Result<TrialRun, ProcessError> {
        match self.ask(&Request::Trial(trial.clone()))? {
            Reply::Trial(run) => Ok(*run),
            other => Err(self.unexpected(other)),
        }
    }

    /// The last trial is done: every delivery of all of them is checked.
    ///
    /// # Errors
    /// What was wrong: the figures of all trials are void.
    pub fn end_trials(&mut self) -> Result<(), ProcessError> {
        match self.ask(&Request::EndTrials)? {
            Reply::EndedTrials => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    /// Keeps a fresh instance busy until [`Self::relieve`]: as many events are published as are done.
    ///
    /// # Errors
    /// Why it is not.
    pub fn saturate(&mut self, load: &OfferedLoad) -> Result<(), ProcessError> {
        match self.ask(&Request::Saturate(*load))? {
            Reply::Ready => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    /// Deliveries of the instance that is kept busy, so far.
    ///
    /// # Errors
    /// It does not answer.
    pub fn deliveries(&mut self) -> Result<u64, ProcessError> {
        match self.ask(&Request::Count)? {
            Reply::Count(deliveries) => Ok(deliveries),
            other => Err(self.unexpected(other)),
        }
    }

    /// Ends [`Self::saturate`]: every delivery is checked.
    ///
    /// # Errors
    /// What was wrong: whatever was seen meanwhile is void.
    pub fn relieve(&mut self) -> Result<(), ProcessError> {
        match self.ask(&Request::Stop)? {
            Reply::EndedTrials => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    /// A load test; `watch` sees each second of it, and ends it when it says so: what was sent until then is served.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn load_test(
        &mut self,
        config: &LoadTestConfig,
        watch: &mut dyn FnMut(Interval) -> ControlFlow<()>,
    ) -> Result<LoadRun, ProcessError> {
        let mut reply = self.ask(&Request::LoadTest(Box::new(config.clone())))?;
        let mut stopped = false;
        loop {
            match reply {
                Reply::LoadTest(run) => return Ok(*run),
                Reply::Interval(interval) => {
                    if watch(*interval).is_break() && !stopped {
                        stopped = true;
                        let sent = self.send(&Request::Stop);
                        sent.map_err(|source| ProcessError::Answer { label: self.label.clone(), source })?;
                    }
                }
                other => return Err(self.unexpected(other)),
            }
            reply = self.next_reply()?;
        }
    }

    /// Cycles with the heap counted; `watch` sees each sample as it comes.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn heap(
        &mut self,
        spec: &HeapCycles,
        watch: &mut dyn FnMut(HeapSample),
    ) -> Result<HeapRun, ProcessError> {
        let mut reply = self.ask(&Request::Heap(spec.clone()))?;
        loop {
            match reply {
                Reply::Heap(run) => return Ok(run),
                Reply::Sample(sample) => watch(sample),
                other => return Err(self.unexpected(other)),
            }
            reply = self.next_reply()?;
        }
    }
}
