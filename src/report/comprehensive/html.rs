//! The report as one page that needs nothing else: no script, no font, no network.

use std::collections::HashSet;
use std::fmt::Write;

use crucible_tables::Side;

use super::links::{Links, evidence};
use super::markdown::sides;
use super::model::{Block, Cell, Drawing, Line, Page, Place, Table};
use super::words::shown;
use crate::analysis::findings::{Figure, Piece, Sentence};

const STYLE: &str = include_str!("page.css");

pub(super) fn render(page: &Page, files: &dyn Fn(&str) -> String) -> String {
    let links = Links::of(page);
    let mut writer = Writer { out: String::new(), links: &links, placed: HashSet::new() };
    writer.head(page);
    for section in &page.sections {
        let _ = write!(writer.out, "<section id=\"{}\">\n<h2>{}</h2>\n", section.id, escaped(section.title));
        section.blocks.iter().for_each(|block| writer.block(block));
        writer.out.push_str("</section>\n");
    }
    writer.evidence(files);
    writer.out.push_str("</main>\n</body>\n</html>\n");
    writer.out
}

struct Writer<'l, 'p> {
    out: String,
    links: &'l Links<'p>,
    /// Ids that are taken: the first row of a place has it.
    placed: HashSet<String>,
}

impl Writer<'_, '_> {
    fn head(&mut self, page: &Page) {
        let title = escaped(&page.title);
        let _ = write!(
            self.out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p>{}</p>\n<nav>",
            escaped(&page.about)
        );
        for section in &page.sections {
            let _ = writeln!(self.out, "<a href=\"#{}\">{}</a>", section.id, escaped(section.title));
        }
        if !self.links.cited.is_empty() {
            self.out.push_str("<a href=\"#figures\">Figures cited</a>");
        }
        self.out.push_str("</nav>\n</header>\n<main>\n");
    }

    fn block(&mut self, block: &Block) {
        let _ = match block {
            Block::Paragraph(words) => writeln!(self.out, "<p>{}</p>", escaped(words)),
            Block::Warning(words) => {
                writeln!(self.out, "<p class=\"warning\" role=\"alert\">{}</p>", escaped(words))
            }
            Block::Heading(words) => writeln!(self.out, "<h3>{}</h3>", escaped(words)),
            Block::Sentences(lines) => {
                let items: String = lines.iter().map(|line| self.line(line)).collect();
                writeln!(self.out, "<ul class=\"sentences\">\n{items}</ul>")
            }
            Block::Table(table) => {
                self.table(table);
                Ok(())
            }
            Block::Plots(drawings) => {
                let figures: String = drawings.iter().map(figure).collect();
                writeln!(self.out, "<div class=\"plots\">\n{figures}</div>")
            }
        };
    }

    fn line(&self, line: &Line) -> String {
        let label =
            if line.label.is_empty() { String::new() } else { format!("<b>{}</b> ", escaped(&line.label)) };
        format!("<li>{label}{}</li>\n", self.sentence(&line.sentence))
    }

    fn sentence(&self, sentence: &Sentence) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => escaped(text),
            Piece::Name(name) => escaped(name),
            Piece::Figure(figure) => self.linked(figure),
        };
        sentence.0.iter().map(piece).collect()
    }

    fn linked(&self, figure: &Figure) -> String {
        let shown = escaped(&shown(figure));
        match self.links.id(figure) {
            Some(id) => format!("<a class=\"figure\" href=\"#{}\">{shown}</a>", escaped(&id)),
            None => shown,
        }
    }

    /// Wide tables scroll within themselves, and can be scrolled by keyboard.
    fn table(&mut self, table: &Table) {
        let sides = sides(table);
        let class = |column: usize| if sides.get(column) == Some(&Side::Right) { " class=\"n\"" } else { "" };
        let title = escaped(&table.title);
        let _ = write!(
            self.out,
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\">\n<table>\n<caption>{title}</caption>\n<thead><tr>"
        );
        for (column, cell) in table.head.iter().enumerate() {
            let _ = write!(self.out, "<th scope=\"col\"{}>{}</th>", class(column), escaped(cell));
        }
        self.out.push_str("</tr></thead>\n<tbody>\n");
        for row in &table.rows {
            let id = self.id(row.place.as_ref());
            let _ = write!(self.out, "<tr{id}>");
            for (column, cell) in row.cells.iter().enumerate() {
                let content = match cell {
                    Cell::Text(text) => escaped(text),
                    Cell::Sentence(sentence) => self.sentence(sentence),
                };
                let _ = match column {
                    0 => write!(self.out, "<th scope=\"row\">{content}</th>"),
                    _ => write!(self.out, "<td{}>{content}</td>", class(column)),
                };
            }
            self.out.push_str("</tr>\n");
        }
        self.out.push_str("</tbody>\n</table>\n</div>\n");
    }

    fn id(&mut self, place: Option<&Place>) -> String {
        let id = place.map(Place::id).filter(|id| self.placed.insert(id.clone()));
        id.map_or_else(String::new, |id| format!(" id=\"{}\"", escaped(&id)))
    }

    fn evidence(&mut self, files: &dyn Fn(&str) -> String) {
        if self.links.cited.is_empty() {
            return;
        }
        self.out.push_str("<section id=\"figures\">\n<h2>Figures cited</h2>\n<p>The file, and the place in it as a JSON pointer.</p>\n<ol class=\"cited\">\n");
        for (at, figure) in self.links.cited.iter().enumerate() {
            let places: Vec<String> =
                figure.places.iter().map(|place| format!("<code>{}</code>", escaped(place))).collect();
            let listed = match &places[..] {
                [first, rest @ ..] if !rest.is_empty() => {
                    format!(
                        "{first}<details><summary>and {} more</summary>{}</details>",
                        rest.len(),
                        rest.join(" ")
                    )
                }
                all => all.concat(),
            };
            let _ = writeln!(
                self.out,
                "<li id=\"{}\">{}: {}, {listed}</li>",
                evidence(at + 1),
                self.linked(figure),
                escaped(&files(&figure.target)),
            );
        }
        self.out.push_str("</ol>\n</section>\n");
    }
}

fn figure(drawing: &Drawing) -> String {
    let caption = escaped(&drawing.caption);
    let svg = drawing.svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{caption}\" "), 1);
    format!("<figure>\n{svg}<figcaption>{caption}</figcaption>\n</figure>\n")
}

/// As text and in attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(letter),
        }
    }
    out
}
