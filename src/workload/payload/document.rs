use std::fmt::{Arguments, Write};

/// A JSON object that comes out at exactly the size asked for.
///
/// Fields are written in the order of their weight: first those by which rules look at it. When the
/// size does not hold them all, the last ones are left out; what is left of it goes to one text.
#[derive(Debug, Default)]
pub(super) struct Document {
    text: String,
    /// Where each field ends, behind its comma.
    ends: Vec<usize>,
}

const PROOF: &str = "writing into a String does not fail";

impl Document {
    /// Begins a new object; the memory of the last one is used again.
    pub(super) fn begin(&mut self) {
        self.text.clear();
        self.text.push('{');
        self.ends.clear();
    }

    /// A text field; `value` needs no escape.
    pub(super) fn text(&mut self, name: &str, value: Arguments<'_>) {
        write!(self.text, "\"{name}\":\"{value}\",").expect(PROOF);
        self.ends.push(self.text.len());
    }

    /// Any other field; `value` is JSON.
    pub(super) fn json(&mut self, name: &str, value: Arguments<'_>) {
        write!(self.text, "\"{name}\":{value},").expect(PROOF);
        self.ends.push(self.text.len());
    }

    /// The object with `bytes` bytes in all: as many of the fields as fit, then the text `name` that
    /// `fill` continues up to a length. One field, this one and the braces have to fit.
    pub(super) fn end(&mut self, bytes: usize, name: &str, fill: impl FnOnce(&mut String, usize)) -> &[u8] {
        // What surrounds the text: quotes, colon, and the closing of text and object.
        let frame = name.len() + r#""":""}"#.len();
        let fitting = self.ends.iter().rev().find(|&&end| end + frame <= bytes);
        self.text.truncate(fitting.copied().unwrap_or(1));
        write!(self.text, "\"{name}\":\"").expect(PROOF);
        fill(&mut self.text, bytes - 2);
        self.text.push_str("\"}");
        self.text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_size(bytes: usize) -> String {
        let mut document = Document::default();
        document.begin();
        document.text("table", format_args!("notes"));
        document.json("key", format_args!("{}", 7));
        let bytes = document.end(bytes, "body", |text, end| {
            while text.len() < end {
                text.push('x');
            }
        });
        String::from_utf8(bytes.to_vec()).expect("UTF-8")
    }

    #[test]
    fn fields_that_do_not_fit_are_left_out_from_the_end() {
        assert_eq!(of_size(36), r#"{"table":"notes","key":7,"body":"x"}"#);
        assert_eq!(of_size(35), r#"{"table":"notes","key":7,"body":""}"#);
        assert_eq!(of_size(34), r#"{"table":"notes","body":"xxxxxxx"}"#);
    }
}
