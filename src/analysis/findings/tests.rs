//! Every sentence stands and falls with its figures.

mod rules;

use serde_json::{Value, json};

use super::fixture::{documents, run_of};
use super::*;

fn found(documents: &[Value]) -> Findings {
    Findings::of(&run_of(documents), &ProductionLoad::default())
}

/// With three digits, as reports have them.
fn number(value: f64) -> String {
    format!("{value:.2e}")
}

fn plain(sentence: &Sentence) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => (*text).to_owned(),
        Piece::Name(name) => name.clone(),
        Piece::Figure(Figure { quantity: Quantity::Of(some, all), .. }) => format!("{some} of {all}"),
        Piece::Figure(Figure { quantity: Quantity::Word(word), .. }) => word.clone(),
        Piece::Figure(figure) => number(figure.number().expect("all others are numbers")),
    };
    sentence.0.iter().map(piece).collect()
}

fn texts<'f>(findings: impl Iterator<Item = &'f Finding>) -> Vec<String> {
    findings.map(|finding| plain(&finding.sentence)).collect()
}

fn all_sentences(found: &Findings) -> Vec<&Sentence> {
    all_labelled(found).into_iter().map(|(_, sentence)| sentence).collect()
}

/// With what tells two of the same words apart: answers to one question about two systems may read alike.
fn all_labelled(found: &Findings) -> Vec<(String, &Sentence)> {
    let told = found.findings.iter().chain(&found.summary);
    let told = told.map(|finding| (finding.rule.to_owned(), &finding.sentence));
    let criteria = found
        .criteria
        .iter()
        .map(|criterion| (format!("{} {}", criterion.name, criterion.system), &criterion.because));
    told.chain(criteria).filter(|(_, sentence)| !sentence.0.is_empty()).collect()
}

/// A place in one of the documents, by the target.
fn place<'d>(documents: &'d mut [Value], figure: &Figure, pointer: &str) -> &'d mut Value {
    let is_target = |document: &&mut Value| {
        let target = document.get("target").and_then(Value::as_str).unwrap_or("instructions");
        target == figure.target
    };
    let document = documents.iter_mut().find(is_target).expect("a file of the target");
    document.pointer_mut(pointer).unwrap_or_else(|| panic!("{} has no {pointer}", figure.target))
}

#[test]
fn every_rule_speaks_of_a_full_run() {
    let found = found(&documents());
    for rule in rules() {
        let silent = found.not_measured.iter().find(|missing| missing.what == rule.asks);
        let speaks = found.findings.iter().any(|finding| finding.rule == rule.name);
        assert!(speaks, "{} is silent: {silent:?}", rule.name);
    }
    assert!(!found.summary.is_empty() && found.summary.len() <= 5, "{:#?}", texts(found.summary.iter()));
    assert_eq!(found.systems, ["DataCoordinator", "CrucibleCore"]);
}

#[test]
fn every_sentence_cites_and_every_citation_leads_to_its_figure() {
    let mut documents = documents();
    let found = found(&documents);
    let kpis = found.kpis.iter().filter_map(|kpi| kpi.figure.value());
    let figures: Vec<Figure> =
        all_sentences(&found).iter().flat_map(|s| s.figures()).chain(kpis).cloned().collect();
    assert!(all_sentences(&found).iter().all(|sentence| sentence.figures().next().is_some()));
    for figure in &figures {
        for pointer in &figure.places {
            let there = place(&mut documents, figure, pointer);
            let (Some(cited), Some(stored)) = (figure.number(), there.as_f64()) else { continue };
            assert!(figure.places.len() > 1 || cited == stored, "{figure:?} is {stored}");
        }
    }
    assert!(figures.len() > 60, "{}", figures.len());
}

#[test]
fn no_sentence_survives_a_figure_that_it_cites() {
    let documents = documents();
    let whole = found(&documents);
    let mut tried = std::collections::BTreeSet::new();
    for (label, sentence) in all_labelled(&whole) {
        for (figure, pointer) in sentence.figures().flat_map(|f| f.places.iter().map(move |place| (f, place)))
        {
            // A figure that a sentence cites twice is taken away once.
            if !tried.insert((label.clone(), plain(sentence), pointer.clone())) {
                continue;
            }
            let mut without = documents.clone();
            *place(&mut without, figure, pointer) = Value::Null;
            let left = found(&without);
            for (other_label, other) in all_labelled(&left) {
                let cites = other.figures().any(|f| f.target == figure.target && f.places.contains(pointer));
                let same = other_label == label && plain(other) == plain(sentence);
                assert!(!cites && !same, "{other_label}: {}\nwithout {pointer}", plain(other));
            }
        }
    }
    assert!(tried.len() > 100, "{}", tried.len());
}

