use super::seen::Seen;

/// One call on a stack. What was inlined has frames of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame<'a> {
    /// As the debug information names it, often without the path to it; none in a program without such information.
    pub function: Option<&'a str>,
    /// The file, if that is known.
    pub file: Option<&'a str>,
    /// From 1, if that is known.
    pub line: Option<u32>,
    /// From 1, if that is known.
    pub column: Option<u32>,
    /// The program or library, if it is told instead of a file.
    pub module: Option<&'a str>,
}

/// What stands for a function without a name.
const NAMELESS: &str = "???";

impl<'a> Frame<'a> {
    /// `malloc (in /usr/libexec/…)`, `alloc (library/alloc/src/alloc.rs:95:9)`, `???`: without its address.
    pub(super) fn parse(text: &'a str) -> Self {
        let located = text.strip_suffix(')').and_then(|text| text.rsplit_once(" ("));
        let (function, location) = located.map_or((text, ""), |(function, location)| (function, location));
        let mut frame = Self { function: None, file: None, line: None, column: None, module: None };
        frame.function = (function != NAMELESS && !function.is_empty()).then_some(function);
        if let Some(module) = location.strip_prefix("in ") {
            frame.module = Some(module);
            return frame;
        }
        let (file, last) = number_at_end(location);
        let (file, first) = if last.is_some() { number_at_end(file) } else { (file, None) };
        (frame.line, frame.column) = if first.is_some() { (first, last) } else { (last, None) };
        frame.file = (!file.is_empty()).then_some(file);
        frame
    }
}

fn number_at_end(text: &str) -> (&str, Option<u32>) {
    match text.rsplit_once(':') {
        Some((rest, number)) => number.parse().map_or((text, None), |number| (rest, Some(number))),
        None => (text, None),
    }
}

/// All frames, each once: their texts one after the other.
#[derive(Debug, Default)]
pub(super) struct Frames {
    texts: String,
    ends: Vec<usize>,
    seen: Seen,
}

impl Frames {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, number: u32) -> Frame<'_> {
        Frame::parse(&self.texts[span(&self.ends, number)])
    }

    /// The number of a frame, as it stands in a file.
    pub(super) fn number(&mut self, text: &str) -> Result<u32, String> {
        let text = without_address(text);
        let Self { texts, ends, seen } = self;
        let next = u32::try_from(ends.len()).map_err(|_| "more than four billion frames".to_owned())?;
        let begin = texts.len();
        match hash_suffix(text) {
            Some(suffix) => {
                texts.push_str(&text[..suffix.start]);
                texts.push_str(&text[suffix.end..]);
            }
            None => texts.push_str(text),
        }
        let (before, new) = texts.split_at(begin);
        let known = seen.find_or_remember(new, next, |number| before[span(ends, number)] == *new);
        match known {
            Some(_) => texts.truncate(begin),
            None => ends.push(texts.len()),
        }
        Ok(known.unwrap_or(next))
    }

    /// Nothing will be added any more.
    pub(super) fn close(&mut self) {
        self.seen = Seen::default();
    }
}

/// Where a text lies among all.
fn span(ends: &[usize], number: u32) -> std::ops::Range<usize> {
    let number = number as usize;
    number.checked_sub(1).map_or(0, |before| ends[before])..ends[number]
}

/// `0x1f: main` is `main`.
fn without_address(text: &str) -> &str {
    match text.split_once(": ") {
        Some((address, rest)) if address.starts_with("0x") => rest,
        _ => text,
    }
}

/// Where `::h0123456789abcdef` is, which older compilers append and which moves with every build.
fn hash_suffix(text: &str) -> Option<std::ops::Range<usize>> {
    const LENGTH: usize = "::h0123456789abcdef".len();
    let end = text.rfind(" (").unwrap_or(text.len());
    let begin = end.checked_sub(LENGTH)?;
    let digits = text.get(begin..end)?.strip_prefix("::h")?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(begin..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame<'a>(function: Option<&'a str>, file: Option<(&'a str, u32, Option<u32>)>) -> Frame<'a> {
        let (line, column) = (file.map(|file| file.1), file.and_then(|file| file.2));
        Frame { function, file: file.map(|file| file.0), line, column, module: None }
    }

    #[test]
    fn each_form_of_a_frame_is_understood() {
        let with = frame(Some("with<(A, B)>"), Some(("src/a.rs", 95, Some(9))));
        assert_eq!(Frame::parse("with<(A, B)> (src/a.rs:95:9)"), with);
        assert_eq!(Frame::parse("main (a.c:7)"), frame(Some("main"), Some(("a.c", 7, None))));
        assert_eq!(
            Frame::parse("operator new(unsigned long)"),
            frame(Some("operator new(unsigned long)"), None)
        );
        assert_eq!(Frame::parse("(below main) (libc-start.c:3)").function, Some("(below main)"));
        assert_eq!(Frame::parse("???"), frame(None, None));
        let stripped = Frame { module: Some("/usr/bin/ls"), ..frame(None, None) };
        assert_eq!(Frame::parse("??? (in /usr/bin/ls)"), stripped);
        let windows = frame(Some("main"), Some(("C:\\a.rs", 7, Some(9))));
        assert_eq!(Frame::parse("main (C:\\a.rs:7:9)"), windows);
    }

    #[test]
    fn frames_that_differ_in_what_moves_are_one() {
        let mut frames = Frames::default();
        let texts = [
            "0x10: a::b (src/a.rs:1:2)",
            "0x20: a::b (src/a.rs:1:2)",
            "0x20: a::b::h0123456789abcdef (src/a.rs:1:2)",
            "0x30: a::b (src/a.rs:2:2)",
            "[root]",
            "0x40: a::b::h0123456789abcdef",
        ];
        let numbers = texts.map(|text| frames.number(text).expect("few"));
        assert_eq!(numbers, [0, 0, 0, 1, 2, 3]);
        assert_eq!(frames.len(), 4);
        assert_eq!((frames.get(1).line, frames.get(3).function), (Some(2), Some("a::b")));
    }
}
