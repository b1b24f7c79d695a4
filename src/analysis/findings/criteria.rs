//! Success criteria (requirement R5.4): yes, no, or not measured, each with its figures.

use serde::Serialize;

use super::context::{Context, Pair};
use super::node::{Found, Missing, Node};
use super::rules::{
    graded, grown, latencies, leak_free, limit_ratios, lost, outcomes, peak, per_event, ratios,
    side_by_side_ratios, tally, with,
};
use super::sentence::{Figure, Quantity, Sentence, say};
use super::verdict::{Compared, RELEVANT, Verdict, readable};
use crate::analysis::daemon_performance::LatencyVerdict;
use crate::analysis::grades::Grade;
use crate::results::daemon_performance::Quantile;
use crate::workload::Scenario;

/// What a criterion comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The figures say so.
    Yes,
    /// They say the opposite.
    No,
    /// They say neither, for this reason.
    NotMeasured(String),
}

/// One question to one system.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Criterion {
    /// For programs, such as `better_memory_efficiency`.
    pub name: &'static str,
    /// Whom it is about.
    pub system: String,
    /// The question in words.
    pub asks: &'static str,
    /// The answer.
    pub answer: Answer,
    /// What it rests on; empty if nothing was measured.
    pub because: Sentence,
}

/// What production asks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProductionLoad {
    /// Services, rules and bytes of payload at least.
    pub services: usize,
    /// Rules.
    pub rules: usize,
    /// Bytes of each payload.
    pub payload_bytes: usize,
    /// Events/s.
    pub events_per_second: f64,
    /// Seconds.
    pub lasting_secs: f64,
}

impl Default for ProductionLoad {
    /// Medium events at 1,000/s for 10 s.
    fn default() -> Self {
        let medium = Scenario::MEDIUM;
        Self {
            services: medium.services(),
            rules: medium.rules(),
            payload_bytes: medium.payload_bytes(),
            events_per_second: 1_000.0,
            lasting_secs: 10.0,
        }
    }
}

type Judged = Found<(Answer, Sentence)>;

/// All criteria of all systems.
pub(super) fn all(context: &Context<'_>, load: &ProductionLoad) -> Vec<Criterion> {
    let mut all = Vec::new();
    let mut ask = |name, system: &str, asks, judged: Judged| {
        let (answer, because) = judged.unwrap_or_else(|Missing { what, why }| {
            (Answer::NotMeasured(format!("{what}: {why}")), Sentence(Vec::new()))
        });
        all.push(Criterion { name, system: system.to_owned(), asks, answer, because });
    };
    for system in context.systems() {
        ask("production_load", &system, "handles production load", production(context, &system, load));
        ask("stable", &system, "stable", stable(context, &system));
        ask("scales_predictably", &system, "scales predictably", predictable(context, &system));
    }
    for pair in &context.pairs {
        let candidate = &pair.candidate;
        ask("performance", candidate, "equal or better performance", performance(context, pair));
        ask("memory_efficiency", candidate, "better memory efficiency", memory(context, pair));
        ask("scalability", candidate, "better scalability", scalability(context, pair));
        ask("resilience", candidate, "more resilience under load", resilience(context, pair));
    }
    all
}

