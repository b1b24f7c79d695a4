use crucible_tables::Side;

use super::parts::{Part, Rows};

pub fn render(parts: &[Part]) -> String {
    let mut out = String::new();
    let mut in_list = false;
    let is_empty = |part: &&Part| matches!(part, Part::Table(rows) if rows.is_empty());
    for part in parts.iter().filter(|part| !is_empty(part)) {
        let is_remark = matches!(part, Part::Remark(_));
        let goes_on = in_list && is_remark;
        if !out.is_empty() && !goes_on {
            out.push('\n');
        }
        in_list = is_remark;
        out += &match part {
            Part::Title(title) => format!("### {}\n", escaped(title)),
            Part::Remark(remark) => format!("- {}\n", escaped(remark)),
            Part::Heading(heading) => format!("#### {}\n", escaped(heading)),
            Part::Table(rows) => table(rows),
        };
    }
    out
}

fn table(rows: &Rows) -> String {
    let mut out = String::new();
    for (number, line) in rows.lines.iter().enumerate() {
        let cells: Vec<_> = line.iter().map(|cell| escaped(cell)).collect();
        out += &format!("| {} |\n", cells.join(" | "));
        if number == 0 {
            let rules = rows.sides.iter().map(|side| if *side == Side::Right { "---:" } else { "---" });
            out += &format!("| {} |\n", rules.collect::<Vec<_>>().join(" | "));
        }
    }
    out
}

/// Names of functions are full of what Markdown and HTML take for their own; what stands to the right stays there.
fn escaped(cell: &str) -> String {
    let text = cell.trim_start_matches(' ');
    let mut out = "&emsp;".repeat((cell.len() - text.len()) / 2);
    for letter in text.chars() {
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
