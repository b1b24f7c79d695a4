//! What the figures of a run allow to say, and what would be needed to say more.
//!
//! A [`Rule`] has a name and reads figures; each sentence that it comes to names all the figures that it rests on, and
//! without them there is no sentence, but a note of what is missing. Words such as *faster* stand only where an interval
//! excludes the opposite and the effect matters ([`RELEVANT`]). Nothing here knows a system by its name: exchange the
//! figures, and the sentences follow.

mod context;
mod criteria;
#[cfg(test)]
pub(crate) mod fixture;
mod kpis;
mod node;
mod recommendations;
mod rules;
mod sentence;
mod summary;
#[cfg(test)]
mod tests;
mod verdict;

pub use criteria::{Answer, Criterion, ProductionLoad};
pub use kpis::Kpi;
pub use sentence::{Figure, Piece, Quantity, Sentence};
pub use verdict::{RELEVANT, Verdict};

use serde::Serialize;

use self::context::Context;
use self::node::{Found, Missing};
use crate::measure::NotMeasured;
use crate::results::StoredRun;

/// What a sentence is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// The system does well.
    Strength(String),
    /// It does not.
    Weakness(String),
    /// What was seen, without a winner.
    Observation,
    /// What holds a system back.
    Bottleneck(String),
    /// What to do.
    Recommendation,
}

/// A sentence of a rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// What it is about.
    pub topic: Topic,
    /// What it says.
    pub sentence: Sentence,
}

/// Of one rule, or why it has none.
type Sentences = Found<Vec<(Topic, Sentence)>>;

/// How sentences are found.
pub struct Rule {
    /// For people and tests, such as `throughput/idle`.
    pub name: &'static str,
    /// What it tells of, for the list of what is missing.
    pub asks: &'static str,
    find: fn(&Context<'_>) -> Sentences,
}

/// All that can be said of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Findings {
    /// Whom it is about, the baseline first.
    pub systems: Vec<String>,
    /// What a manager needs: five lines at most.
    pub summary: Vec<Finding>,
    /// By rule, in their order.
    pub findings: Vec<Finding>,
    /// Key figures of each system.
    pub kpis: Vec<Kpi>,
    /// What was promised of the systems.
    pub criteria: Vec<Criterion>,
    /// What could not be said, and why.
    pub not_measured: Vec<NotMeasured>,
}

impl Findings {
    /// Of a run; production load as R5.4 has it unless told otherwise.
    pub fn of(run: &StoredRun, load: &ProductionLoad) -> Self {
        let context = Context::of(run);
        let mut found = Self { systems: context.systems(), ..Self::default() };
        for rule in rules::ALL {
            let sentences = found.note(rule.asks, (rule.find)(&context));
            found.findings.extend(with_name(rule.name, sentences));
        }
        found.kpis = kpis::all(&context);
        found.criteria = criteria::all(&context, load);
        let recommended = recommendations::all(&context, &found.criteria);
        found.findings.extend(recommended);
        found.summary = summary::lines(&found);
        found
    }

    fn note(&mut self, asks: &str, sentences: Sentences) -> Vec<(Topic, Sentence)> {
        sentences.unwrap_or_else(|Missing { what, why }| {
            self.not_measured.push(NotMeasured::new(asks, format_args!("{what}: {why}")));
            Vec::new()
        })
    }

    /// The findings on a topic, in their order.
    pub fn on<'f>(&'f self, topic: &'f Topic) -> impl Iterator<Item = &'f Finding> {
        self.findings.iter().filter(move |finding| finding.topic == *topic)
    }
}

/// The names of all rules, with what they ask.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    rules::ALL.iter()
}

fn with_name(rule: &'static str, sentences: Vec<(Topic, Sentence)>) -> impl Iterator<Item = Finding> {
    sentences.into_iter().map(move |(topic, sentence)| Finding { rule, topic, sentence })
}
