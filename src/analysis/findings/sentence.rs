//! Sentences whose figures are cited: none can be written without saying where it is.

use serde::Serialize;

/// A figure and where it is. What is computed from several figures names all of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// The bench target whose file it is in.
    pub target: String,
    /// JSON pointers (RFC 6901) into that file.
    pub places: Vec<String>,
    /// What it is.
    pub quantity: Quantity,
}

/// A value with its unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// One figure over another, with its interval where there is one.
    Ratio {
        /// 1: both the same.
        value: f64,
        /// Lower and upper end.
        interval: Option<(f64, f64)>,
    },
    /// Events/s.
    Rate(f64),
    /// ns.
    Time(f64),
    /// Bytes.
    Bytes(f64),
    /// Per cent.
    Percent(f64),
    /// A part of 1, shown in per cent.
    Fraction(f64),
    /// A share in per cent, with the interval that its count allows.
    Share {
        /// Of 100.
        percent: f64,
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// How many.
    Count(f64),
    /// How many of how many.
    Of(usize, usize),
    /// A plain number.
    Number(f64),
    /// What the results say in words: a grade, a verdict, a reason.
    Word(String),
}

/// A part of a sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Words of the rule: fixed, so that no figure can hide among them.
    Text(&'static str),
    /// A name from the results: of a system or a workload.
    Name(String),
    /// A figure.
    Figure(Figure),
}

/// What is said, from figures alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Sentence(pub Vec<Piece>);

impl Sentence {
    /// All figures that it rests on.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Figure(figure) => Some(figure),
            Piece::Text(_) | Piece::Name(_) => None,
        })
    }

    /// Adds pieces.
    pub(super) fn push(&mut self, piece: impl Into<Piece>) {
        self.0.push(piece.into());
    }

    /// Adds the pieces of another, with a fixed text before it.
    pub(super) fn join(&mut self, separator: &'static str, other: Self) {
        if !self.0.is_empty() {
            self.push(separator);
        }
        self.0.extend(other.0);
    }

    /// Itself, followed by another.
    pub(super) fn with(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Itself, followed by a fixed text.
    pub(super) fn then(mut self, text: &'static str) -> Self {
        self.push(text);
        self
    }

    /// Itself without the full stop at its end, to go on.
    pub(super) fn without_end(mut self) -> Self {
        self.0.pop_if(|last| *last == Piece::Text("."));
        self
    }

    /// Several in a row, parted by a fixed text.
    pub(super) fn joined(parts: impl IntoIterator<Item = Self>, separator: &'static str) -> Self {
        let mut all = Self(Vec::new());
        parts.into_iter().for_each(|part| all.join(separator, part));
        all
    }
}

impl Figure {
    /// What was computed from several figures of one file: it rests on all of them.
    ///
    /// # Panics
    /// If there are none: nothing rests on nothing.
    pub(super) fn computed<'f>(from: impl IntoIterator<Item = &'f Self>, quantity: Quantity) -> Self {
        let mut from = from.into_iter();
        let first = from.next().expect("a figure is computed from figures");
        let mut places = first.places.clone();
        for figure in from {
            debug_assert_eq!(figure.target, first.target, "of one file");
            places.extend(figure.places.iter().cloned());
        }
        places.dedup();
        Self { target: first.target.clone(), places, quantity }
    }

    /// A ratio the other way round; anything else stays.
    pub(super) fn inverted(mut self) -> Self {
        if let Quantity::Ratio { value, interval } = &mut self.quantity {
            *value = 1.0 / *value;
            *interval = interval.map(|(low, high)| (1.0 / high, 1.0 / low));
        }
        self
    }

    /// The plain number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self.quantity {
            Quantity::Ratio { value, .. } => Some(value),
            Quantity::Share { percent, .. } => Some(percent),
            Quantity::Rate(value)
            | Quantity::Time(value)
            | Quantity::Bytes(value)
            | Quantity::Percent(value)
            | Quantity::Fraction(value)
            | Quantity::Count(value)
            | Quantity::Number(value) => Some(value),
            Quantity::Of(..) | Quantity::Word(_) => None,
        }
    }
}

impl From<&'static str> for Piece {
    fn from(text: &'static str) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Piece {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<&String> for Piece {
    fn from(name: &String) -> Self {
        Self::Name(name.clone())
    }
}

impl From<Figure> for Piece {
    fn from(figure: Figure) -> Self {
        Self::Figure(figure)
    }
}

impl From<&Figure> for Piece {
    fn from(figure: &Figure) -> Self {
        Self::Figure(figure.clone())
    }
}

/// A sentence from texts, names and figures, in their order.
macro_rules! say {
    ($($piece:expr),+ $(,)?) => {
        $crate::analysis::findings::Sentence(vec![$($crate::analysis::findings::Piece::from($piece)),+])
    };
}
pub(super) use say;
