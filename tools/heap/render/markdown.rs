use crucible_tables::{escaped, markdown};

use super::parts::Part;

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
            Part::Table(rows) => markdown(&rows.sides, &rows.lines),
        };
    }
    out
}
