//! The report as Markdown.

use std::fmt::Write;

use crucible_tables::{Side, escaped, markdown};

use super::links::{Links, evidence};
use super::model::{Block, Cell, Line, Page, Table};
use super::words::{shown, text};
use crate::analysis::findings::Sentence;

pub(super) fn render(page: &Page, files: &dyn Fn(&str) -> String) -> String {
    let links = Links::of(page);
    let mut out = format!("# {}\n\n{}\n", escaped(&page.title), escaped(&page.about));
    for section in &page.sections {
        let _ = write!(out, "\n## {}\n", escaped(section.title));
        section.blocks.iter().for_each(|block| render_block(&mut out, block, &links));
    }
    render_evidence(&mut out, &links, files);
    out
}

fn render_block(out: &mut String, block: &Block, links: &Links<'_>) {
    let _ = match block {
        Block::Paragraph(words) => write!(out, "\n{}\n", escaped(words)),
        Block::Warning(words) => write!(out, "\n> **Warning:** {}\n", escaped(words)),
        Block::Heading(words) => write!(out, "\n### {}\n", escaped(words)),
        Block::Sentences(lines) => {
            out.push('\n');
            lines.iter().try_for_each(|line| writeln!(out, "- {}", told(line, links)))
        }
        Block::Table(table) => write!(out, "\n**{}**\n\n{}", escaped(&table.title), render_table(table)),
        // Plots are in the page; Markdown stands beside it.
        Block::Plots(drawings) => drawings.iter().try_for_each(|drawing| {
            write!(out, "\n*Plot in the HTML page: {}*\n", escaped(&drawing.caption))
        }),
    };
}

fn told(line: &Line, links: &Links<'_>) -> String {
    let label = if line.label.is_empty() { String::new() } else { format!("**{}** ", escaped(&line.label)) };
    format!("{label}{}{}", escaped(&text(&line.sentence)), numbers(&line.sentence, links))
}

/// ` ([1](#figure-1), [2](#figure-2))`
fn numbers(sentence: &Sentence, links: &Links<'_>) -> String {
    let mut numbers: Vec<usize> = sentence.figures().filter_map(|figure| links.number(figure)).collect();
    numbers.dedup();
    if numbers.is_empty() {
        return String::new();
    }
    let each: Vec<String> =
        numbers.into_iter().map(|number| format!("[{number}](#{})", evidence(number))).collect();
    format!(" ({})", each.join(", "))
}

fn render_table(table: &Table) -> String {
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Sentence(sentence) => text(sentence),
    };
    let rows = table.rows.iter().map(|row| row.cells.iter().map(cell).collect());
    let lines: Vec<Vec<String>> = [table.head.clone()].into_iter().chain(rows).collect();
    markdown(&sides(table), &lines)
}

/// Figures to the right; a column is one of figures if no cell of it is much longer than a figure with its interval.
pub(super) fn sides(table: &Table) -> Vec<Side> {
    let is_text = |column: usize| {
        let long = |cell: &Cell| match cell {
            Cell::Text(text) => {
                text.chars().count() > 24 || text.starts_with(|letter: char| letter.is_alphabetic())
            }
            Cell::Sentence(_) => true,
        };
        table.rows.iter().filter_map(|row| row.cells.get(column)).any(long)
    };
    (0..table.head.len())
        .map(|column| if column == 0 || is_text(column) { Side::Left } else { Side::Right })
        .collect()
}

fn render_evidence(out: &mut String, links: &Links<'_>, files: &dyn Fn(&str) -> String) {
    if links.cited.is_empty() {
        return;
    }
    out.push_str("\n## Figures cited\n\nThe file, and the place in it as a JSON pointer.\n\n");
    for (at, figure) in links.cited.iter().enumerate() {
        let number = at + 1;
        let first = figure.places.first().map_or("", String::as_str);
        let more = match figure.places.len() {
            0 | 1 => String::new(),
            several => format!(" and {} more", several - 1),
        };
        let _ = writeln!(
            out,
            "{number}. <a id=\"{}\"></a>{}: {}, `{first}`{more}",
            evidence(number),
            escaped(&shown(figure)),
            escaped(&files(&figure.target)),
        );
    }
}
