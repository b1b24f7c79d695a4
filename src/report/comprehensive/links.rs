//! Where the figures of a report are to be found in it.

use std::collections::{HashMap, HashSet};

use super::model::{Block, Cell, Page, Place, Table};
use crate::analysis::findings::{Figure, Sentence};

/// Where figures lead: to the row of a table that shows them, and to their line in the list of evidence.
pub(super) struct Links<'p> {
    rows: HashSet<String>,
    /// By target and first place.
    numbers: HashMap<(String, String), usize>,
    /// In the order of their numbers, from 1.
    pub(super) cited: Vec<&'p Figure>,
}

impl<'p> Links<'p> {
    pub(super) fn of(page: &'p Page) -> Self {
        let mut links = Self { rows: HashSet::new(), numbers: HashMap::new(), cited: Vec::new() };
        for block in page.sections.iter().flat_map(|section| &section.blocks) {
            match block {
                Block::Sentences(lines) => lines.iter().for_each(|line| links.cite(&line.sentence)),
                Block::Table(table) => links.table(table),
                Block::Paragraph(_) | Block::Warning(_) | Block::Heading(_) | Block::Plots(_) => {}
            }
        }
        links
    }

    fn table(&mut self, table: &'p Table) {
        for row in &table.rows {
            self.rows.extend(row.place.as_ref().map(Place::id));
            for cell in &row.cells {
                if let Cell::Sentence(sentence) = cell {
                    self.cite(sentence);
                }
            }
        }
    }

    fn cite(&mut self, sentence: &'p Sentence) {
        for figure in sentence.figures() {
            let Some(key) = key(figure) else { continue };
            if !self.numbers.contains_key(&key) {
                self.cited.push(figure);
                self.numbers.insert(key, self.cited.len());
            }
        }
    }

    /// Its number in the list of evidence.
    pub(super) fn number(&self, figure: &Figure) -> Option<usize> {
        self.numbers.get(&key(figure)?).copied()
    }

    /// The id that a figure leads to: of the row that shows it, or of its line in the list.
    pub(super) fn id(&self, figure: &Figure) -> Option<String> {
        let first = figure.places.first()?;
        let mut pointer = first.as_str();
        loop {
            let id = Place::new(&figure.target, pointer).id();
            if self.rows.contains(&id) {
                return Some(id);
            }
            match pointer.rfind('/') {
                Some(at) => pointer = &pointer[..at],
                None => return self.number(figure).map(evidence),
            }
        }
    }
}

/// The id of a line in the list of evidence.
pub(super) fn evidence(number: usize) -> String {
    format!("figure-{number}")
}

/// One figure may be cited as a word here and as a count there: what is shown tells them apart.
fn key(figure: &Figure) -> Option<(String, String)> {
    let first = figure.places.first()?;
    let last = figure.places.last()?;
    Some((figure.target.clone(), format!("{first} {last} {}", super::words::shown(figure))))
}
