//! The format as a stream: each point is taken apart as it comes, and nothing of the text is kept.

use std::fmt;
use std::io::{BufReader, Read};

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use super::point::{Point, many};
use super::seen::Seen;
use super::{Profile, Stack};

/// Larger reads are no faster.
const BUFFER: usize = 1 << 16;

const VERSION: u64 = 2;

pub(super) fn read(reader: impl Read) -> Result<Profile, String> {
    // By value: only of a `BufReader` itself does std take bytes from the buffer at once.
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(BUFFER, reader));
    let mut raw = Raw::default();
    let read = Document(&mut raw).deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| refusal(&error))?;
    raw.finish()
}

/// What the parser says, as people say it.
fn refusal(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Io => error.to_string(),
        Category::Eof if error.line() <= 1 && error.column() == 0 => {
            "it is empty: the program was cut off before it wrote its profile".to_owned()
        }
        Category::Eof => format!(
            "it ends early, in line {}: the program was cut off while writing, or the copy is not complete",
            error.line()
        ),
        Category::Syntax => format!("this is not JSON: {error}; a heap profile by dhat is asked for"),
        Category::Data => error.to_string(),
    }
}

/// The file as it is: frames by their place in the file's own table, which comes last.
#[derive(Default)]
struct Raw {
    version: Option<u64>,
    profile: Profile,
    has_points: bool,
    /// For each frame of the file, its number.
    table: Option<Vec<u32>>,
}

impl Raw {
    fn finish(self) -> Result<Profile, String> {
        let Self { version, mut profile, has_points, table } = self;
        if version.is_none() {
            return Err("this is JSON, but no heap profile by dhat: it has no `dhatFileVersion`".to_owned());
        }
        let Some(table) = table.filter(|_| has_points) else {
            return Err("it has no `pps` or no `ftbl`: this is no whole profile".to_owned());
        };
        if !profile.stacks.is_empty() && profile.calls.is_empty() {
            return Err(
                "it has no stacks: the program was built without debug information, or is stripped; \
                        build it with `debug = 1` and `strip = false`"
                    .to_owned(),
            );
        }
        for call in &mut profile.calls {
            *call =
                *table.get(*call as usize).ok_or_else(|| format!("there is no frame {call} in `ftbl`"))?;
        }
        profile.frames.close();
        merge(&mut profile);
        Ok(profile)
    }
}

/// Makes equal stacks one, each where the first of them was.
fn merge(profile: &mut Profile) {
    let mut seen = Seen::with_capacity(profile.stacks.len());
    let (stacks, calls) = (&mut profile.stacks, &mut profile.calls);
    let (mut kept, mut end) = (0, 0);
    for at in 0..stacks.len() {
        let Stack { figures, calls: range } = stacks[at].clone();
        let stack = &calls[range.clone()];
        let next = u32::try_from(kept).expect("four billion stacks do not fit in any memory");
        let known = seen
            .find_or_remember(stack, next, |number| calls[stacks[number as usize].calls.clone()] == *stack);
        if let Some(number) = known {
            stacks[number as usize].figures += figures;
        } else {
            let length = range.len();
            calls.copy_within(range, end);
            stacks[kept] = Stack { figures, calls: end..end + length };
            (kept, end) = (kept + 1, end + length);
        }
    }
    stacks.truncate(kept);
    calls.truncate(end);
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(rename = "dhatFileVersion")]
    Version,
    #[serde(rename = "mode")]
    Mode,
    #[serde(rename = "bklt")]
    HasLifetimes,
    #[serde(rename = "bu")]
    ByteUnit,
    #[serde(rename = "bsu")]
    BytesUnit,
    #[serde(rename = "bksu")]
    BlocksUnit,
    #[serde(rename = "tu")]
    TimeUnit,
    #[serde(rename = "tuth")]
    ShortLived,
    #[serde(rename = "cmd")]
    Command,
    #[serde(rename = "pid")]
    Pid,
    #[serde(rename = "te")]
    EndTime,
    #[serde(rename = "tg")]
    PeakTime,
    #[serde(rename = "pps")]
    Points,
    #[serde(rename = "ftbl")]
    Frames,
    #[serde(other)]
    Other,
}

