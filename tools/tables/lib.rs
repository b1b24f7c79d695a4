//! Plain tables and numbers as people read them, in characters of equal width.

/// On which side of its column a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Texts.
    Left,
    /// Figures.
    Right,
}

/// Lines of cells in columns, the first one of text, the others of figures. The first line is the head.
pub fn columns(lines: &[Vec<String>]) -> String {
    let sides: Vec<_> = (0..lines.iter().map(Vec::len).max().unwrap_or(0))
        .map(|column| if column == 0 { Side::Left } else { Side::Right })
        .collect();
    aligned(&sides, lines)
}

/// Lines of cells in columns, of which each has its side. A line may have fewer cells.
pub fn aligned(sides: &[Side], lines: &[Vec<String>]) -> String {
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..sides.len()).map(width).collect();
    let mut out = String::new();
    for line in lines {
        let mut text = String::new();
        for ((cell, &width), side) in line.iter().zip(&widths).zip(sides) {
            if !text.is_empty() {
                text.push_str("  ");
            }
            text.push_str(&match side {
                Side::Left => format!("{cell:<width$}"),
                Side::Right => format!("{cell:>width$}"),
            });
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

/// The same as a table in Markdown. The first line is the head.
pub fn markdown(sides: &[Side], lines: &[Vec<String>]) -> String {
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells: Vec<_> = line.iter().map(|cell| escaped(cell)).collect();
        out += &format!("| {} |\n", cells.join(" | "));
        if number == 0 {
            let rules = sides.iter().map(|side| if *side == Side::Right { "---:" } else { "---" });
            out += &format!("| {} |\n", rules.collect::<Vec<_>>().join(" | "));
        }
    }
    out
}

/// Text as Markdown shows it: names of functions are full of what Markdown and HTML take for their own. What stands to
/// the right, by spaces, stays there.
pub fn escaped(text: &str) -> String {
    let words = text.trim_start_matches(' ');
    let mut out = "&emsp;".repeat((text.len() - words.len()) / 2);
    for letter in words.chars() {
        match letter {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '|' | '*' | '_' | '`' | '\\' | '[' | ']' => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    out
}

/// `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines<const N: usize>(lines: [&[&str]; N]) -> Vec<Vec<String>> {
        lines.iter().map(|line| line.iter().map(|&cell| cell.to_owned()).collect()).collect()
    }

    #[test]
    fn text_stands_left_and_figures_right() {
        let lines = lines([&["name", "µs", "n"], &["a", "1,000"], &["", "1", "22"]]);
        assert_eq!(columns(&lines), "name     µs   n\na     1,000\n          1  22\n");
    }

    #[test]
    fn each_column_has_its_side() {
        let lines = lines([&["n", "from", "to"], &["1,000", "a", "bcd"]]);
        let sides = [Side::Right, Side::Left, Side::Right];
        assert_eq!(aligned(&sides, &lines), "    n  from   to\n1,000  a     bcd\n");
    }

    #[test]
    fn names_survive_markdown() {
        let lines = lines([&["n", "from"], &["1", "  Vec<T>::a_b"]]);
        let shown = markdown(&[Side::Right, Side::Left], &lines);
        assert_eq!(shown, "| n | from |\n| ---: | --- |\n| 1 | &emsp;Vec&lt;T&gt;::a\\_b |\n");
    }

    #[test]
    fn thousands_are_parted() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
