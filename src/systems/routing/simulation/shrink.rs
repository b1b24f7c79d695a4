use super::script::{Script, Step};
use super::violation::Violation;

/// Runs at most: a script of a hundred steps needs some two hundred.
const TRIES: usize = 600;

/// Looks for a shorter script that breaks the same promise: leaves steps out, and events of what is published.
/// `run` runs a script on a fresh system.
pub fn shrink(
    script: &Script,
    violation: Violation,
    mut run: impl FnMut(&Script) -> Option<Violation>,
) -> (Script, Violation) {
    let mut best = (script.clone(), violation);
    best.0.steps.truncate(best.1.step + 1);
    let mut tries = 0;
    let mut attempt = |best: &mut (Script, Violation), candidate: Script| {
        tries += 1;
        let found = run(&candidate).filter(|found| found.promise == best.1.promise);
        found.map(|found| *best = (candidate, found)).is_some()
    };
    let mut left = TRIES;
    loop {
        let before = size(&best.0);
        left = drop_steps(&mut best, left, &mut attempt);
        left = drop_events(&mut best, left, &mut attempt);
        if left == 0 || size(&best.0) == before {
            return best;
        }
    }
}

type Best = (Script, Violation);

fn size(script: &Script) -> (usize, usize) {
    let events = script
        .steps
        .iter()
        .map(|step| if let Step::Publish { drafts, .. } = step { drafts.len() } else { 0 });
    (script.steps.len(), events.sum())
}

/// Leaves out half of the steps, a quarter, … one.
fn drop_steps(
    best: &mut Best,
    mut left: usize,
    attempt: &mut impl FnMut(&mut Best, Script) -> bool,
) -> usize {
    let mut chunk = best.0.steps.len().div_ceil(2);
    while chunk > 0 {
        let mut at = 0;
        while at < best.0.steps.len() && left > 0 {
            let mut candidate = best.0.clone();
            let end = (at + chunk).min(candidate.steps.len());
            candidate.steps.drain(at..end);
            left -= 1;
            if !attempt(best, candidate) {
                at += chunk;
            }
        }
        chunk /= 2;
    }
    left
}

/// Leaves out half of the events of one call, a quarter, … one.
fn drop_events(
    best: &mut Best,
    mut left: usize,
    attempt: &mut impl FnMut(&mut Best, Script) -> bool,
) -> usize {
    for step in 0..best.0.steps.len() {
        let Some(Step::Publish { drafts, .. }) = best.0.steps.get(step) else { continue };
        let mut chunk = drafts.len() / 2;
        while chunk > 0 {
            let mut at = 0;
            while left > 0 {
                let mut candidate = best.0.clone();
                let Some(Step::Publish { drafts, .. }) = candidate.steps.get_mut(step) else { break };
                if at >= drafts.len() {
                    break;
                }
                let end = (at + chunk).min(drafts.len());
                drafts.drain(at..end);
                left -= 1;
                if !attempt(best, candidate) {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
    }
    left
}
