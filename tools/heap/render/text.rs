use crucible_tables::aligned;

use super::parts::Part;

pub fn render(parts: &[Part]) -> String {
    parts.iter().map(part).collect()
}

fn part(part: &Part) -> String {
    match part {
        Part::Title(title) => format!("{title}\n"),
        Part::Remark(remark) => format!(" {remark}\n"),
        Part::Heading(heading) => format!("\n{heading}\n"),
        Part::Table(rows) if rows.is_empty() => String::new(),
        Part::Table(rows) => {
            let lines = aligned(&rows.sides, &rows.lines);
            lines
                .lines()
                .map(|line| if line.is_empty() { "\n".to_owned() } else { format!(" {line}\n") })
                .collect()
        }
    }
}
