use std::time::{Duration, Instant};

use super::{Busy, Look, Response};
use crate::experiment::ProcessError;
use crate::measure::threads::cpu_time;
use crate::measure::{NotMeasured, Reading};
use crate::stats::median;

/// After something has changed: what is on its way passes, woken threads find their cores.
const SETTLES: Duration = Duration::from_millis(10);

/// How far the work is, and what it cost.
pub(super) struct Count {
    at: Instant,
    done: u64,
    cpu: Option<Duration>,
}

impl Count {
    pub(super) fn now(busy: &mut dyn Busy) -> Result<Self, ProcessError> {
        let done = busy.done()?;
        let at = Instant::now();
        Ok(Self { at, done, cpu: cpu_time(busy.id(), &|thread| busy.is_beside(thread)).ok() })
    }

    pub(super) fn since(&self, earlier: &Self) -> Span {
        let cpu = self.cpu.zip(earlier.cpu).map(|(late, early)| late.saturating_sub(early));
        Span { passed: self.at - earlier.at, done: self.done.saturating_sub(earlier.done), cpu }
    }
}

/// What was done from one count to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    passed: Duration,
    done: u64,
    cpu: Option<Duration>,
}

impl Span {
    pub(super) fn per_second(&self) -> f64 {
        self.done as f64 / self.passed.as_secs_f64()
    }

    /// CPU time of a piece of work, s.
    fn cost(&self) -> Option<f64> {
        self.cpu.filter(|cpu| !cpu.is_zero() && self.done > 0).map(|cpu| cpu.as_secs_f64() / self.done as f64)
    }
}

/// Turns with an intervention between turns without.
pub(super) struct Turns<'a> {
    pub(super) busy: &'a mut dyn Busy,
    pub(super) look: &'a Look,
}

impl Turns<'_> {
    fn span(&mut self) -> Result<Span, ProcessError> {
        std::thread::sleep(SETTLES);
        let before = Count::now(self.busy)?;
        std::thread::sleep(self.look.turn);
        Ok(Count::now(self.busy)?.since(&before))
    }

    /// `begin` intervenes until what it returns is dropped.
    pub(super) fn take<G>(
        &mut self,
        if_limit: f64,
        begin: &mut dyn FnMut(&dyn Busy) -> Result<G, NotMeasured>,
    ) -> Result<Reading<Response>, ProcessError> {
        let (mut without, mut with) = (vec![self.span()?], Vec::new());
        for _ in 0..self.look.turns {
            let guard = match begin(self.busy) {
                Ok(guard) => guard,
                Err(why) => return Ok(Reading::Absent { not_measured: why.why }),
            };
            with.push(self.span()?);
            drop(guard);
            without.push(self.span()?);
        }
        Ok(response(&without, &with, if_limit))
    }
}

/// `without`: one before and one after each of those with.
fn response(without: &[Span], with: &[Span], if_limit: f64) -> Reading<Response> {
    // Each against the mean of those beside it, on the scale of ratios.
    let over = |value: &dyn Fn(&Span) -> Option<f64>| -> Option<f64> {
        let beside = without.windows(2).zip(with);
        let ratios = beside.map(|(beside, with)| {
            Some(value(with)? / (value(&beside[0])? * value(&beside[1])?).sqrt())
                .filter(|ratio| ratio.is_finite())
        });
        median(&ratios.collect::<Option<Vec<f64>>>()?)
    };
    match over(&|span| Some(span.per_second())) {
        Some(ratio) => Reading::Value(Response { ratio, if_limit, cost: over(&Span::cost) }),
        None => Reading::absent("nothing was done in one of the turns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(done: u64, cpu_ms: u64) -> Span {
        Span { passed: Duration::from_secs(1), done, cpu: Some(Duration::from_millis(cpu_ms)) }
    }

    #[test]
    fn each_turn_is_held_against_those_beside_it() {
        // It becomes twice as fast by itself; meanwhile each turn halves it.
        let without = [span(100, 100), span(400, 400), span(1_600, 1_600), span(6_400, 6_400)];
        let with = [span(100, 50), span(400, 200), span(1_600, 800)];
        let answer = response(&without, &with, 0.5);
        assert_eq!(answer.value(), Some(&Response { ratio: 0.5, if_limit: 0.5, cost: Some(0.5) }));
    }

    #[test]
    fn one_odd_turn_is_not_heard() {
        let without = [span(100, 0); 4];
        let answer = response(&without, &[span(100, 0), span(1, 0), span(100, 0)], 0.5);
        assert_eq!(answer.value(), Some(&Response { ratio: 1.0, if_limit: 0.5, cost: None }));
    }

    #[test]
    fn where_nothing_is_done_there_is_no_ratio() {
        let answer = response(&[span(0, 0), span(0, 0)], &[span(0, 0)], 0.5);
        assert!(answer.why().is_some(), "{answer:?}");
    }
}