fn production(context: &Context<'_>, system: &str, load: &ProductionLoad) -> Judged {
    let figures = context.list("load_testing", "figures")?;
    let fits = |figure: &&Node<'_>| {
        let at_least = |path: &str, least: f64| figure.number(path).is_ok_and(|found| found >= least);
        let steady = |key: &str, least: f64| at_least(&format!("config.pattern.steady.{key}"), least);
        let faultless = figure.at("config.enable_failures").is_ok_and(|enabled| enabled.value() == false);
        faultless
            && steady("events_per_second", load.events_per_second)
            && steady("duration_secs", load.lasting_secs)
            && at_least("scenario.services", load.services as f64)
            && at_least("scenario.rules", load.rules as f64)
            && at_least("scenario.payload_bytes", load.payload_bytes as f64)
    };
    let figure = figures.iter().find(fits).ok_or_else(|| {
        let asked = format!(
            "no load test offered {} events/s of {} bytes to {} services for {} s",
            load.events_per_second, load.payload_bytes, load.services, load.lasting_secs
        );
        Missing::new("production load", asked)
    })?;
    let lost = lost(figure, system)?;
    let offered = figure.figure("config.pattern.steady.events_per_second", Quantity::Rate)?;
    let seconds = figure.figure("config.pattern.steady.duration_secs", Quantity::Number)?;
    let grades = graded(context, system)?;
    let poor: Vec<_> = grades.iter().filter(|(_, grade, _)| *grade == Grade::Poor).collect();
    let parts =
        grades.iter().map(|(what, grade, figure)| say![*what, " ", grade.as_str(), " (", figure, ")"]);
    let because = say!["lost at ", offered, " for ", seconds, " s: ", &lost, "; "]
        .with(Sentence::joined(parts, ", "))
        .then(".");
    if grades.len() < 4 {
        let why = "a grade of the medium scenario is missing".to_owned();
        return Ok((Answer::NotMeasured(why), because));
    }
    let handled = lost.number() == Some(0.0) && poor.is_empty();
    Ok((if handled { Answer::Yes } else { Answer::No }, because))
}

fn stable(context: &Context<'_>, system: &str) -> Judged {
    let leaks = leak_free(context, system)?;
    let whole: Vec<Figure> = context
        .list("daemon_performance", "throughput")?
        .iter()
        .filter_map(|figure| {
            figure.of_system("systems", system).ok()?.figure("success_percent", Quantity::Percent).ok()
        })
        .collect();
    if whole.is_empty() {
        return Err(Missing::new("daemon_performance", "no deliveries of it were counted"));
    }
    let clean = leaks.iter().filter(|(clean, _)| *clean).count();
    let leaking = leaks.iter().any(|(_, figure)| figure.quantity == Quantity::Word("leaking".to_owned()));
    let all = whole.iter().filter(|figure| figure.number() == Some(100.0)).count();
    let because = say![
        "no leak in ",
        Figure::computed(leaks.iter().map(|(_, figure)| figure), Quantity::Of(clean, leaks.len())),
        " leak tests; all deliveries made in ",
        Figure::computed(&whole, Quantity::Of(all, whole.len())),
        " closed-loop figures.",
    ];
    let answer = match () {
        () if leaking || all < whole.len() => Answer::No,
        () if clean < leaks.len() => Answer::NotMeasured("whether it leaks stayed unclear".to_owned()),
        () => Answer::Yes,
    };
    Ok((answer, because))
}

