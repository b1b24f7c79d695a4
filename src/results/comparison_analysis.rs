//! What `comparison_analysis` leaves behind.
//!
//! Two systems, or one at two revisions, pair by pair. Every ratio here is one of throughputs: above 1, the one above the
//! line is faster; *r* − 1 is the improvement.

use serde::{Deserialize, Serialize};

use super::daemon_performance::ScenarioFacts;
use crate::experiment::{Role, Threads};
use crate::measure::Reading;
use crate::stats::RatioEstimate;
use crate::sut::{HandlerWork, Publishing};

/// All comparisons of a run, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparisonAnalysis {
    /// How they were made.
    pub method: Method,
    /// What speaks against this machine as it was before the run; empty if nothing does.
    pub machine: Vec<Remark>,
    /// One system against the other, or against a reference.
    pub comparisons: Vec<Comparison>,
    /// One system against itself (A/A), by the same method: whatever they show is noise.
    pub controls: Vec<Comparison>,
    /// Drawn from the controls.
    pub reliability: Reliability,
}

/// What is the same for all comparisons of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// Smallest effect that matters, in per cent.
    pub relevant_percent: f64,
    /// Comparisons of the run, controls among them: all intervals hold together at 95 %.
    pub comparisons: usize,
    /// Of each interval: 1 − 0.05 / (2 × comparisons), since each is judged by quartile and by total.
    pub confidence: f64,
    /// Chance to see an effect that matters, with as many rounds as the pilot asks for.
    pub power: f64,
    /// Rounds of each pilot; they tell how many rounds there will be, and are not judged.
    pub pilot_rounds: usize,
    /// Fewest rounds that are judged.
    pub least_rounds: usize,
    /// Most rounds that are judged: where the pilot asks for more, an effect that matters may go unseen.
    pub most_rounds: usize,
    /// Block pairs of each round that are thrown away, since the instances are new.
    pub warm_up_pairs: usize,
    /// What a round's blocks after that take, of both systems together, seconds.
    pub round_seconds: f64,
    /// What a block of the slower system is to take, seconds.
    pub block_seconds: f64,
    /// Rounds after which both processes are started anew.
    pub rounds_per_process: usize,
}

/// What speaks against a machine, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// As it is, e.g. `the governor is powersave`.
    pub state: String,
    /// What to do about it.
    pub advice: String,
}

/// Whether what the run says can be relied on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// False if a system came out different from itself: then no verdict of the run counts. Absent without a control.
    pub reliable: Reading<bool>,
    /// Half width of the widest interval of the controls, in per cent: what this machine could not tell from nothing.
    pub noise_floor_percent: Reading<f64>,
}

/// What a comparison is about: what differs from comparison to comparison of the same aspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// The scenarios, published in batches and one by one, on one thread and several.
    Scenario,
    /// Services that every event goes to.
    FanOut,
    /// Rules, of which few concern the events.
    Rules,
    /// Size of each payload.
    Payload,
    /// What each delivery costs its service.
    HandlerTime,
    /// A system against itself.
    Control,
}

/// Two sides, compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// As in `--list`, e.g. `scenario/medium/batch/1_thread`; against a reference with `/over_reference` at its end.
    pub name: String,
    /// What it is about.
    pub aspect: Aspect,
    /// What arrived; its events are those that blocks take turns through.
    pub scenario: ScenarioFacts,
    /// Threads for all.
    pub threads: Threads,
    /// The core on which both processes took turns, if they have one thread each.
    #[serde(default = "Reading::not_told")]
    pub core: Reading<usize>,
    /// One by one or in batches.
    pub publishing: Publishing,
    /// What each delivery cost its service.
    pub work: HandlerWork,
    /// Events of a block.
    pub block_events: usize,
    /// Of which so many are published before all is waited for to be quiet: a pass.
    #[serde(default = "Reading::not_told")]
    pub pass_events: Reading<usize>,
    /// Block pairs of each round that count.
    pub pairs: usize,
    /// Above the line, e.g. CrucibleCore.
    pub system: Side,
    /// Below it, e.g. DataCoordinator.
    pub over: Side,
    /// How many rounds were to be made.
    pub pilot: Pilot,
    /// By the lower quartile of each round's blocks: noise adds time to some blocks, and leaves this alone.
    pub quartile: Judged,
    /// By the total time of each round's blocks: what a system does in every fifth block only is seen here alone.
    pub total: Judged,
    /// Of both together.
    pub verdict: Verdict,
    /// What it rests on, in words: why it is inconclusive, or where quartile and total disagree. Absent if there is nothing to
    /// add.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// One of quartile and total says faster or slower, and the other, though conclusive, something else: a finding of its own,
    /// e.g. that a system stalls now and then.
    pub disagreement: bool,
}

