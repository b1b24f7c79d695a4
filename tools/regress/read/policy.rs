use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crucible_profiles::{Metric, Refusal, Result};
use jiff::civil::Date;
use serde::Deserialize;

/// Shares of a count are held in parts per million, so that comparing them is exact.
pub const PPM_PER_PERCENT: f64 = 10_000.0;

/// What a project allows: `ci/regress.toml`.
#[derive(Debug, Clone)]
pub struct Policy {
    tolerance_ppm: BTreeMap<Metric, u64>,
    drift_ppm: BTreeMap<Metric, u64>,
    kernels: BTreeMap<String, BTreeMap<Metric, u64>>,
    /// Regressions that are known and allowed for a while.
    pub waivers: Vec<Waiver>,
}

/// A regression of one kernel that is allowed until a day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Its exact name.
    pub kernel: String,
    /// In which metric.
    pub metric: Metric,
    /// Why.
    pub reason: String,
    /// The last day on which it holds (UTC).
    pub until: Date,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tolerance: BTreeMap<Metric, f64>,
    #[serde(default)]
    drift: BTreeMap<Metric, f64>,
    #[serde(default)]
    kernels: BTreeMap<String, Overrides>,
    #[serde(default)]
    waivers: Vec<Waiver>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Overrides {
    tolerance: BTreeMap<Metric, f64>,
}

impl Policy {
    /// Reads it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| Refusal::file(path, &error))?;
        Self::parse(&text).map_err(|what| Refusal::new(format!("`{}`: {what}", path.display())))
    }

    fn parse(text: &str) -> std::result::Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        for metric in Metric::ALL.into_iter().filter(|metric| metric.is_exact()) {
            if !file.tolerance.contains_key(&metric) {
                return Err(format!("[tolerance] says nothing of `{}`", metric.name()));
            }
        }
        let mut kernels = BTreeMap::new();
        for (kernel, overrides) in file.kernels {
            let tolerance = in_ppm(&format!("kernels.\"{kernel}\".tolerance"), overrides.tolerance)?;
            kernels.insert(kernel, tolerance);
        }
        if let Some(empty) = file.waivers.iter().find(|waiver| waiver.reason.trim().is_empty()) {
            return Err(format!("the waiver of `{}` has no reason", empty.kernel));
        }
        Ok(Self {
            tolerance_ppm: in_ppm("tolerance", file.tolerance)?,
            drift_ppm: in_ppm("drift", file.drift)?,
            kernels,
            waivers: file.waivers,
        })
    }

    /// By how much a count may grow or shrink and still pass for the same, in parts per million of the baseline;
    /// `None` if the metric only informs.
    pub fn tolerance_ppm(&self, kernel: &str, metric: Metric) -> Option<u64> {
        let own = self.kernels.get(kernel).and_then(|tolerance| tolerance.get(&metric));
        own.or_else(|| self.tolerance_ppm.get(&metric)).copied()
    }

    /// By how much accepted changes may add up between two releases, in parts per million; `None` if there is no limit.
    pub fn drift_ppm(&self, metric: Metric) -> Option<u64> {
        self.drift_ppm.get(&metric).copied()
    }

    /// The kernels that are named: a name that no kernel has is a mistake.
    pub fn named_kernels(&self) -> impl Iterator<Item = &str> {
        self.kernels.keys().map(String::as_str).chain(self.waivers.iter().map(|waiver| &waiver.kernel[..]))
    }
}

fn in_ppm(
    section: &str,
    percents: BTreeMap<Metric, f64>,
) -> std::result::Result<BTreeMap<Metric, u64>, String> {
    let in_ppm = |(metric, percent): (Metric, f64)| {
        if !metric.is_exact() {
            return Err(format!(
                "[{section}] `{}` depends on where things lie in memory and only informs",
                metric.name()
            ));
        }
        if !(0.0..=1000.0).contains(&percent) {
            return Err(format!(
                "[{section}] `{}` is {percent}; it is per cent, from 0 to 1000",
                metric.name()
            ));
        }
        Ok((metric, (percent * PPM_PER_PERCENT).round() as u64))
    };
    percents.into_iter().map(in_ppm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
[tolerance]
instructions = 0.2
bus_events = 0
blocks = 0
bytes = 0
[drift]
instructions = 2
[kernels."match/core/10_rules".tolerance]
instructions = 0.1
[[waivers]]
kernel = "decode/json_1kib"
metric = "instructions"
reason = "numbers are read exactly"
until = "2026-12-31"
"#;

    #[test]
    fn a_kernels_own_tolerance_goes_before_the_general_one() {
        let policy = Policy::parse(POLICY).expect("a policy");
        assert_eq!(policy.tolerance_ppm("match/core/10_rules", Metric::Instructions), Some(1000));
        assert_eq!(policy.tolerance_ppm("match/core/10_rules", Metric::Blocks), Some(0));
        assert_eq!(policy.tolerance_ppm("validate/full", Metric::Instructions), Some(2000));
        assert_eq!(policy.tolerance_ppm("validate/full", Metric::L1Misses), None);
        assert_eq!(policy.drift_ppm(Metric::Instructions), Some(20_000));
        assert_eq!(policy.drift_ppm(Metric::Blocks), None);
        assert_eq!(policy.waivers[0].until, jiff::civil::date(2026, 12, 31));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, what) in [
            (POLICY.replace("blocks = 0\n", ""), "[tolerance] says nothing of `blocks`"),
            (POLICY.replace("= 0.2", "= -1"), "`instructions` is -1; it is per cent"),
            (POLICY.replace("= 0.2", "= nan"), "`instructions` is NaN"),
            (POLICY.replace("bytes = 0", "bytes = 0\nl1_misses = 1"), "only informs"),
            (POLICY.replace("bytes = 0", "bites = 0"), "unknown variant `bites`"),
            (POLICY.replace("[drift]", "[drifft]"), "unknown field `drifft`"),
            (POLICY.replace("2026-12-31", "2026-02-30"), "2026-02-30"),
            (POLICY.replace("numbers are read exactly", " "), "`decode/json_1kib` has no reason"),
            (POLICY.replace("[tolerance]", "[tolerance"), "line 2"),
        ] {
            let refusal = Policy::parse(&text).expect_err(what);
            assert!(refusal.contains(what), "{refusal}");
        }
    }
}
