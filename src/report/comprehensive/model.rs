//! A report as data: what it says, apart from how it looks.

use crate::analysis::findings::Sentence;

/// The whole of it.
pub(super) struct Page {
    pub(super) title: String,
    /// Of which run, in one line.
    pub(super) about: String,
    pub(super) sections: Vec<Section>,
}

/// Something to be looked up.
pub(super) struct Section {
    /// For links.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) blocks: Vec<Block>,
}

pub(super) enum Block {
    /// Plain words.
    Paragraph(String),
    /// Plain words that must not be overlooked.
    Warning(String),
    /// A title within a section.
    Heading(String),
    /// Sentences with their figures.
    Sentences(Vec<Line>),
    Table(Table),
    /// Pictures; shown beside each other where there is room.
    Plots(Vec<Drawing>),
}

/// One sentence of a list, with a word before it.
pub(super) struct Line {
    /// In bold; may be empty.
    pub(super) label: String,
    pub(super) sentence: Sentence,
}

pub(super) struct Table {
    pub(super) title: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    /// What stands in it, so that sentences can lead there.
    pub(super) place: Option<Place>,
    pub(super) cells: Vec<Cell>,
}

pub(super) enum Cell {
    Text(String),
    Sentence(Sentence),
}

/// A part of a file of results.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) target: String,
    /// RFC 6901.
    pub(super) pointer: String,
}

pub(super) struct Drawing {
    pub(super) svg: String,
    /// What is to be seen, for those who cannot see it, and under it for all.
    pub(super) caption: String,
}

impl Place {
    pub(super) fn new(target: &str, pointer: impl Into<String>) -> Self {
        Self { target: target.to_owned(), pointer: pointer.into() }
    }

    /// For links: letters, digits and hyphens.
    pub(super) fn id(&self) -> String {
        format!("{}{}", self.target, self.pointer.replace(['/', '~'], "-"))
    }
}

impl Section {
    /// A section, unless there is nothing in it.
    pub(super) fn of(id: &'static str, title: &'static str, blocks: Vec<Block>) -> Option<Self> {
        (!blocks.is_empty()).then_some(Self { id, title, blocks })
    }
}

impl Table {
    /// Of lines of cells, the first of which is the head; none if there is nothing but the head. `places` are those of
    /// the rows, in their order; there may be none at all.
    pub(super) fn of(
        title: &str,
        lines: Vec<Vec<String>>,
        places: impl IntoIterator<Item = Place>,
    ) -> Option<Block> {
        let mut lines = lines.into_iter();
        let head = lines.next()?;
        let mut places = places.into_iter();
        let row = |cells: Vec<String>| Row {
            place: places.next(),
            cells: cells.into_iter().map(Cell::Text).collect(),
        };
        let rows: Vec<Row> = lines.map(row).collect();
        (!rows.is_empty()).then(|| Block::Table(Self { title: title.to_owned(), head, rows }))
    }
}
