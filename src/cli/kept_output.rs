use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use tempfile::NamedTempFile;

/// Set in the process whose output is being kept, so that it does not start another.
const IS_KEPT: &str = "CRUCIBLE_OUTPUT_IS_KEPT";

/// As shells report a process that Ctrl-C ended.
const EXIT_INTERRUPTED: u8 = 130;

/// What a bench target prints, on its way into a file.
///
/// Divan writes its table to stdout and nowhere else. So this process starts itself once more, passes on each
/// finished line and keeps it, also when Ctrl-C ends the other one.
pub struct KeptOutput {
    path: PathBuf,
    file: NamedTempFile,
}

/// The output of a run could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`: {source}; give --out a folder that can be written", path.display())]
pub struct KeepError {
    path: PathBuf,
    source: io::Error,
}

impl KeptOutput {
    /// Readies `<folder>/<target>_YYYYMMDD_HHMMSS.txt` (UTC). `None` in the process whose output is kept already.
    ///
    /// # Errors
    /// If the folder cannot be made or written: known before anything is measured.
    pub fn create(folder: &Path, target: &str) -> Result<Option<Self>, KeepError> {
        if env::var_os(IS_KEPT).is_some() {
            return Ok(None);
        }
        let stamp = jiff::Timestamp::now().strftime("%Y%m%d_%H%M%S");
        let path = folder.join(format!("{target}_{stamp}.txt"));
        let file = fs::create_dir_all(folder).and_then(|()| NamedTempFile::new_in(folder));
        match file {
            Ok(file) => Ok(Some(Self { path, file })),
            Err(source) => Err(KeepError { path: folder.to_owned(), source }),
        }
    }

    /// Runs this process again with the same arguments, shows and keeps what it prints, and tells its exit status.
    ///
    /// # Errors
    /// If it cannot be started or its output cannot be written.
    pub fn run_again(mut self) -> Result<ExitCode, KeepError> {
        let status = self.copy_output().map_err(|source| self.error(source))?;
        let path = self.path.clone();
        self.keep()?;
        eprintln!("kept as {}", path.display());
        Ok(status)
    }

    fn copy_output(&mut self) -> io::Result<ExitCode> {
        // The other process gets Ctrl-C as well and ends; this one lives to keep what came until then.
        ctrlc::set_handler(|| {}).map_err(io::Error::other)?;
        let mut child = Command::new(env::current_exe()?)
            .args(env::args_os().skip(1))
            .env(IS_KEPT, "1")
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().expect("stdout is piped");
        copy_lines(output, &mut io::stdout(), &mut self.file)?;
        let code = child.wait()?.code().map_or(EXIT_INTERRUPTED, |code| u8::try_from(code).unwrap_or(1));
        Ok(ExitCode::from(code))
    }

    /// Whole or not at all.
    fn keep(self) -> Result<(), KeepError> {
        let Self { path, file } = self;
        let written = file.as_file().sync_all();
        match written.and_then(|()| file.persist(&path).map_err(|failed| failed.error)) {
            Ok(_) => Ok(()),
            Err(source) => Err(KeepError { path, source }),
        }
    }

    fn error(&self, source: io::Error) -> KeepError {
        KeepError { path: self.path.clone(), source }
    }
}

/// Line by line, so that a reader sees each figure when it is there.
fn copy_lines(from: impl Read, shown: &mut impl Write, kept: &mut impl Write) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        shown.write_all(&line)?;
        shown.flush()?;
        kept.write_all(&line)?;
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_kept_alone_under_its_target() {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let inner = folder.path().join("new");
        let mut output = KeptOutput::create(&inner, "kernels").expect("writable").expect("not kept yet");
        let (path, mut shown) = (output.path.clone(), Vec::new());
        copy_lines(&b"a table\nits end"[..], &mut shown, &mut output.file).expect("memory and a file");
        output.keep().expect("writable");

        assert_eq!(shown, b"a table\nits end");
        assert_eq!(fs::read(&path).expect("kept"), shown);
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(name.starts_with("kernels_20") && name.ends_with(".txt"), "{name}");
        assert_eq!(fs::read_dir(&inner).expect("readable").count(), 1, "nothing temporary is left");
    }

    #[test]
    fn a_folder_that_is_none_is_named() {
        let file = NamedTempFile::new().expect("a temporary file");
        let refusal =
            KeptOutput::create(file.path(), "kernels").err().expect("a file is no folder").to_string();
        assert!(refusal.contains(&*file.path().to_string_lossy()), "{refusal}");
    }
}