#[test]
fn without_a_file_its_sentences_are_gone_and_it_is_said() {
    let documents = documents();
    for missing in 0..documents.len() {
        let mut rest = documents.clone();
        let gone = rest.remove(missing);
        let target = gone.get("target").and_then(Value::as_str).unwrap_or("instructions").to_owned();
        let left = found(&rest);
        assert!(
            all_sentences(&left).iter().all(|s| s.figures().all(|figure| figure.target != target)),
            "{target}"
        );
        let said = left
            .not_measured
            .iter()
            .any(|missing| missing.why.contains(&format!("{target}: no results of it")));
        assert!(said, "{target}: {:#?}", left.not_measured);
    }
    let nothing = found(&[]);
    assert!(all_sentences(&nothing).is_empty(), "{nothing:#?}");
    assert_eq!(nothing.not_measured.len(), rules().count());
}

const NAMES: [&str; 2] = ["DataCoordinator", "CrucibleCore"];

fn other_name(text: &str) -> String {
    let [a, b] = NAMES;
    text.replace(a, "\0").replace(b, a).replace('\0', b)
}

/// Those in a ratio of two systems.
fn estimates(ratio: &mut Value) -> impl Iterator<Item = &mut Value> {
    let fields = ratio.as_object_mut().expect("a ratio has fields");
    fields
        .iter_mut()
        .filter(|(key, _)| matches!(key.as_str(), "estimate" | "p50" | "p95" | "p99"))
        .map(|(_, value)| value)
}

/// Each system gets the other's figures.
fn exchanged(value: &mut Value) {
    let pair = value.get("system").and_then(Value::as_str).zip(value.get("over").and_then(Value::as_str));
    if pair == Some((NAMES[1], NAMES[0])) {
        return estimates(value).for_each(invert);
    }
    if value.get("quartile").is_some() {
        return turn_comparison(value);
    }
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match (key.as_str(), field.as_str()) {
                    ("system" | "over", Some(name)) => *field = json!(other_name(name)),
                    ("role", Some("baseline")) => *field = json!("candidate"),
                    ("role", Some("candidate")) => *field = json!("baseline"),
                    _ => exchanged(field),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(exchanged),
        _ => {}
    }
}

/// The one above the line stays there, with the other's figures.
fn turn_comparison(comparison: &mut Value) {
    if comparison["system"]["system"] == comparison["over"]["system"] {
        return;
    }
    for by in ["quartile", "total"] {
        invert(&mut comparison[by]["estimate"]);
    }
    let turned = match comparison["verdict"].as_str() {
        Some("faster") => "slower",
        Some("slower") => "faster",
        Some(other) => other,
        None => panic!("no verdict"),
    };
    comparison["verdict"] = json!(turned.to_owned());
}

fn invert(estimate: &mut Value) {
    let inverse = |value: &Value| json!(1.0 / value.as_f64().expect("a number"));
    estimate["ratio"] = inverse(&estimate["ratio"]);
    if estimate.get("interval").is_some() {
        let (low, high) = (inverse(&estimate["interval"]["high"]), inverse(&estimate["interval"]["low"]));
        (estimate["interval"]["low"], estimate["interval"]["high"]) = (low, high);
    }
}

#[test]
fn sentences_follow_the_figures_when_systems_exchange_them() {
    let mut turned = documents();
    turned.iter_mut().for_each(exchanged);
    let (before, after) = (found(&documents()), found(&turned));
    for name in NAMES {
        for topic in [Topic::Strength, Topic::Weakness] {
            let mut there: Vec<String> =
                texts(before.on(&topic(name.to_owned()))).iter().map(|text| other_name(text)).collect();
            let mut here = texts(after.on(&topic(other_name(name))));
            there.sort();
            here.sort();
            assert!(!there.is_empty(), "{:?} is put to the test", topic(name.to_owned()));
            assert_eq!(here, there);
        }
    }
    let choice = |found: &Findings| plain(&found.summary[0].sentence);
    assert!(choice(&before).starts_with("Ship CrucibleCore: "), "{}", choice(&before));
    assert!(choice(&after).starts_with("Keep DataCoordinator: "), "{}", choice(&after));
}

#[test]
fn a_longer_latency_speaks_against_the_faster_system() {
    for (key, name) in [("p50", "P50"), ("p95", "P95"), ("p99", "P99")] {
        let mut documents = documents();
        let figure = documents[0].pointer_mut("/results/latency/5").expect("the last load");
        figure["systems"][0]["rounds"][0]["latency"][key] = json!(1_000_000_000);
        figure["systems"][1]["rounds"][0]["latency"][key] = json!(2_000_000_000);
        figure["ratios"][0][key]["ratio"] = json!(2.0);
        figure["ratios"][0][key]["interval"] = json!({"low": 1.7, "high": 2.5, "confidence": 0.99});
        let found = found(&documents);
        let told = texts(found.summary.iter());
        assert!(told[0].starts_with("Weigh throughput against latency: CrucibleCore is faster"), "{told:#?}");
        let costs = format!(
            "Weigh what speaks against CrucibleCore: under equal load its {name} is higher in 1 of 3 cases; not "
        );
        assert!(told.iter().any(|line| line.starts_with(&costs)), "{told:#?}");
        let performance = found.criteria.iter().find(|criterion| criterion.name == "performance");
        assert_eq!(performance.expect("it is asked").answer, Answer::No);
    }
}

