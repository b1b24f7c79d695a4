use crucible_events::crucible_core::{Clock, Config, CrucibleCore};
use crucible_events::data_coordinator::DataCoordinator;
use crucible_events::event::{Limits, Timestamp};
use crucible_events::routing::Terms;
use crucible_events::routing::simulation::{self, Count, Run, Script, Tell, Violation};

/// The systems that are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    CrucibleCore,
    DataCoordinator,
}

impl System {
    pub(crate) const ALL: [Self; 2] = [Self::CrucibleCore, Self::DataCoordinator];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CrucibleCore => "crucible_core",
            Self::DataCoordinator => "data_coordinator",
        }
    }

    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|system| system.name() == name);
        found.ok_or_else(|| format!("--system: no `{name}`; there are: {}", known()))
    }

    pub(crate) fn run(self, script: &Script) -> Result<Run, Violation> {
        self.simulate(script, None)
    }

    pub(crate) fn run_told(self, script: &Script, tell: Tell) -> Result<Run, Violation> {
        self.simulate(script, Some(tell))
    }

    fn simulate(self, script: &Script, tell: Option<Tell>) -> Result<Run, Violation> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O needs nothing of the machine");
        match self {
            Self::CrucibleCore => runtime.block_on(simulation::run_told(script, crucible_core, tell)),
            Self::DataCoordinator => {
                runtime.block_on(simulation::run_told(script, |_| DataCoordinator::default(), tell))
            }
        }
    }

    /// Whether this can happen to it at all.
    pub(crate) fn meets(self, count: Count) -> bool {
        let coordinator = [
            Count::Seeds,
            Count::Events,
            Count::Deliveries,
            Count::Acknowledged,
            Count::Failed,
            Count::Refused,
            Count::Unmatched,
            Count::FollowUps,
            Count::Changes,
            Count::RefusedChanges,
            Count::QuietMoments,
            Count::Shutdowns,
            Count::Abandoned,
        ];
        match self {
            // With dead letters nothing fails otherwise.
            Self::CrucibleCore => count != Count::Failed,
            Self::DataCoordinator => coordinator.contains(&count),
        }
    }
}

fn small_limits() -> Limits {
    Limits { payload_bytes: 16, name_bytes: 16, targets: 4, metadata_entries: 0, metadata_bytes: 0 }
}

/// With the small bounds that the script wishes.
fn crucible_core(script: &Script) -> CrucibleCore {
    let default = Config::default();
    let Terms { mailbox_capacity, batch, concurrent_deliveries, event_timeout, .. } = script.wishes;
    let Terms { handler_timeout, window, retry, breaker, dead_letters, byte_budget, .. } = script.wishes;
    let config = Config {
        mailbox_capacity: mailbox_capacity.unwrap_or(default.mailbox_capacity),
        batch: batch.unwrap_or(default.batch),
        concurrent_deliveries: concurrent_deliveries.unwrap_or(default.concurrent_deliveries),
        event_timeout: event_timeout.unwrap_or(default.event_timeout),
        handler_timeout: handler_timeout.unwrap_or(default.handler_timeout),
        window: window.unwrap_or(default.window),
        retry: retry.unwrap_or(default.retry),
        breaker: breaker.unwrap_or(default.breaker),
        dead_letters: dead_letters.unwrap_or(default.dead_letters),
        byte_budget,
        // A budget has to have room for the largest event: for the small one that is wished, all are small.
        limits: if byte_budget.is_some() { small_limits() } else { default.limits },
    };
    // A time of day that is the same in every run.
    let clock = Clock::beginning(Timestamp(1_700_000_000_000_000_000));
    CrucibleCore::with_clock(config, clock).expect("scripts wish what works")
}
