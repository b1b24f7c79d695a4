use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::Instant;

/// Which of some benchmarks runs, on stderr: one line that is overwritten on a terminal, a line for each elsewhere.
#[derive(Debug)]
pub struct Progress {
    target: &'static str,
    of: usize,
    begin: Instant,
    /// The benchmark that runs.
    at: RefCell<(usize, String)>,
}

impl Progress {
    /// Of so many benchmarks of a target.
    pub fn of(target: &'static str, benchmarks: usize) -> Self {
        Self { target, of: benchmarks, begin: Instant::now(), at: RefCell::default() }
    }

    /// The one of this position, from 0, begins.
    pub fn show(&self, position: usize, name: &str) {
        *self.at.borrow_mut() = (position, name.to_owned());
        self.line(position, name);
    }

    fn line(&self, position: usize, name: &str) {
        let Self { target, of, begin, .. } = self;
        let line = format!("{target} [{}/{of}] {:>3} s  {name}", position + 1, begin.elapsed().as_secs());
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[2K{line}");
        } else {
            eprintln!("{line}");
        }
    }

    /// How it goes with the one that runs, on a terminal only: elsewhere a line for each benchmark is enough.
    pub fn show_state(&self, state: &str) {
        if std::io::stderr().is_terminal() {
            let (position, name) = &*self.at.borrow();
            self.line(*position, &format!("{name} · {state}"));
        }
    }

    /// All are done: what comes next begins on a line of its own.
    pub fn clear(&self) {
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[2K");
        }
    }
}
