use std::fmt;

use serde::Serialize;

use super::Frame;
use crate::short_name;

/// A place in the program, as people know it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The whole name of the function; of a program without names `???`.
    pub function: String,
    /// The file, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// From 1, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The program or library, if it is told instead of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
}

impl Place {
    /// Where this call stands.
    pub fn of(frame: &Frame<'_>) -> Self {
        Self {
            function: frame.function.unwrap_or("???").to_owned(),
            file: frame.file.map(str::to_owned),
            line: frame.line,
            module: frame.module.map(str::to_owned),
        }
    }

    /// Where there was no stack at all.
    pub fn unknown() -> Self {
        Self { function: "(no stack)".to_owned(), file: None, line: None, module: None }
    }

    /// The function without the path to it; of a program without names, its file.
    pub fn short_function(&self) -> String {
        match (&self.function[..], &self.module) {
            ("???", Some(module)) => format!("??? in {}", last_of(module)),
            (function, _) => short_name(function),
        }
    }

    /// `src/a.rs:7`; empty if it is not known.
    pub fn location(&self) -> String {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            (Some(file), None) => file.clone(),
            (None, _) if self.function == "???" => String::new(),
            (None, _) => self.module.as_deref().map(last_of).unwrap_or_default().to_owned(),
        }
    }

    /// What it is still when lines of its file are added or removed, or the project lies elsewhere.
    pub fn without_line(&self) -> &str {
        match (&self.function[..], &self.module) {
            ("???", Some(module)) => module,
            (function, _) => function,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short_function())?;
        match &self.location()[..] {
            "" => Ok(()),
            location => write!(f, " {location}"),
        }
    }
}

fn last_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
