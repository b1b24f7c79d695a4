use super::{at_least, at_most, at_once};
use crate::experiment::bottleneck::{Observation, Response};
use crate::measure::Reading;
use crate::results::bottleneck::{Bottleneck, Evidence, Figure};

/// Why a verdict does not stand, with the figures that contradict it.
pub(super) struct Objection {
    pub(super) why: String,
    pub(super) evidence: Vec<Evidence>,
}

/// The answers that confirm it.
pub(super) fn confirm(seen: &Observation, told: Bottleneck) -> Result<Vec<Evidence>, Objection> {
    let (fewer, slower, calls) = (&seen.half_the_cores, &seen.slower_cores, &seen.held_calls);
    match told {
        Bottleneck::NotSaturated | Bottleneck::Unclear => Ok(Vec::new()),
        // It takes no core: fewer change nothing.
        Bottleneck::Outside => Ok(vec![stays(Figure::WithHalfTheCores, fewer)?]),
        Bottleneck::Network | Bottleneck::Io => Ok(vec![follows(Figure::WithHeldCalls, calls)?]),
        Bottleneck::Memory => Ok(vec![follows(Figure::WithSlowerCores, slower)?]),
        // One at a time does as much on fewer cores, and less on slower ones.
        Bottleneck::SerialStage => {
            Ok(vec![follows(Figure::WithSlowerCores, slower)?, stays(Figure::WithHalfTheCores, fewer)?])
        }
        Bottleneck::ThreadContention => Ok(vec![stays(Figure::WithHalfTheCores, fewer)?]),
        Bottleneck::Cpu => {
            let mut evidence = vec![follows(Figure::WithSlowerCores, slower)?];
            // One thread has one core, however many there are.
            if at_once(seen) >= 2.0 {
                evidence.push(follows(Figure::WithHalfTheCores, fewer)?);
            }
            Ok(evidence)
        }
    }
}

/// Halfway between no effect and the effect that it would have if all hung on it.
pub(super) fn midway(answer: &Response) -> f64 {
    f64::midpoint(1.0, answer.if_limit)
}

/// Throughput went with it.
fn follows(figure: Figure, answer: &Reading<Response>) -> Result<Evidence, Objection> {
    let answer = tried(figure, answer)?;
    let bound = midway(answer);
    at_most(figure, answer.ratio, bound).ok_or_else(|| Objection {
        why: format!("{} should have fallen to {:.2} or so", figure.as_str(), answer.if_limit),
        evidence: at_least(figure, answer.ratio, bound).into_iter().collect(),
    })
}

/// A tenth comes and goes by itself in turns of 100 ms; work that is shared evenly by 1.3 of two cores would lose a quarter with
/// one of them.
pub(super) const STAYS: f64 = 0.85;

/// Throughput did not go with it.
fn stays(figure: Figure, answer: &Reading<Response>) -> Result<Evidence, Objection> {
    let answer = tried(figure, answer)?;
    at_least(figure, answer.ratio, STAYS).ok_or_else(|| Objection {
        why: format!("{} should have stayed", figure.as_str()),
        evidence: at_most(figure, answer.ratio, STAYS).into_iter().collect(),
    })
}

fn tried(figure: Figure, answer: &Reading<Response>) -> Result<&Response, Objection> {
    match answer {
        Reading::Value(answer) => Ok(answer),
        Reading::Absent { not_measured } => Err(Objection {
            why: format!("not confirmed: {}: {not_measured}", figure.as_str()),
            evidence: Vec::new(),
        }),
    }
}
