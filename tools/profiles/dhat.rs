//! Heap profiles in dhat's format, version 2, as valgrind's DHAT writes them.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::ProfileError;

/// Blocks that were allocated with one stack of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// How many.
    pub blocks: u64,
    /// Their sizes together.
    pub bytes: u64,
    /// The allocating function first.
    pub frames: Vec<Frame>,
}

/// One call on a stack. What was inlined has frames of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// As the debug information names it: often without the path to it.
    pub function: String,
    /// The file, if that is known.
    pub file: Option<String>,
}

/// The part of the format that is used here; what else there is stays unread.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "dhatFileVersion")]
    version: u32,
    mode: String,
    pps: Vec<Point>,
    ftbl: Vec<String>,
}

#[derive(Deserialize)]
struct Point {
    #[serde(rename = "tb")]
    bytes: u64,
    #[serde(rename = "tbk")]
    blocks: u64,
    fs: Vec<usize>,
}

/// All sites whose stack passes through a function that has `entry` in its name.
///
/// # Errors
/// If the file cannot be read or is no heap profile of version 2.
pub fn sites_below(path: &Path, entry: &str) -> Result<Vec<Site>, ProfileError> {
    let bytes = fs::read(path).map_err(|source| ProfileError::file(path, source))?;
    sites(&bytes, entry).map_err(|what| ProfileError::content(path, what))
}

fn sites(bytes: &[u8], entry: &str) -> Result<Vec<Site>, String> {
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| format!("no heap profile by DHAT: {error}"))?;
    if document.version != 2 || document.mode != "heap" {
        let (version, mode) = (document.version, document.mode);
        return Err(format!(
            "version {version} in mode `{mode}`; this program reads version 2 in mode `heap`"
        ));
    }
    let frame =
        |&index: &usize| document.ftbl.get(index).ok_or_else(|| format!("no frame {index} in `ftbl`"));
    let mut sites = Vec::new();
    for point in &document.pps {
        let frames = point.fs.iter().map(frame).collect::<Result<Vec<_>, _>>()?;
        if frames.iter().any(|frame| frame.contains(entry)) {
            let frames = frames.into_iter().map(|frame| Frame::parse(frame)).collect();
            sites.push(Site { blocks: point.blocks, bytes: point.bytes, frames });
        }
    }
    Ok(sites)
}

impl Frame {
    /// `0x48417B4: malloc (in /usr/libexec/…)`, `0x22FF9A: alloc (library/alloc/src/alloc.rs:95)`, `0x1: ???`.
    fn parse(text: &str) -> Self {
        let text = text.split_once(": ").map_or(text, |(_, rest)| rest);
        let named = text.strip_suffix(')').and_then(|text| text.rsplit_once(" ("));
        let Some((function, location)) = named else {
            return Self { function: text.to_owned(), file: None };
        };
        let file = match location.strip_prefix("in ") {
            Some(_) => None,
            None => Some(location.rsplit_once(':').map_or(location, |(file, _)| file).to_owned()),
        };
        Self { function: function.to_owned(), file }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = r#"{"dhatFileVersion":2,"mode":"heap","verb":"Allocated","bklt":true,"bkacc":true,
        "pps":[{"tb":96,"tbk":3,"tl":9,"fs":[1,2,3]},{"tb":8,"tbk":1,"fs":[1,4]}],
        "ftbl":["[root]","0x48417B4: malloc (in /usr/libexec/valgrind/vgpreload_dhat-amd64-linux.so)",
        "0x22FF9A: with<(A, B)> (src/a.rs:95)","0x3: bench::kernel (benches/b.rs:7)","0x4: ???"]}"#;

    #[test]
    fn only_what_was_allocated_below_the_entry_is_told() {
        let frame = |function: &str, file: Option<&str>| Frame {
            function: function.to_owned(),
            file: file.map(str::to_owned),
        };
        let frames = vec![
            frame("malloc", None),
            frame("with<(A, B)>", Some("src/a.rs")),
            frame("bench::kernel", Some("benches/b.rs")),
        ];
        let expected = [Site { blocks: 3, bytes: 96, frames }];
        assert_eq!(sites(PROFILE.as_bytes(), "bench::").expect("a profile"), expected);
        let other = sites(PROFILE.as_bytes(), "???").expect("a profile");
        assert_eq!(other[0].frames[1], frame("???", None));
        assert_eq!(sites(PROFILE.as_bytes(), "another").expect("a profile"), []);
    }

    #[test]
    fn what_is_no_heap_profile_is_refused() {
        for (text, what) in [
            (PROFILE.replace("Version\":2", "Version\":1"), "version 1 in mode `heap`"),
            (PROFILE.replace("\"heap\"", "\"copy\""), "mode `copy`"),
            (PROFILE.replace("[1,4]", "[1,9]"), "no frame 9"),
            (PROFILE[..200].to_owned(), "EOF"),
            ("x".to_owned(), "no heap profile"),
        ] {
            let refusal = sites(text.as_bytes(), "").expect_err(what);
            assert!(refusal.contains(what), "{refusal}");
        }
    }
}
