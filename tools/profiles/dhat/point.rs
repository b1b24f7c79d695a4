use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Figures, Profile, Stack};

/// Something that a profile has many of.
macro_rules! many {
    ($seed:ident, $value:ty, $expecting:literal, |$profile:ident, $sequence:ident| $read:block) => {
        struct $seed<'a>(&'a mut Profile);

        impl<'de> DeserializeSeed<'de> for $seed<'_> {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<$value, D::Error> {
                deserializer.deserialize_seq(self)
            }
        }

        impl<'de> Visitor<'de> for $seed<'_> {
            type Value = $value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($expecting)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut $sequence: A) -> Result<$value, A::Error> {
                let $profile = self.0;
                $read
            }
        }
    };
}

pub(super) use many;

many!(Calls, (), "a list of numbers of frames", |profile, sequence| {
    while let Some(frame) = sequence.next_element()? {
        profile.calls.push(frame);
    }
    Ok(())
});

#[derive(Deserialize)]
#[serde(field_identifier)]
enum PointKey {
    #[serde(rename = "tb")]
    TotalBytes,
    #[serde(rename = "tbk")]
    TotalBlocks,
    #[serde(rename = "tl")]
    Lifetimes,
    #[serde(rename = "gb")]
    PeakBytes,
    #[serde(rename = "gbk")]
    PeakBlocks,
    #[serde(rename = "eb")]
    EndBytes,
    #[serde(rename = "ebk")]
    EndBlocks,
    #[serde(rename = "fs")]
    Calls,
    #[serde(other)]
    Other,
}

/// One point of the program, which becomes a stack of the profile.
pub(super) struct Point<'a>(pub(super) &'a mut Profile);

impl<'de> DeserializeSeed<'de> for Point<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Point<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a point of the program")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let profile = self.0;
        let begin = profile.calls.len();
        let mut figures = Figures::default();
        let (mut has_bytes, mut has_blocks) = (false, false);
        while let Some(key) = map.next_key()? {
            match key {
                PointKey::TotalBytes => (figures.total.bytes, has_bytes) = (map.next_value()?, true),
                PointKey::TotalBlocks => (figures.total.blocks, has_blocks) = (map.next_value()?, true),
                PointKey::Lifetimes => figures.lifetimes = map.next_value()?,
                PointKey::PeakBytes => figures.peak.bytes = map.next_value()?,
                PointKey::PeakBlocks => figures.peak.blocks = map.next_value()?,
                PointKey::EndBytes => figures.end.bytes = map.next_value()?,
                PointKey::EndBlocks => figures.end.blocks = map.next_value()?,
                PointKey::Calls => map.next_value_seed(Calls(profile))?,
                PointKey::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if !(has_bytes && has_blocks) {
            return Err(A::Error::custom("a point without `tb` or `tbk`"));
        }
        profile.stacks.push(Stack { figures, calls: begin..profile.calls.len() });
        Ok(())
    }
}
