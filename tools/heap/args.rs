use std::num::NonZeroU64;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Tells what is in a heap profile in dhat's format, version 2, as the crate dhat and valgrind's DHAT write it.
///
/// Profiles come from a program that has a `dhat::Profiler`, or from: valgrind --tool=dhat PROGRAM
#[derive(Parser)]
#[command(name = "cargo heap", bin_name = "cargo heap", after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub verb: Verb,
    #[command(flatten)]
    pub common: Common,
}

const EXIT_CODES: &str = "\
Exit status:
  0  told, and within all limits
  1  could not tell: no file, none of dhat's, cut off, without stacks; a pattern that matches nothing
  2  wrong usage
  3  a limit is exceeded";

#[derive(Args)]
pub struct Common {
    /// How to print the result
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
    /// What is yours: a part of a function's name, of a file or of a library; may be given more than once
    ///
    /// By default all that is not the allocator's, the language's runtime, an async runtime or a system library.
    #[arg(long, global = true, value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new())]
    pub own: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal
    Text,
    /// For programs; versioned by `format`
    Json,
    /// For a pull request or a job summary
    Markdown,
}

/// What sites are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// All that was ever allocated
    Total,
    /// What lived when the program held most
    Peak,
    /// What lived at the end
    End,
}

impl By {
    /// As it is called in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Peak => "peak",
            Self::End => "end",
        }
    }

    /// As it is called in sentences.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Total => "in total",
            Self::Peak => "at the peak",
            Self::End => "at the end",
        }
    }
}

#[derive(Args)]
pub struct Top {
    /// How many sites to show; 0 shows all
    #[arg(long = "top", default_value_t = 10, value_name = "N")]
    count: usize,
}

impl Top {
    /// None if there is no limit.
    pub fn limit(&self) -> usize {
        if self.count == 0 { usize::MAX } else { self.count }
    }
}

#[derive(Subcommand)]
pub enum Verb {
    /// Show totals, and the sites that allocate most, hold most, leave most and allocate for a short time
    Summary {
        /// A profile
        file: PathBuf,
        /// Show who calls each site
        #[arg(long)]
        tree: bool,
        #[command(flatten)]
        top: Top,
    },
    /// Show what was still allocated at the end, the largest first, with who called
    Leaks {
        /// A profile
        file: PathBuf,
        #[command(flatten)]
        top: Top,
    },
    /// Show which sites appeared, are gone, grew or shrank
    Diff {
        /// The profile before
        old: PathBuf,
        /// The profile after
        new: PathBuf,
        /// Divide each difference by this many events
        #[arg(long, value_name = "N")]
        per_event: Option<NonZeroU64>,
        /// What to compare; by default what lived at the end, or all if that was not recorded
        #[arg(long, value_enum)]
        by: Option<By>,
        #[command(flatten)]
        top: Top,
    },
    /// Draw a flame graph
    Flame {
        /// A profile
        file: PathBuf,
        /// Where to write it
        #[arg(short, long, value_name = "SVG")]
        output: PathBuf,
        /// What widths stand for; by default what lived at the peak, or all if that was not recorded
        #[arg(long, value_enum)]
        by: Option<By>,
    },
    /// Hold a profile against limits
    Check {
        /// A profile
        file: PathBuf,
        #[command(flatten)]
        limits: Limits,
        /// Leave out sites with this in the name, file or library of a frame; may be given more than once
        // An empty one, as a variable that is not set makes, would leave out all.
        #[arg(long, value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new())]
        allow: Vec<String>,
    },
}

/// Sizes such as 64MiB, 512KiB, 1GB or 4096.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct Limits {
    /// Most bytes that may have lived at the peak, such as 64MiB
    #[arg(long, value_name = "SIZE")]
    pub max_peak: Option<Bytes>,
    /// Most blocks that may have lived at the peak
    #[arg(long, value_name = "N")]
    pub max_peak_blocks: Option<u64>,
    /// Most bytes that may be left at the end
    #[arg(long, value_name = "SIZE")]
    pub max_end_bytes: Option<Bytes>,
    /// Most blocks that may be left at the end
    #[arg(long, value_name = "N")]
    pub max_end_blocks: Option<u64>,
    /// Most bytes that may be allocated in total
    #[arg(long, value_name = "SIZE")]
    pub max_total_bytes: Option<Bytes>,
    /// Most blocks that may be allocated in total
    #[arg(long, value_name = "N")]
    pub max_total_blocks: Option<u64>,
}

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

const UNITS: [(&str, u64); 9] = [
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(|letter| letter.is_ascii_digit()).count();
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim_start();
        let factor =
            UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|&(_, factor)| factor);
        let (Ok(number), Some(factor)) = (number.parse::<u64>(), factor) else {
            return Err(
                "a size is a whole number with B, KiB, MiB, GiB, TiB, KB, MB, GB or nothing".to_owned()
            );
        };
        number.checked_mul(factor).map(Self).ok_or_else(|| "more than 16 EiB".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let sizes =
            [("0", 0), ("64MiB", 64 << 20), ("1 gib", 1 << 30), ("512KiB", 512 << 10), ("2KB", 2_000)];
        for (text, bytes) in sizes {
            assert_eq!(text.parse(), Ok(Bytes(bytes)));
        }
        for text in ["", "MiB", "1.5MiB", "-1", "1 MiB 2", "99999999TiB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }
}
