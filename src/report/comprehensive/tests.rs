//! Both forms of the page, and that it holds together whatever is missing.

use std::collections::HashSet;

use serde_json::Value;

use super::*;
use crate::analysis::findings::fixture::{documents, run_of};

fn written() -> Moment {
    Moment::try_from("2026-11-29T04:00:00Z".to_owned()).expect("RFC 3339")
}

fn report(documents: &[Value]) -> Report {
    Report::of(&run_of(documents), written()).expect("documents of these kinds")
}

/// Pictures apart: what they show is told by their captions.
fn without_pictures(html: &str) -> String {
    let mut out = String::new();
    for part in html.split("<svg ") {
        out += part.split_once("</svg>").map_or(part, |(_, rest)| rest);
    }
    out
}

#[test]
fn the_report_in_all_its_forms() {
    let report = report(&documents());
    insta::assert_snapshot!("markdown", report.markdown);
    insta::assert_snapshot!("html", without_pictures(&report.html));
    insta::assert_snapshot!("verdict", report.verdict);
}

fn attributes<'h>(html: &'h str, name: &str) -> Vec<&'h str> {
    let begin = format!(" {name}=\"");
    html.split(&begin).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_link_leads_somewhere_and_every_id_is_there_once() {
    let html = report(&documents()).html;
    let ids = attributes(&html, "id");
    let known: HashSet<&str> = ids.iter().copied().collect();
    let twice: Vec<_> = ids.iter().filter(|id| ids.iter().filter(|other| other == id).count() > 1).collect();
    assert_eq!(twice, [&""; 0]);
    let links = attributes(&html, "href");
    let lost: Vec<_> =
        links.iter().filter(|link| !link.strip_prefix('#').is_some_and(|id| known.contains(id))).collect();
    assert_eq!(lost, [&""; 0]);
    assert!(links.len() > 60, "{}", links.len());
    let markdown = report(&documents()).markdown;
    for link in markdown.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(markdown.contains(&format!("<a id=\"{link}\"></a>")), "{link}");
    }
}

#[test]
fn the_page_needs_nothing_else() {
    let html = report(&documents()).html;
    for foreign in ["<script", "http://", "https://", "<link", "@import", "url("] {
        let found = html
            .replace("http://www.w3.org/2000/svg", "")
            .find(foreign)
            .map(|at| &html[at.saturating_sub(60)..at]);
        assert_eq!(found, None, "{foreign}");
    }
    assert!(html.contains("<meta name=\"viewport\"") && html.contains("prefers-color-scheme: dark"));
}

#[test]
fn with_each_file_missing_it_renders_and_says_so() {
    let documents = documents();
    for missing in 0..documents.len() {
        let mut rest = documents.clone();
        let gone = rest.remove(missing);
        let target = gone.get("target").and_then(Value::as_str).unwrap_or("instructions").to_owned();
        let report = report(&rest);
        let said = format!("| {} | this run has no results of it |", crucible_tables::escaped(&target));
        assert!(report.markdown.contains(&said), "{target}");
        assert!(!report.html.contains(&format!("href=\"#{target}-")), "{target}");
        assert!(report.html.ends_with("</html>\n"));
    }
    let nothing = report(&[]);
    assert!(nothing.markdown.contains("No recommendation"), "{}", nothing.markdown);
}

#[test]
fn an_unreliable_run_cannot_be_overlooked() {
    let mut unreliable = documents();
    let compared = unreliable.iter_mut().find(|document| document["target"] == "comparison_analysis");
    let results = &mut compared.expect("it is in the fixture")["results"];
    results["reliability"]["reliable"] = Value::Bool(false);
    results["controls"][0]["verdict"] = "slower".into();
    let name = results["controls"][0]["system"]["system"].as_str().expect("a name").to_owned();
    let page = report(&unreliable).markdown;
    let said = format!("Unreliable: {name} came out different from itself");
    assert_eq!(page.matches(&said).count(), 2, "in the summary and above the table: {page}");
    assert!(page.contains("| – (faster) |") && !page.contains("| faster |"), "{page}");
    assert!(!report(&documents()).markdown.contains("Unreliable"));
}

