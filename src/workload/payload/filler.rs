use crate::workload::draw::Draw;

/// How a line break is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// Text as it is.
    Text,
    /// A string in JSON, where a line break is an escape.
    JsonString,
}

/// Appends lines until `text` is `end` bytes long; the last line is cut, and dots fill what a cut
/// between two characters leaves open.
pub(super) fn fill(text: &mut String, end: usize, lines: &[&str], within: Within, draw: &mut Draw) {
    let line_break = match within {
        Within::Text => "\n",
        Within::JsonString => "\\n",
    };
    while text.len() < end {
        let room = end - text.len();
        let line = *draw.pick(lines);
        if line.len() + line_break.len() <= room {
            text.push_str(line);
            text.push_str(line_break);
        } else {
            text.push_str(&line[..line.floor_char_boundary(room)]);
            text.extend(std::iter::repeat_n('.', end - text.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_met_and_stays_valid_json() {
        let lines = ["zoë — ünïcödé", "ß"];
        for end in 0..200 {
            let mut text = String::new();
            fill(&mut text, end, &lines, Within::JsonString, &mut Draw::new(3, 0));
            assert_eq!(text.len(), end);
            let string: String = serde_json::from_str(&format!("\"{text}\"")).expect("a JSON string");
            assert!(!string.contains('\\'), "{string}");
        }
    }
}
