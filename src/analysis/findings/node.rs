//! Results read so that whatever is read brings its address with it.

use serde_json::Value;

use super::sentence::{Figure, Quantity};
use crate::results::StoredFile;

/// A place in a file of results.
#[derive(Debug, Clone, Copy)]
pub(super) struct Root<'a> {
    file: &'a StoredFile,
}

/// A value in a file, with its address.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    file: &'a StoredFile,
    /// As RFC 6901 has it.
    pointer: String,
    value: &'a Value,
}

/// Why there is no figure: what a sentence would have needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) what: String,
    pub(super) why: String,
}

pub(super) type Found<T> = Result<T, Missing>;

impl Missing {
    pub(super) fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

impl<'a> Root<'a> {
    pub(super) const fn of(file: &'a StoredFile) -> Self {
        Self { file }
    }

    /// A list of the results: `name` is its key. Empty if the file has none.
    pub(super) fn list(self, name: &str) -> Vec<Node<'a>> {
        self.results().get(name).map(|list| list.items()).unwrap_or_default()
    }

    /// The figure of this name in a list.
    pub(super) fn named(self, list: &str, name: &str) -> Option<Node<'a>> {
        self.list(list).into_iter().find(|figure| figure.is("name", name))
    }

    fn results(self) -> Node<'a> {
        let pointer = if self.file.document().get("results").is_some() { "/results" } else { "" };
        let value = self.file.document().pointer(pointer).unwrap_or(&Value::Null);
        Node { file: self.file, pointer: pointer.to_owned(), value }
    }

    /// The whole document.
    pub(super) fn whole(self) -> Node<'a> {
        Node { file: self.file, pointer: String::new(), value: self.file.document() }
    }
}

impl<'a> Node<'a> {
    /// What stands under a key, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key)?;
        Some(Self { pointer: format!("{}/{key}", self.pointer), ..*self }.with(value))
    }

    /// What stands at a path of keys.
    pub(super) fn at(&self, path: &str) -> Found<Self> {
        let mut node = self.clone();
        for key in path.split('.') {
            node = node.get(key).ok_or_else(|| self.missing(path))?;
        }
        Ok(node)
    }

    fn with(self, value: &'a Value) -> Self {
        Self { value, ..self }
    }

    /// The elements of a list.
    pub(super) fn items(&self) -> Vec<Self> {
        let elements = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        let node = |(at, value)| Self { file: self.file, pointer: format!("{}/{at}", self.pointer), value };
        elements.iter().enumerate().map(node).collect()
    }

    /// The elements of the list under a key; none if there is no such list.
    pub(super) fn list(&self, key: &str) -> Vec<Self> {
        self.get(key).map(|list| list.items()).unwrap_or_default()
    }

    /// The element of a list that is about a system.
    pub(super) fn of_system(&self, list: &str, system: &str) -> Found<Self> {
        let found = self.list(list).into_iter().find(|element| element.is("system", system));
        found.ok_or_else(|| Missing::new(format!("{}, {system}", self.what()), "not in the results"))
    }

    /// Whether the text under a key is this one.
    pub(super) fn is(&self, key: &str, text: &str) -> bool {
        self.word(key) == Some(text)
    }

    /// The text under a key.
    pub(super) fn word(&self, key: &str) -> Option<&'a str> {
        self.value.get(key)?.as_str()
    }

    /// The number at a path: the reason why there is none if it says so itself.
    pub(super) fn number(&self, path: &str) -> Found<f64> {
        let node = self.at(path)?;
        let why = |why: &str| Missing::new(format!("{}, {path}", self.what()), why);
        match (node.value.as_f64(), node.word("not_measured")) {
            (Some(number), _) => Ok(number),
            (None, Some(reason)) => Err(why(reason)),
            (None, None) => Err(why("not in the results")),
        }
    }

    /// The number at a path as a figure that can be cited.
    pub(super) fn figure(&self, path: &str, quantity: fn(f64) -> Quantity) -> Found<Figure> {
        let number = self.number(path)?;
        Ok(self.at(path)?.cited(quantity(number)))
    }

    /// This place as a figure.
    pub(super) fn cited(&self, quantity: Quantity) -> Figure {
        Figure { target: self.file.target.to_owned(), places: vec![self.pointer.clone()], quantity }
    }

    /// The value as it is.
    pub(super) const fn value(&self) -> &'a Value {
        self.value
    }

    /// For messages: the nearest name on the way here.
    pub(super) fn what(&self) -> String {
        let named = |pointer: &str| {
            self.file.document().pointer(pointer).and_then(|value| value.get("name")?.as_str())
        };
        let mut pointer = self.pointer.as_str();
        loop {
            if let Some(name) = named(pointer) {
                return name.to_owned();
            }
            match pointer.rfind('/') {
                Some(at) if at > 0 => pointer = &pointer[..at],
                _ => return self.file.target.to_owned(),
            }
        }
    }

    fn missing(&self, path: &str) -> Missing {
        Missing::new(format!("{}, {path}", self.what()), "not in the results")
    }
}
