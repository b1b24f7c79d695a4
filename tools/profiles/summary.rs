use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{Counts, Metric, ProfileError};

/// The version of the summaries' schema: iai-callgrind 0.16.
pub const SUMMARY_SCHEMA: &str = "6";

/// The counts of one benchmark, as iai-callgrind summed them up.
///
/// # Errors
/// If there is no summary, none of the known schema, or one without instructions. Other counts may be missing: they
/// were not asked for.
pub fn read_summary(path: &Path) -> Result<Counts, ProfileError> {
    let bytes = fs::read(path).map_err(|source| ProfileError::file(path, source))?;
    counts(&bytes).map_err(|what| ProfileError::content(path, what))
}

fn counts(summary: &[u8]) -> Result<Counts, String> {
    let summary: Value =
        serde_json::from_slice(summary).map_err(|error| format!("no summary by iai-callgrind: {error}"))?;
    let version = &summary["version"];
    if version != SUMMARY_SCHEMA {
        return Err(format!(
            "its schema is {version}, this program reads \"{SUMMARY_SCHEMA}\" (iai-callgrind 0.16)"
        ));
    }
    let profiles = summary["profiles"].as_array().ok_or("no profiles")?;
    let by = |tool| profiles.iter().find(|profile| profile["tool"] == tool);
    let callgrind = total(by("Callgrind").ok_or("no profile by callgrind")?, "Callgrind")?;
    let mut counts = Counts::new();
    counts.insert(Metric::Instructions, count(callgrind, "Ir").ok_or("no count of Ir")?);
    let mut insert = |metric, total, kinds: &[&str]| {
        let sum = kinds.iter().map(|kind| count(total, kind)).sum::<Option<u64>>();
        counts.extend(sum.map(|sum| (metric, sum)));
    };
    insert(Metric::BusEvents, callgrind, &["Ge"]);
    insert(Metric::L1Misses, callgrind, &["I1mr", "D1mr", "D1mw"]);
    insert(Metric::LlMisses, callgrind, &["ILmr", "DLmr", "DLmw"]);
    if let Some(dhat) = by("DHAT") {
        let dhat = total(dhat, "Dhat")?;
        insert(Metric::Blocks, dhat, &["TotalBlocks"]);
        insert(Metric::Bytes, dhat, &["TotalBytes"]);
    }
    Ok(counts)
}

fn total<'a>(profile: &'a Value, tool: &str) -> Result<&'a Value, String> {
    let summaries = &profile["summaries"];
    let parts = summaries["parts"].as_array().ok_or_else(|| format!("no parts of {tool}"))?;
    let new = parts.iter().filter(|part| part["details"].get("Right").is_none()).count();
    if new != 1 {
        return Err(format!("{tool}'s counts of {new} processes or threads, not of one"));
    }
    Ok(&summaries["total"]["summary"][tool])
}

/// `Left` is the new run alone, `Both` a pair of the new and the one before, `Right` the one before alone.
fn count(total: &Value, kind: &str) -> Option<u64> {
    let metrics = &total[kind]["metrics"];
    let new = metrics.get("Left").or_else(|| metrics.get("Both")?.get(0))?;
    new["Int"].as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(version: &str, metrics: &str) -> String {
        let part = r#"{"details":{"Left":{}}}"#;
        format!(
            r#"{{"version":"{version}","profiles":[{{"tool":"DHAT","summaries":{{"parts":[{part}],
               "total":{{"summary":{{"Dhat":{{"TotalBlocks":{{"metrics":{{"Left":{{"Int":3}}}}}}}}}}}}}}}},
               {{"tool":"Callgrind","summaries":{{"parts":[{part}],
               "total":{{"summary":{{"Callgrind":{metrics}}},"regressions":[]}}}}}}]}}"#
        )
    }

    #[test]
    fn the_new_counts_are_read_with_and_without_an_earlier_run() {
        let both = r#"{"Ir":{"diffs":{},"metrics":{"Both":[{"Int":7},{"Int":9}]}},"Ge":{"metrics":{"Left":{"Int":2}}}}"#;
        let both =
            summary(SUMMARY_SCHEMA, both).replace("\"parts\":[", "\"parts\":[{\"details\":{\"Right\":{}}},");
        let read = counts(both.as_bytes()).expect("both counts are there");
        let expected = [(Metric::Instructions, 7), (Metric::BusEvents, 2), (Metric::Blocks, 3)];
        assert_eq!(read, expected.into());
    }

    #[test]
    fn what_is_missing_is_named_never_zero() {
        let alone = r#"{"Ir":{"metrics":{"Left":{"Int":7}}}}"#;
        let old = r#"{"Ir":{"metrics":{"Right":{"Int":7}}},"Ge":{"metrics":{"Left":{"Int":2}}}}"#;
        let twice =
            summary(SUMMARY_SCHEMA, alone).replace("\"parts\":[", "\"parts\":[{\"details\":{\"Both\":[]}},");
        for (text, what) in [
            (summary(SUMMARY_SCHEMA, old), "no count of Ir"),
            (twice, "counts of 2 processes"),
            (summary("7", alone), "its schema is \"7\""),
            (format!(r#"{{"version":"{SUMMARY_SCHEMA}","profiles":[]}}"#), "no profile by callgrind"),
            (summary(SUMMARY_SCHEMA, alone)[..100].to_owned(), "EOF"),
            (String::new(), "EOF"),
        ] {
            let refusal = counts(text.as_bytes()).expect_err(&text);
            assert!(refusal.contains(what), "{refusal}");
        }
        let counts = counts(summary(SUMMARY_SCHEMA, alone).as_bytes()).expect("instructions are there");
        assert_eq!(counts.get(&Metric::BusEvents), None);
    }
}
