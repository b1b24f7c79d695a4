use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

/// `*` stays within a name, `**` does not.
const WITHIN_NAMES: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// What is left out of a recording.
#[derive(Debug)]
pub struct Ignored {
    patterns: Vec<Pattern>,
    /// The trace itself, if it lies in the folder: to record that it was written would never end.
    output: Option<PathBuf>,
}

impl Ignored {
    /// `root`: the folder, without links. `output`: the trace, which need not be there yet.
    pub fn new(patterns: &[Pattern], root: &Path, output: &Path) -> Self {
        let parent =
            output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // A folder that is not there gets no trace either.
        let whole =
            parent.canonicalize().ok().zip(output.file_name()).map(|(parent, name)| parent.join(name));
        let output = whole.and_then(|path| Some(path.strip_prefix(root).ok()?.to_owned()));
        Self { patterns: patterns.to_vec(), output }
    }

    /// Whether this, from the folder, is left out, or something that it lies in.
    pub fn covers(&self, path: &Path) -> bool {
        let matches = |part: &Path| self.patterns.iter().any(|pattern| self.matches(pattern, part));
        self.output.as_deref() == Some(path) || path.ancestors().any(matches)
    }

    fn matches(&self, pattern: &Pattern, part: &Path) -> bool {
        let Some(name) = part.file_name() else { return false };
        pattern.matches_path_with(Path::new(name), WITHIN_NAMES)
            || pattern.matches_path_with(part, WITHIN_NAMES)
    }

    /// For the header: nothing, or what is left out.
    pub fn words(&self) -> String {
        let patterns: Vec<&str> = self.patterns.iter().map(Pattern::as_str).collect();
        if patterns.is_empty() { String::new() } else { format!(", without {}", patterns.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(patterns: &[&str]) -> Ignored {
        let patterns: Vec<Pattern> = patterns.iter().map(|text| Pattern::new(text).expect(text)).collect();
        Ignored::new(&patterns, Path::new("/absent"), Path::new("/elsewhere/t.jsonl"))
    }

    #[test]
    fn names_and_paths_are_left_out_with_all_below() {
        let ignored = ignored(&[".git", "*.tmp", "build/*/cache", "docs/**/old"]);
        for (path, covered) in [
            (".git", true),
            ("deep/in/.git/objects/ab", true),
            ("a.tmp", true),
            ("a.tmp.d", false),
            ("build/x/cache/f", true),
            ("build/x/y/cache", false),
            ("elsewhere/build/x/cache", false),
            ("docs/a/b/old/f", true),
            ("gitignore", false),
            ("", false),
        ] {
            assert_eq!(ignored.covers(Path::new(path)), covered, "{path}");
        }
        assert_eq!(ignored.words(), ", without .git, *.tmp, build/*/cache, docs/**/old");
    }

    #[test]
    fn the_trace_itself_is_left_out_wherever_it_lies_in_the_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("it is there");
        std::fs::create_dir(root.join("deep")).expect("writable");
        let ignored = Ignored::new(&[], &root, &folder.path().join("deep/../deep/t.jsonl"));
        assert!(ignored.covers(Path::new("deep/t.jsonl")));
        assert!(!ignored.covers(Path::new("t.jsonl")) && !ignored.covers(Path::new("deep")));
        assert_eq!(ignored.words(), "");
    }
}
