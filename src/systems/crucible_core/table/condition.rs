use crate::event::{Category, EventKind, Name, Priority, Scalar};
use crate::routing::Filter;

use super::paths::PathId;
use super::scan::Found;

/// A set of cells, a cell being a pair of kind and priority: bit `kind × 4 + priority`.
pub(super) type Cells = u128;

/// 17 built-in kinds and one for all custom ones, times four priorities.
pub(super) const CELLS: usize = (EventKind::BUILT_IN.len() + 1) * Priority::ALL.len();

/// Whether a cell is in the set. By halves, since shifting 128 bits takes several instructions.
#[inline]
#[allow(clippy::cast_possible_truncation)] // the halves
pub(super) fn has(cells: Cells, cell: usize) -> bool {
    let half = if cell < 64 { cells as u64 } else { (cells >> 64) as u64 };
    half >> (cell % 64) & 1 == 1
}

const ALL_CELLS: Cells = (1 << CELLS) - 1;

/// A [`Filter`] for events of one source, or of the sources that it does not name: all that
/// depends on kind and priority has become sets of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    Cells(Cells),
    Field { path: PathId, equals: Scalar },
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

/// What a payload was found to hold.
pub(super) type Facts<'a> = [(PathId, Found<'a>)];

impl Condition {
    /// `source`: the one that it is for; `None` for those that `filter` does not name.
    pub(super) fn compile(
        filter: &Filter,
        source: Option<&Name>,
        path: &mut impl FnMut(&crate::event::FieldPath) -> PathId,
    ) -> Self {
        match filter {
            Filter::Kind(EventKind::Custom(name)) => Self::All(vec![
                Self::Cells(column(EventKind::BUILT_IN.len())),
                Self::Field { path: PathId::CUSTOM_KIND, equals: Scalar::String(name.as_str().into()) },
            ]),
            Filter::Kind(kind) => Self::Cells(column(kind.ordinal())),
            Filter::Category(category) => Self::Cells(category_cells(*category)),
            Filter::MinPriority(floor) => Self::Cells(priority_cells(*floor)),
            Filter::Source(named) => Self::Cells(if source == Some(named) { ALL_CELLS } else { 0 }),
            Filter::Field { path: field, equals } => {
                Self::Field { path: path(field), equals: equals.clone() }
            }
            Filter::All(parts) => {
                Self::All(parts.iter().map(|part| Self::compile(part, source, path)).collect())
            }
            Filter::Any(parts) => {
                Self::Any(parts.iter().map(|part| Self::compile(part, source, path)).collect())
            }
            Filter::Not(part) => Self::Not(Box::new(Self::compile(part, source, path))),
        }
    }

    /// Cells in which it holds whatever the payload, and cells in which it may hold.
    pub(super) fn bounds(&self) -> (Cells, Cells) {
        match self {
            Self::Cells(cells) => (*cells, *cells),
            Self::Field { .. } => (0, ALL_CELLS),
            Self::All(parts) => {
                parts.iter().map(Self::bounds).fold((ALL_CELLS, ALL_CELLS), |a, b| (a.0 & b.0, a.1 & b.1))
            }
            Self::Any(parts) => parts.iter().map(Self::bounds).fold((0, 0), |a, b| (a.0 | b.0, a.1 | b.1)),
            Self::Not(part) => {
                let (must, may) = part.bounds();
                (!may & ALL_CELLS, !must & ALL_CELLS)
            }
        }
    }

    /// Whether it holds in this cell with these facts.
    pub(super) fn holds(&self, cell: usize, facts: &Facts<'_>) -> bool {
        match self {
            Self::Cells(cells) => has(*cells, cell),
            Self::Field { path, equals } => facts.iter().any(|(at, found)| at == path && found.is(equals)),
            Self::All(parts) => parts.iter().all(|part| part.holds(cell, facts)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(cell, facts)),
            Self::Not(part) => !part.holds(cell, facts),
        }
    }

    /// Fields of which at least one must be equal for it to hold in the cells `within`, if that can
    /// be said: by these it is found. `true` beside them: one of them being equal is all that it takes
    /// in those of the cells in which it may hold at all.
    pub(super) fn keys(&self, within: Cells) -> Option<(Vec<(PathId, Scalar)>, bool)> {
        match self {
            Self::Field { path, equals } => Some((vec![(*path, equals.clone())], true)),
            Self::All(parts) => {
                let open = parts.iter().filter(|part| !matches!(part, Self::Cells(_))).count();
                let keys =
                    parts.iter().filter_map(|part| part.keys(within)).min_by_key(|(keys, _)| keys.len());
                keys.map(|(keys, enough)| (keys, enough && open == 1))
            }
            Self::Any(parts) => {
                let possible = parts.iter().filter(|part| part.bounds().1 & within != 0);
                let keys: Option<Vec<_>> = possible.map(|part| part.keys(within)).collect();
                // Different parts may hold in different cells, so it is looked at again as a whole.
                keys.map(|keys| (keys.into_iter().flat_map(|(keys, _)| keys).collect(), false))
            }
            Self::Cells(_) | Self::Not(_) => None,
        }
    }
}

/// The cell of an event.
pub(super) fn cell(kind: &EventKind, priority: Priority) -> usize {
    kind.ordinal() * Priority::ALL.len() + priority.lane()
}

/// All priorities of the kind of this ordinal.
fn column(ordinal: usize) -> Cells {
    0b1111 << (ordinal * Priority::ALL.len())
}

fn category_cells(category: Category) -> Cells {
    let built_in = EventKind::BUILT_IN.iter().filter(|kind| kind.category() == category);
    let custom = if category == Category::Custom { column(EventKind::BUILT_IN.len()) } else { 0 };
    built_in.map(|kind| column(kind.ordinal())).fold(custom, |a, b| a | b)
}

fn priority_cells(floor: Priority) -> Cells {
    let lanes: Cells =
        Priority::ALL.iter().filter(|p| p.at_least(floor)).map(|p| 1 << p.lane()).fold(0, |a, b| a | b);
    (0..=EventKind::BUILT_IN.len()).map(|kind| lanes << (kind * Priority::ALL.len())).fold(0, |a, b| a | b)
}