/// What was not written by us must not be taken for markup.
#[test]
fn names_from_files_are_escaped_everywhere() {
    const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'&";
    let mut hostile = documents();
    let renamed = |text: &str| text.replace("CrucibleCore", HOSTILE);
    for document in &mut hostile {
        let text = serde_json::to_string(document).expect("was JSON");
        let value = serde_json::to_string(&renamed("CrucibleCore")).expect("a string");
        let inner = value.trim_matches('"').to_owned();
        *document = serde_json::from_str(&text.replace("CrucibleCore", &inner)).expect("still JSON");
    }
    let report = report(&hostile);
    assert!(!report.html.contains("<img") && report.html.contains("&lt;img src=x"), "escaped in HTML");
    assert!(
        !report.markdown.contains("<img") && report.markdown.contains("&lt;img src=x"),
        "escaped in Markdown"
    );
    let json: Value = serde_json::from_str(&report.json).expect("JSON");
    assert_eq!(json["systems"][1], HOSTILE);
}

#[test]
fn files_of_different_runs_are_told_loudly() {
    let mut mixed = documents();
    mixed[1]["provenance"]["source"]["commit"] = "ffffffffffffffffffffffffffffffffffffffff".into();
    mixed[2]["complete"] = false.into();
    let report = report(&mixed);
    assert!(report.html.contains("class=\"warning\"") && report.html.contains("ffffff"), "commit");
    assert!(report.markdown.contains("**Warning:** These files are not of one run (different commits: "));
    assert!(report.markdown.contains("was interrupted"));
    assert!(report.verdict.starts_with("WARNING: not of one run: different commits"), "{}", report.verdict);
    assert!(!self::report(&documents()).html.contains("class=\"warning\""));
}

#[test]
fn json_tells_the_same() {
    let report = report(&documents());
    let json: Value = serde_json::from_str(&report.json).expect("JSON");
    assert_eq!(json["schema"], "crucible-report/1");
    for finding in json["findings"].as_array().expect("findings") {
        let text = finding["text"].as_str().expect("a text");
        assert!(report.markdown.contains(&crucible_tables::escaped(text)), "{text}");
        assert!(!finding["figures"].as_array().expect("figures").is_empty(), "{text}");
    }
}

#[test]
fn a_run_does_not_differ_from_itself_and_does_from_another() {
    let run = run_of(&documents());
    let same = diff(&run, &run).expect("of these kinds");
    assert!(same.changes.iter().all(|change| matches!(change.moved, Moved::NotShown | Moved::NoInterval)));
    assert!(same.changes.len() > 20 && same.circumstances.is_empty() && same.unmatched.is_empty());
    let mut other = documents();
    let estimate = &mut other[0]["results"]["throughput"][0]["ratios"][0]["estimate"];
    (estimate["ratio"], estimate["interval"]) =
        (99.0.into(), serde_json::json!({"low": 98.0, "high": 100.0, "confidence": 0.95}));
    let peak = other[2].pointer_mut("/results/usage/2/systems/0/run/after/bytes/peak").expect("the long run");
    *peak = 1.into();
    let limits = "/results/limits/1/systems/0/bottleneck/verdict/bottleneck";
    *other[3].pointer_mut(limits).expect("the idle limit") = "cpu".into();
    let changed = diff(&run, &run_of(&other[..4])).expect("of these kinds");
    let text = changed.text(false);
    insta::assert_snapshot!("diff", text);
    assert!(changed.text(true).len() > text.len());
    for (document, place, value, told) in [
        (4, "/judgement/kernels/0/changes/0/now", serde_json::json!(8_038), "breaker/closed, instructions"),
        (
            5,
            "/results/comparisons/0/quartile/estimate",
            serde_json::json!({"ratio": 4.5, "interval": {"low": 4.0, "high": 5.0, "confidence": 0.99}, "rounds": 15, "p": 0.001}),
            "scenario/medium/batch/1_thread, CrucibleCore / DataCoordinator",
        ),
    ] {
        let mut other = documents();
        *other[document].pointer_mut(place).expect(place) = value;
        let changed = diff(&run, &run_of(&other)).expect("of these kinds");
        assert!(changed.text(false).contains(told), "{}", changed.text(false));
    }
}
