//! What rules look at: the files of a run, and who is compared with whom.

use super::node::{Found, Missing, Node, Root};
use crate::experiment::{Lineup, Role};
use crate::results::StoredRun;

/// Two systems to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    /// What is there today.
    pub(super) baseline: String,
    /// What could take its place.
    pub(super) candidate: String,
}

/// A run under judgement.
pub(super) struct Context<'a> {
    run: &'a StoredRun,
    pub(super) pairs: Vec<Pair>,
}

impl<'a> Context<'a> {
    pub(super) fn of(run: &'a StoredRun) -> Self {
        Self { run, pairs: pairs(run) }
    }

    /// The results of a target.
    pub(super) fn target(&self, target: &'static str) -> Found<Root<'a>> {
        let file =
            self.run.file(target).ok_or_else(|| Missing::new(target, "no results of it in this run"))?;
        Ok(Root::of(file))
    }

    /// The figures of one of a target's lists.
    pub(super) fn list(&self, target: &'static str, list: &'static str) -> Found<Vec<Node<'a>>> {
        let figures = self.target(target)?.list(list);
        if figures.is_empty() {
            return Err(Missing::new(format!("{target}, {list}"), "not in the results"));
        }
        Ok(figures)
    }

    /// All systems to choose from, the baseline first.
    pub(super) fn systems(&self) -> Vec<String> {
        let baseline = self.pairs.first().map(|pair| pair.baseline.clone());
        baseline.into_iter().chain(self.pairs.iter().map(|pair| pair.candidate.clone())).collect()
    }
}

/// Roles as the results tell them; where they tell none, as the usual lineup has them.
fn pairs(run: &StoredRun) -> Vec<Pair> {
    let mut told = roles_in(run);
    let known = |told: &[(String, Role)], role| told.iter().any(|(_, other)| *other == role);
    if !known(&told, Role::Baseline) || !known(&told, Role::Candidate) {
        told.extend(Lineup::standard().entries().iter().map(|entry| (entry.name.clone(), entry.role)));
    }
    let Some((baseline, _)) = told.iter().find(|(_, role)| *role == Role::Baseline) else {
        return Vec::new();
    };
    let mut pairs: Vec<Pair> = Vec::new();
    for (candidate, role) in &told {
        if *role == Role::Candidate && !pairs.iter().any(|pair| pair.candidate == *candidate) {
            pairs.push(Pair { baseline: baseline.clone(), candidate: candidate.clone() });
        }
    }
    pairs
}

/// Lists of figures whose systems have roles.
const WITH_ROLES: [&str; 6] = ["throughput", "handler_time", "latency", "figures", "limits", "comparisons"];

fn roles_in<'a>(run: &'a StoredRun) -> Vec<(String, Role)> {
    let mut found = Vec::new();
    for (file, list) in run.files.iter().flat_map(|file| WITH_ROLES.map(|list| (file, list))) {
        let systems = |figure: &Node<'a>| {
            let sides = ["system", "over"].into_iter().filter_map(|side| figure.get(side));
            figure.list("systems").into_iter().chain(sides).collect::<Vec<_>>()
        };
        for system in Root::of(file).list(list).iter().flat_map(systems) {
            let role = match system.word("role") {
                Some("baseline") => Role::Baseline,
                Some("candidate") => Role::Candidate,
                _ => continue,
            };
            found.extend(system.word("system").map(|name| (name.to_owned(), role)));
        }
    }
    found
}