struct Document<'a>(&'a mut Raw);

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a heap profile by dhat, which is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Raw { version, profile, has_points, table } = self.0;
        while let Some(key) = map.next_key()? {
            let header = &mut profile.header;
            match key {
                Key::Version => *version = Some(checked_version(map.next_value()?)?),
                Key::Mode => header.mode = map.next_value()?,
                Key::HasLifetimes => header.has_lifetimes = map.next_value()?,
                Key::BytesUnit => header.byte_unit = map.next_value()?,
                Key::BlocksUnit => header.block_unit = map.next_value()?,
                Key::TimeUnit => header.time_unit = map.next_value()?,
                Key::ShortLived => header.short_lived = map.next_value()?,
                Key::Command => header.command = map.next_value()?,
                Key::Pid => header.pid = map.next_value()?,
                Key::EndTime => header.end_time = map.next_value()?,
                Key::PeakTime => header.peak_time = map.next_value()?,
                Key::Points => {
                    *has_points = true;
                    map.next_value_seed(Points(profile))?;
                }
                Key::Frames => *table = Some(map.next_value_seed(Table(profile))?),
                Key::ByteUnit | Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

fn checked_version<E: serde::de::Error>(version: u64) -> Result<u64, E> {
    if version == VERSION {
        return Ok(version);
    }
    Err(E::custom(format!(
        "version {version} of dhat's format; this program reads version {VERSION}, \
         as valgrind 3.17 and later and the crate dhat 0.3 write it"
    )))
}

many!(Points, (), "a list of points of the program", |profile, sequence| {
    while sequence.next_element_seed(Point(profile))?.is_some() {}
    Ok(())
});

many!(Table, Vec<u32>, "a list of frames", |profile, sequence| {
    let mut table = Vec::new();
    while let Some(number) = sequence.next_element_seed(Text(profile))? {
        table.push(number);
    }
    Ok(table)
});

/// One frame, whose text is looked at and not kept.
struct Text<'a>(&'a mut Profile);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = u32;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u32, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Text<'_> {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a frame as text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<u32, E> {
        self.0.frames.number(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dhat::{Amount, Figures};

    const PROFILE: &str = r#"{"dhatFileVersion":2,"mode":"heap","verb":"Allocated","bklt":true,"bkacc":true,
        "tu":"instrs","Mtu":"Minstr","tuth":500,"cmd":"a b","pid":7,"te":90,"tg":80,
        "pps":[{"tb":96,"tbk":3,"tl":9,"mb":5,"mbk":1,"gb":64,"gbk":2,"eb":32,"ebk":1,"acc":[1,-3],"fs":[1,2,3]},
        {"tb":8,"tbk":1,"fs":[1,5]},{"tb":4,"tbk":1,"tl":1,"eb":4,"ebk":1,"fs":[1,2,4]}],
        "ftbl":["[root]","0x48417B4: malloc (in /usr/libexec/valgrind/vgpreload_dhat-amd64-linux.so)",
        "0x22FF9A: with<(A, B)> (src/a.rs:95)","0x3: bench::kernel (benches/b.rs:7)",
        "0x4: bench::kernel (benches/b.rs:7)","0x5: ???"]}"#;

    fn parsed(text: &str) -> Result<Profile, String> {
        Profile::from_reader(text.as_bytes())
    }

    #[test]
    fn equal_stacks_are_one_whatever_their_addresses() {
        let profile = parsed(PROFILE).expect("a profile");
        let stacks: Vec<_> = profile.stacks().collect();
        let amount = |bytes, blocks| Amount { bytes, blocks };
        let first = Figures { total: amount(100, 4), peak: amount(64, 2), end: amount(36, 2), lifetimes: 10 };
        assert_eq!((stacks.len(), *stacks[0].0), (2, first));
        assert_eq!(stacks[1].0.total, amount(8, 1));
        assert_eq!(profile.sum().total, amount(108, 5));
        let names = |stack: &[u32]| {
            stack
                .iter()
                .map(|&call| profile.frame(call).function.unwrap_or("–").to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(stacks[0].1), ["malloc", "with<(A, B)>", "bench::kernel"]);
        assert_eq!(names(stacks[1].1), ["malloc", "–"]);
        let header = &profile.header;
        assert_eq!((&header.mode[..], &header.command[..], header.pid), ("heap", "a b", 7));
        assert_eq!((header.short_lived, header.end_time, header.peak_time), (Some(500), 90, Some(80)));
    }

    #[test]
    fn keys_may_come_in_any_order() {
        let (head, rest) = PROFILE.split_once("\"pps\"").expect("points");
        let (points, table) = rest.split_once("\"ftbl\"").expect("a table");
        let table = table.trim_end_matches('}');
        let points = points.trim_end().trim_end_matches(',');
        let head = head.trim_start_matches('{').trim_end().trim_end_matches(',');
        let turned = format!("{{\"ftbl\"{table},\"pps\"{points},{head}}}");
        let (profile, turned) = (parsed(PROFILE).expect("one"), parsed(&turned).expect("the same"));
        assert_eq!(profile.header, turned.header);
        assert!(profile.stacks().map(|(figures, _)| figures).eq(turned.stacks().map(|(figures, _)| figures)));
    }

    #[test]
    fn a_program_that_allocated_nothing_has_an_empty_profile() {
        let empty = r#"{"dhatFileVersion":2,"mode":"rust-heap","bklt":true,"pps":[],"ftbl":["[root]"]}"#;
        assert_eq!(parsed(empty).expect("a profile").sum(), Figures::default());
    }

    #[test]
    fn what_is_no_whole_profile_is_refused() {
        for (text, what) in [
            (PROFILE.replace("Version\":2", "Version\":1"), "version 1 of dhat's format"),
            (PROFILE.replace("Version\":2", "Version\":3"), "version 3 of dhat's format"),
            (PROFILE.replace("\"dhatFileVersion\":2,", ""), "it has no `dhatFileVersion`"),
            (PROFILE.replace("[1,5]", "[1,9]"), "no frame 9"),
            (PROFILE.replace("[1,5]", "[1,-9]"), "invalid value"),
            (PROFILE.replace("\"tbk\":1,\"fs\"", "\"fs\""), "a point without `tb` or `tbk`"),
            (PROFILE.replace("\"ftbl\"", "\"frames\""), "no `pps` or no `ftbl`"),
            (PROFILE[..300].to_owned(), "it ends early, in line 4"),
            (PROFILE[..PROFILE.len() - 1].to_owned(), "it ends early"),
            (format!("{PROFILE}x"), "not JSON"),
            ("x".to_owned(), "not JSON"),
            ("[1]".to_owned(), "a heap profile by dhat, which is a JSON object"),
            (String::new(), "it is empty"),
            ("{}".to_owned(), "it has no `dhatFileVersion`"),
            (
                PROFILE.replace("[1,2,3]", "[]").replace("[1,5]", "[]").replace("[1,2,4]", "[]"),
                "it has no stacks",
            ),
        ] {
            let refusal = parsed(&text).expect_err(what);
            assert!(refusal.contains(what), "{refusal}, not {what}");
        }
    }
}
