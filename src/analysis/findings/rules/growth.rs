//! Whether one system keeps up better than another as something grows.
//!
//! At each size the systems' rounds were interleaved, so that the ratio of a round is one of equal circumstances. The
//! ratios at the smaller half of the sizes are held against those at the larger half; the middle one of an odd number
//! belongs to neither. A difference is told only if all of one side are above all of the other, and if that would
//! happen by chance in less than one of a hundred (exact: 2 / C(2n, n)).

use super::{Ahead, Sentences, ahead, of_pairs, those_there};
use crate::analysis::findings::Topic;
use crate::analysis::findings::context::{Context, Pair};
use crate::analysis::findings::node::{Found, Missing, Node};
use crate::analysis::findings::sentence::{Figure, Quantity, say};
use crate::analysis::findings::verdict::{Compared, Verdict, readable};
use crate::stats::median;

const TARGET: &str = "scalability_testing";

/// Five dimensions are judged, at 5 % together.
const LEVEL: f64 = 0.01;

/// How much the candidate gains on the baseline from small to large, for each dimension.
pub(in crate::analysis::findings) fn grown(context: &Context<'_>, pair: &Pair) -> Found<Vec<Compared>> {
    let figures = context.list(TARGET, "dimensions")?;
    those_there(figures.iter().map(|figure| gained(figure, pair)))
}

fn gained(figure: &Node<'_>, pair: &Pair) -> Found<Compared> {
    let within = |point: &Node<'_>| point.at("beyond_cores").is_ok_and(|beyond| beyond.value() == false);
    let points: Vec<Node<'_>> = figure.list("points").into_iter().filter(within).collect();
    let half = points.len() / 2;
    let (small, large) = (&points[..half], &points[points.len() - half..]);
    let (small, large) = (ratios(small, pair)?, ratios(large, pair)?);
    let chance = 2.0 / binomial(small.values.len() + large.values.len(), small.values.len());
    if chance > LEVEL {
        return Err(Missing::new(figure.what(), "too few sizes and rounds to tell"));
    }
    let ends = |values: &[f64]| {
        values.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &v| (low.min(v), high.max(v)))
    };
    let ((small_low, small_high), (large_low, large_high)) = (ends(&small.values), ends(&large.values));
    let interval = (large_low / small_high, large_high / small_low);
    // Of logarithms: exchanged systems have the inverse.
    let middle = |values: &[f64]| {
        let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
        median(&logs).ok_or_else(|| Missing::new(figure.what(), "no rounds"))
    };
    let ratio = (middle(&large.values)? - middle(&small.values)?).exp();
    let places = small.places.iter().chain(&large.places);
    let cited = Figure::computed(places, Quantity::Ratio { value: ratio, interval: Some(interval) });
    Ok(Compared {
        name: readable(&figure.what()),
        figure: cited,
        ratio,
        interval,
        verdict: Verdict::of(ratio, interval),
    })
}

struct Ratios {
    values: Vec<f64>,
    places: Vec<Figure>,
}

/// Candidate over baseline, round by round.
fn ratios(points: &[Node<'_>], pair: &Pair) -> Found<Ratios> {
    let mut found = Ratios { values: Vec::new(), places: Vec::new() };
    for point in points {
        let rounds = |system: &str| -> Found<(Vec<f64>, Figure)> {
            let rounds = point.of_system("systems", system)?.at("rounds")?;
            let values: Vec<f64> = rounds.items().iter().filter_map(|round| round.value().as_f64()).collect();
            if values.is_empty() {
                return Err(Missing::new(point.what(), "no rounds in the results"));
            }
            Ok((values, rounds.cited(Quantity::Word("rounds".to_owned()))))
        };
        let (baseline, candidate) = (rounds(&pair.baseline)?, rounds(&pair.candidate)?);
        found
            .values
            .extend(candidate.0.iter().zip(&baseline.0).map(|(candidate, baseline)| candidate / baseline));
        found.places.extend([baseline.1, candidate.1]);
    }
    if found.values.iter().any(|ratio| !ratio.is_finite() || *ratio <= 0.0) || found.values.is_empty() {
        return Err(Missing::new("growth", "no throughput at some size"));
    }
    Ok(found)
}

/// C(n, k).
fn binomial(n: usize, k: usize) -> f64 {
    (1..=k).fold(1.0, |product, i| product * (n - k + i) as f64 / i as f64)
}

pub(super) fn growth(context: &Context<'_>) -> Sentences {
    of_pairs(context, |pair| {
        let all = grown(context, pair)?;
        let mut found = Vec::new();
        for Ahead { better, worse, where_it_is } in ahead(pair, &all) {
            for Compared { name, figure, .. } in where_it_is {
                let sentence = say![
                    better,
                    " keeps up better than ",
                    worse,
                    " with more ",
                    name,
                    ": from the smaller to the larger sizes its \
                     throughput over the other's becomes ",
                    figure,
                    " times what it was.",
                ];
                found.push((Topic::Strength(better.clone()), sentence.clone()));
                found.push((Topic::Weakness(worse.clone()), sentence));
            }
        }
        for compared in all.iter().filter(|c| matches!(c.verdict, Verdict::Same | Verdict::NotShown)) {
            found.push((
                Topic::Observation,
                say![
                    "With more ",
                    &compared.name,
                    ", no difference is shown between ",
                    &pair.candidate,
                    " and ",
                    &pair.baseline,
                    ": the ratio of their throughputs becomes ",
                    &compared.figure,
                    " times what it was.",
                ],
            ));
        }
        Ok(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_exact() {
        assert_eq!([binomial(6, 3), binomial(12, 6), binomial(18, 9)], [20.0, 924.0, 48_620.0]);
    }
}
