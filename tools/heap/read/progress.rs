use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

/// Smaller files are read before anybody wonders.
const LARGE: u64 = 32 << 20;

/// A file that tells how far it is read, on a terminal.
pub struct Progress<R> {
    inner: R,
    name: String,
    size: u64,
    read: u64,
    shown: Option<u64>,
}

impl<R> Progress<R> {
    /// Of the file `path` of `size` bytes.
    pub fn new(inner: R, path: &Path, size: u64) -> Self {
        let shown = (size >= LARGE && io::stderr().is_terminal()).then_some(u64::MAX);
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Self { inner, name, size, read: 0, shown }
    }

    fn show(&mut self) {
        let percent = self.read.saturating_mul(100) / self.size.max(1);
        if self.shown.is_some_and(|shown| shown != percent) {
            self.shown = Some(percent);
            // Who cannot be told does without.
            let _ = write!(io::stderr(), "\rreading {}: {percent} %", self.name);
        }
    }
}

impl<R: Read> Read for Progress<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read += count as u64;
        self.show();
        Ok(count)
    }
}

impl<R> Drop for Progress<R> {
    /// The line is cleared for what follows.
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