/// A law that the throughput follows as something grows foretells what comes.
fn predictable(context: &Context<'_>, system: &str) -> Judged {
    let (mut lawful, mut lawless, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for figure in context.list("scalability_testing", "dimensions")? {
        let Ok(growth) = figure.of_system("growth", system) else { continue };
        let fit = growth.at("throughput")?;
        if !fit.value().is_object() {
            continue;
        }
        let named = say![
            "along ",
            readable(&figure.what()),
            " throughput ",
            fit.cited(Quantity::Word(fit_name(&fit)))
        ];
        match fit.at("none.kind").ok().and_then(|kind| kind.value().as_str()) {
            None => lawful.push(named),
            Some("residuals") => lawless.push(named),
            Some("no_trend") => open.push((readable(&figure.what()), named)),
            // Too few sizes: nothing is known of it.
            Some(_) => {}
        }
    }
    if lawful.is_empty() && lawless.is_empty() && open.is_empty() {
        return Err(Missing::new("growth", "too few sizes and rounds to fit a law to"));
    }
    let answer = match open.first() {
        _ if !lawless.is_empty() => Answer::No,
        Some((along, _)) => Answer::NotMeasured(format!("along {along} the size cannot be told from noise")),
        None => Answer::Yes,
    };
    let open = open.into_iter().map(|(_, named)| named);
    Ok((answer, Sentence::joined(lawful.into_iter().chain(lawless).chain(open), "; ").then(".")))
}

fn fit_name(fit: &Node<'_>) -> String {
    let why = fit.at("none.kind").ok().and_then(|kind| kind.value().as_str());
    match fit.value().as_object().and_then(|fit| fit.keys().next()).map(String::as_str) {
        _ if why == Some("no_trend") => "cannot be told from one that stays",
        Some("usl") => "follows the Universal Scalability Law",
        Some("power_law") => "follows a power law",
        _ => "follows no law that could be fitted",
    }
    .to_owned()
}

/// The throughput comparisons of a pair that count: those made for the purpose, or, where there are none that can be relied
/// on, those of `daemon_performance`.
pub(super) fn throughputs(context: &Context<'_>, pair: &Pair) -> Found<Vec<Compared>> {
    if let Ok(all) = side_by_side_ratios(context, pair) {
        return Ok(all);
    }
    let mut all = ratios(context, "daemon_performance", "throughput", pair)?;
    all.extend(ratios(context, "daemon_performance", "handler_time", pair)?);
    Ok(all)
}

fn performance(context: &Context<'_>, pair: &Pair) -> Judged {
    let all = throughputs(context, pair)?;
    let count = |verdict| with(verdict, &all).len();
    let no_worse = all.iter().filter(|compared| compared.is_no_worse()).count();
    let mut because = say![
        "faster in ",
        tally(count(Verdict::More), &all),
        ", slower in ",
        tally(count(Verdict::Less), &all),
        ", at least not slower by more than 1 % in ",
        tally(no_worse, &all),
        " comparisons",
    ];
    // Rounds of a second leave wide intervals: a longer latency is held against it where it is shown, not where it is possible.
    let latencies = latencies(context, pair).ok();
    let later = latencies.as_ref().is_some_and(|all| !all.later().0.is_empty());
    for (all, quantile) in latencies.iter().flat_map(|all| Quantile::ALL.map(|quantile| (all, quantile))) {
        let tally = |told: &[LatencyVerdict]| all.tally(quantile, told);
        because.join(
            "; ",
            say![quantile.name(), " under equal load lower in ", tally(&[LatencyVerdict::Lower])],
        );
        let same = tally(&[LatencyVerdict::Same]);
        if !matches!(same.quantity, Quantity::Of(0, _)) {
            because.join(", ", say!["the same within 1 % in ", same]);
        }
        because.join(", ", say!["higher in ", tally(&[LatencyVerdict::Higher])]);
        let open = tally(&[LatencyVerdict::NotShown, LatencyVerdict::WithinLag]);
        because.join(", ", say!["not decided in ", open, " cases"]);
    }
    let because = because.then(".");
    let answer = match () {
        () if count(Verdict::Less) > 0 || later => Answer::No,
        () if no_worse == all.len() => Answer::Yes,
        () => Answer::NotMeasured(format!(
            "in {} of {} comparisons the interval still allows more than 1 % slower",
            all.len() - no_worse,
            all.len()
        )),
    };
    Ok((answer, because))
}

/// Counted exactly: less is less.
fn memory(context: &Context<'_>, pair: &Pair) -> Judged {
    let Pair { baseline, candidate } = pair;
    let of = |system: &str| Ok((per_event(context, system)?, peak(context, system)?));
    let ((event_a, peak_a), (event_b, peak_b)) = (of(baseline)?, of(candidate)?);
    let because = say![
        "allocated per event: ",
        &event_b,
        " against ",
        &event_a,
        "; heap at its peak: ",
        &peak_b,
        " against ",
        &peak_a,
        ".",
    ];
    let share =
        |candidate: &Figure, baseline: &Figure| Some(candidate.number()? / baseline.number()?.max(1.0));
    let shares = [share(&event_b, &event_a), share(&peak_b, &peak_a)].map(|share| share.unwrap_or(f64::NAN));
    let no_worse = shares.iter().all(|share| *share <= 1.0 + RELEVANT);
    let better = shares.iter().any(|share| *share < 1.0 / (1.0 + RELEVANT));
    Ok((if no_worse && better { Answer::Yes } else { Answer::No }, because))
}

fn scalability(context: &Context<'_>, pair: &Pair) -> Judged {
    let limits = limit_ratios(context, pair);
    let grown = grown(context, pair);
    if let (Err(why), Err(_)) = (&limits, &grown) {
        return Err(why.clone());
    }
    let mut because = Sentence(Vec::new());
    let mut verdicts = Vec::new();
    let kinds = [
        ("its highest sustained rate over the other's: ", limits),
        (
            "from the smaller to the larger sizes its throughput over the other's becomes so many times what it was: ",
            grown,
        ),
    ];
    for (words, all) in kinds {
        let all = all.unwrap_or_default();
        verdicts.extend(all.iter().map(|compared| compared.verdict));
        if !all.is_empty() {
            let parts = all.iter().map(|compared| say![compared.name.clone(), " ", &compared.figure]);
            because.join("; ", Sentence(vec![words.into()]).with(Sentence::joined(parts, ", ")));
        }
    }
    let count = |wanted| verdicts.iter().filter(|&&verdict| verdict == wanted).count();
    let answer = match (count(Verdict::More), count(Verdict::Less)) {
        (_, 1..) => Answer::No,
        (1.., 0) => Answer::Yes,
        (0, 0) if count(Verdict::Same) == verdicts.len() => Answer::No,
        (0, 0) => Answer::NotMeasured("no difference shown in sustained rates and growth".to_owned()),
    };
    Ok((answer, because.then(".")))
}

/// Fewer deliveries lost when services fail, and fewer deaths when memory runs out.
fn resilience(context: &Context<'_>, pair: &Pair) -> Judged {
    let Pair { baseline, candidate } = pair;
    let mut because = Sentence(Vec::new());
    let mut verdicts = Vec::new();
    let shares = super::rules::lost_in_failures(context, candidate)
        .and_then(|of_candidate| Ok((of_candidate, super::rules::lost_in_failures(context, baseline)?)));
    if let Ok((of_candidate, of_baseline)) = &shares {
        verdicts.push(super::rules::fewer(of_candidate, of_baseline));
        because.join("; ", say!["lost when services fail: ", of_candidate, " against ", of_baseline]);
    }
    // Like with like: who drops events when there is no room may live longer.
    let deaths = |system: &str| -> Found<(f64, Figure)> {
        let mut own = outcomes(context, system)?;
        own.retain(|outcome| outcome.system == system && outcome.waits);
        let died = own.iter().filter(|outcome| outcome.died).count();
        let figures = own.iter().map(|outcome| &outcome.figure);
        if own.is_empty() {
            return Err(Missing::new("pressure", "not in the results"));
        }
        Ok((died as f64 / own.len() as f64, Figure::computed(figures, Quantity::Of(died, own.len()))))
    };
    if let (Ok((of_candidate, candidate)), Ok((of_baseline, baseline))) =
        (deaths(candidate), deaths(baseline))
    {
        verdicts.push(
            (of_candidate < of_baseline).then_some(true).or((of_candidate > of_baseline).then_some(false)),
        );
        because.join(
            "; ",
            say![
                "with publishers that wait it died of memory in ",
                candidate,
                " against ",
                baseline,
                " tests"
            ],
        );
    }
    if verdicts.is_empty() {
        return Err(shares.err().unwrap_or_else(|| Missing::new("resilience", "not in the results")));
    }
    let answer = match () {
        () if verdicts.contains(&Some(false)) => Answer::No,
        () if verdicts.contains(&Some(true)) => Answer::Yes,
        () => Answer::NotMeasured("no difference shown".to_owned()),
    };
    Ok((answer, because.then(".")))
}