/// One side of a comparison, in a process of its own. Figures are medians over the rounds that are judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Name in the lineup.
    pub system: String,
    /// What it is compared as.
    pub role: Role,
    /// Its revision, if it is another one than the harness's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Time per event by the lower quartile of a round's blocks, ns.
    pub quartile_ns_per_event: f64,
    /// Time per event by the total of a round's blocks, ns.
    pub total_ns_per_event: f64,
    /// CPU time of the process per event, over the blocks, ns.
    pub cpu_ns_per_event: Reading<f64>,
    /// Most memory that an instance took in any round, beyond the workload's own, bytes.
    pub peak_memory: Reading<u64>,
    /// Deliveries of all rounds; each was checked against the oracle.
    pub deliveries: u64,
    /// Those whose handler failed.
    pub failed: u64,
}

impl Side {
    /// Events per second, by the lower quartile.
    pub fn events_per_second(&self) -> f64 {
        1e9 / self.quartile_ns_per_event
    }
}

/// What the rounds before those that are judged told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pilot {
    /// How many there were.
    pub rounds: usize,
    /// Standard deviation of the rounds' log ratios by quartile: its upper confidence bound.
    pub quartile_sd: f64,
    /// The same by total.
    pub total_sd: f64,
    /// Smallest effect that the rounds were to show, as a log ratio: what matters, or, for a large effect, a part of it.
    pub effect: f64,
    /// Rounds that show it, as far as the pilot can tell; fewer were judged if this is beyond the most.
    pub rounds_needed: usize,
}

/// An estimate and what it says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Throughput of the one above the line over that of the other; its interval holds with all others of the run.
    pub estimate: RatioEstimate,
    /// Of this estimate alone.
    pub verdict: Verdict,
}

/// What a comparison says of the one above the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The interval lies above 1, and the effect matters.
    Faster,
    /// The interval lies below 1, and the effect matters.
    Slower,
    /// The interval lies within what does not matter.
    Equivalent,
    /// An effect that matters would most likely have been seen, and was not.
    NoDifferenceShown,
    /// The interval is too wide to say: the machine was busy, or there were too few rounds.
    Inconclusive,
    /// Faster by quartile and slower by total, or the other way round.
    Contradictory,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that programs and reports rest on.
    #[test]
    fn verdicts_and_aspects_have_their_names_in_json() {
        let verdicts = [
            Verdict::Faster,
            Verdict::Slower,
            Verdict::Equivalent,
            Verdict::NoDifferenceShown,
            Verdict::Inconclusive,
            Verdict::Contradictory,
        ];
        let names =
            r#"["faster","slower","equivalent","no_difference_shown","inconclusive","contradictory"]"#;
        assert_eq!(serde_json::to_string(&verdicts).expect("plain data"), names);
        let aspects = [Aspect::Scenario, Aspect::FanOut, Aspect::Rules, Aspect::Payload];
        let names = r#"["scenario","fan_out","rules","payload"]"#;
        assert_eq!(serde_json::to_string(&aspects).expect("plain data"), names);
        let aspects = [Aspect::HandlerTime, Aspect::Control];
        assert_eq!(serde_json::to_string(&aspects).expect("plain data"), r#"["handler_time","control"]"#);
    }
}