/// As the files of before have it, or those of loads with few events.
#[test]
fn of_latencies_without_one_of_their_quantiles_nothing_is_said() {
    for gone in ["/ratios/0/p95", "/systems/0/rounds/0/lag", "/systems/1/rounds/0/latency/p99"] {
        let mut documents = documents();
        for load in [0, 4, 5] {
            let (parent, key) = gone.rsplit_once('/').expect("a pointer");
            let pointer = format!("/results/latency/{load}{parent}");
            let parent = documents[0].pointer_mut(&pointer).and_then(Value::as_object_mut);
            parent.expect("of each load").remove(key).expect("it was there");
        }
        let found = found(&documents);
        let told = texts(found.summary.iter());
        if gone.ends_with("p99") {
            // What is not known of the rounds is not shown.
            assert!(told[0].contains("P50, P95 or P99 of its latency is lower in 1 of 3 cases"), "{told:#?}");
        } else {
            assert!(told[0].contains("latency is not decided"), "{told:#?}");
            assert!(!found.findings.iter().any(|finding| finding.rule == "latency/sooner"));
        }
    }
}

#[test]
fn no_comparison_counts_where_a_system_differed_from_itself() {
    let mut documents = documents();
    let of_comparison = |found: &Findings| {
        let cites =
            |sentence: &&Sentence| sentence.figures().any(|figure| figure.target == "comparison_analysis");
        all_sentences(found).into_iter().filter(cites).map(plain).collect::<Vec<_>>()
    };
    assert!(of_comparison(&found(&documents)).len() > 3);
    *documents[5].pointer_mut("/results/reliability/reliable").expect("a control") = json!(false);
    let left = of_comparison(&found(&documents));
    assert!(left.len() == 1 && left[0].starts_with("A system came out different from itself"), "{left:#?}");
}

#[test]
fn a_bottleneck_is_named_with_what_decided() {
    let found = found(&documents());
    let told = texts(found.on(&Topic::Bottleneck(NAMES[0].to_owned())));
    assert!(told.len() == 1 && told[0].contains("held back by serial stage ("), "{told:#?}");
    let told = texts(found.on(&Topic::Bottleneck(NAMES[1].to_owned())));
    assert!(told.len() == 1 && told[0].contains("held back by CPU ("), "{told:#?}");
}

/// Both get the baseline's figures.
fn alike(value: &mut Value) {
    if value.get("over").and_then(Value::as_str) == Some(NAMES[0]) {
        for estimate in estimates(value) {
            estimate["ratio"] = json!(1.0);
            estimate["interval"] = json!({"low": 0.97, "high": 1.04, "confidence": 0.95});
        }
    }
    if value.get("quartile").is_some() {
        value["quartile"]["estimate"]["interval"] = json!({"low": 0.97, "high": 1.04, "confidence": 0.95});
        value["verdict"] = json!("inconclusive");
    }
    match value {
        Value::Object(fields) => fields.values_mut().for_each(alike),
        Value::Array(elements) => {
            let original = elements.iter().find(|element| element["system"] == NAMES[0]).cloned();
            for element in elements.iter_mut() {
                let name = element["system"].as_str().unwrap_or_default().to_owned();
                match &original {
                    // Variants, too, which have the name and more.
                    Some(original) if name.starts_with(NAMES[1]) && element.get("over").is_none() => {
                        let role = element.get("role").cloned();
                        element.clone_from(original);
                        element["system"] = json!(name);
                        if let Some(role) = role {
                            element["role"] = role;
                        }
                    }
                    _ => alike(element),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn a_system_against_itself_has_no_winner_and_no_recommendation() {
    let mut same = documents();
    same.iter_mut().for_each(alike);
    let found = found(&same);
    let against = |finding: &&Finding| {
        let text = plain(&finding.sentence);
        let is_side = matches!(finding.topic, Topic::Strength(_) | Topic::Weakness(_));
        is_side && NAMES.iter().all(|name| text.contains(name))
    };
    assert_eq!(texts(found.findings.iter().filter(against)), [""; 0]);
    assert_eq!(texts(found.on(&Topic::Recommendation)), [""; 0]);
    let yes = found.criteria.iter().filter(|criterion| criterion.answer == Answer::Yes);
    let better: Vec<_> = yes
        .filter(|criterion| criterion.asks.contains("better") || criterion.asks.contains("more"))
        .collect();
    assert!(better.is_empty(), "{better:#?}");
}
