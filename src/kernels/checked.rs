use std::fmt;
use std::sync::Arc;

use super::{KernelSpec, Prepared, Work};

/// A kernel whose runs are compared with what they should have done.
pub struct Checked {
    name: Arc<str>,
    prepared: Prepared,
}

/// A kernel did not do its work, so there is no figure for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("kernel `{kernel}` did wrong work, so no figure is given: {}", Differences(expected, got))]
pub struct WrongWork {
    /// Its name in the list.
    pub kernel: Arc<str>,
    /// From the inputs or the oracle.
    pub expected: Work,
    /// What the run says that it did.
    pub got: Work,
}

impl Checked {
    /// Builds the inputs of a kernel of the list; runs nothing yet.
    pub fn new(spec: &KernelSpec) -> Self {
        Self::of(spec.name, (spec.prepare)())
    }

    /// A kernel of any other name.
    ///
    /// # Panics
    /// If a run is expected to handle no events: nothing could be told per event.
    pub fn of(name: impl Into<Arc<str>>, prepared: Prepared) -> Self {
        let name = name.into();
        assert!(prepared.expected.events > 0, "kernel `{name}`: a run without events");
        Self { name, prepared }
    }

    /// What every run has to do.
    pub const fn expected(&self) -> Work {
        self.prepared.expected
    }

    /// The timed and counted span: the work, unchecked. Pass the result to [`Checked::check`] afterwards.
    pub fn run(&mut self) -> Work {
        self.prepared.kernel.run()
    }

    /// Compares what a run did with what it should have done.
    ///
    /// # Errors
    /// If they differ.
    pub fn check(&self, got: Work) -> Result<(), WrongWork> {
        check(&self.name, self.expected(), got)
    }

    /// One run, checked.
    ///
    /// # Errors
    /// If it did wrong work.
    pub fn run_checked(&mut self) -> Result<(), WrongWork> {
        let got = self.run();
        self.check(got)
    }

    /// Lets the warm-up's events through, each run checked; at least one run.
    ///
    /// # Errors
    /// At the first run that did wrong work.
    pub fn warm_up(&mut self) -> Result<(), WrongWork> {
        self.settle(u64::MAX)
    }

    /// The same, with `most` runs at most.
    ///
    /// # Errors
    /// At the first run that did wrong work.
    pub fn settle(&mut self, most: u64) -> Result<(), WrongWork> {
        let runs = self.prepared.warm_up_events.div_ceil(self.expected().events);
        (0..runs.clamp(1, most)).try_for_each(|_| self.run_checked())
    }

    /// For an instrument that keeps results until its clock has stopped: each checks itself when it is dropped.
    pub fn run_and_check_on_drop(&mut self) -> Unchecked {
        Unchecked {
            kernel: self.name.clone(),
            expected: self.prepared.expected,
            got: self.prepared.kernel.run(),
        }
    }
}

/// The result of a timed run. Dropping it checks it, and wrong work ends the process.
#[must_use = "dropped at once it is checked within the timed span"]
pub struct Unchecked {
    kernel: Arc<str>,
    expected: Work,
    got: Work,
}

impl Drop for Unchecked {
    fn drop(&mut self) {
        if let Err(wrong) = check(&self.kernel, self.expected, self.got) {
            wrong.end_process();
        }
    }
}

impl WrongWork {
    /// Says so on stderr and ends the process with status 1: instruments print what they have measured when a
    /// benchmark returns, and this must not be printed.
    pub fn end_process(&self) -> ! {
        println!(); // Divan has begun the kernel's line
        eprintln!("error: {self}");
        std::process::exit(1)
    }
}

fn check(kernel: &Arc<str>, expected: Work, got: Work) -> Result<(), WrongWork> {
    if expected == got { Ok(()) } else { Err(WrongWork { kernel: kernel.clone(), expected, got }) }
}

struct Differences<'a>(&'a Work, &'a Work);

impl fmt::Display for Differences<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(expected, got) = self;
        let parts = [
            ("events", expected.events, got.events),
            ("deliveries", expected.deliveries, got.deliveries),
            ("bytes", expected.bytes, got.bytes),
            ("checksum", expected.checksum, got.checksum),
        ];
        let mut separator = "";
        for (part, expected, got) in parts.into_iter().filter(|(_, expected, got)| expected != got) {
            write!(f, "{separator}{part} expected {expected}, got {got}")?;
            separator = "; ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: Work = Work { events: 10, deliveries: 20, bytes: 30, checksum: 40 };

    fn wrong_in_run(faulty: u64) -> Checked {
        let mut run = 0;
        let kernel = move || {
            run += 1;
            Work { deliveries: RIGHT.deliveries - u64::from(run == faulty), ..RIGHT }
        };
        Checked { name: "test/faulty".into(), prepared: Prepared::new(kernel, RIGHT) }
    }

    #[test]
    fn wrong_work_is_named_with_expectation_and_what_came() {
        let wrong = wrong_in_run(1).run_checked().expect_err("one delivery is missing");
        assert_eq!(
            wrong.to_string(),
            "kernel `test/faulty` did wrong work, so no figure is given: deliveries expected 20, got 19"
        );
    }

    #[test]
    fn warming_up_sees_a_fault_of_one_event_in_ten_thousand() {
        assert!(wrong_in_run(1_000).warm_up().is_err());
        assert!(wrong_in_run(2_000).warm_up().is_err(), "20,000 events are 2,000 runs of ten");
        assert!(wrong_in_run(2_001).warm_up().is_ok());
    }

    #[test]
    fn a_kernel_larger_than_the_warm_up_still_runs_once() {
        let mut kernel = wrong_in_run(1);
        kernel.prepared.warm_up_events = 0;
        assert!(kernel.warm_up().is_err());
    }
}
