use super::systems::System;

/// What this run is to do.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) seeds: u64,
    pub(crate) first: u64,
    /// Only this one.
    pub(crate) seed: Option<u64>,
    system: Option<System>,
    pub(crate) list: bool,
    pub(crate) ignored: bool,
    exact: bool,
    filters: Vec<String>,
}

/// In a build that is not optimized these take half a minute for each system.
const SEEDS: u64 = 2_000;

/// libtest's options whose value is no filter.
const WITH_VALUE: [&str; 5] = ["--test-threads", "--color", "--format", "--skip", "--logfile"];

impl Arguments {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self {
            seeds: SEEDS,
            first: 0,
            seed: None,
            system: None,
            list: false,
            ignored: false,
            exact: false,
            filters: Vec::new(),
        };
        let mut words = words;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--seeds" => arguments.seeds = number(&word, words.next())?,
                "--first" => arguments.first = number(&word, words.next())?,
                "--seed" => arguments.seed = Some(number(&word, words.next())?),
                "--system" => arguments.system = Some(System::named(&words.next().unwrap_or_default())?),
                "--list" => arguments.list = true,
                "--ignored" => arguments.ignored = true,
                "--exact" => arguments.exact = true,
                option if WITH_VALUE.contains(&option) => drop(words.next()),
                option if option.starts_with('-') => {}
                filter => arguments.filters.push(filter.to_owned()),
            }
        }
        Ok(arguments)
    }

    /// Those to run, and how many are left out.
    pub(crate) fn systems(&self) -> (Vec<System>, usize) {
        let (chosen, left_out): (Vec<_>, Vec<_>) =
            System::ALL.into_iter().partition(|&system| self.wants(system));
        (chosen, left_out.len())
    }

    fn wants(&self, system: System) -> bool {
        let name = system.name();
        let fits = |filter: &String| if self.exact { name == filter } else { name.contains(filter.as_str()) };
        let filtered = self.filters.is_empty() || self.filters.iter().any(fits);
        filtered && self.system.is_none_or(|only| only == system)
    }
}

fn number(option: &str, value: Option<String>) -> Result<u64, String> {
    let value = value.unwrap_or_default();
    value.replace('_', "").parse().map_err(|_| format!("{option}: `{value}` is not a number"))
}
