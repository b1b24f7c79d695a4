use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use addr2line::Loader;

/// One function of the source at an address, of which there are several where functions were inlined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// With its path, without the compiler's hash.
    pub function: String,
    /// Where its source is, and which line the address belongs to.
    pub file: String,
    pub line: u32,
}

/// What a program's debug information tells of addresses: read when it is first asked for.
pub struct Inlined {
    program: PathBuf,
    loader: OnceCell<Option<Loader>>,
    known: RefCell<HashMap<u64, Rc<[Frame]>>>,
}

impl Inlined {
    /// Of this program.
    pub fn of(program: &Path) -> Self {
        Self { program: program.to_owned(), loader: OnceCell::new(), known: RefCell::default() }
    }

    /// Whether a profile means this program by `object`.
    pub fn is_of(&self, object: &str) -> bool {
        Path::new(object) == self.program
    }

    /// The functions at an address, relative to where the program was loaded: the innermost first, that of the linker
    /// last. None if the debug information does not tell.
    pub fn frames(&self, address: u64) -> Rc<[Frame]> {
        if let Some(known) = self.known.borrow().get(&address) {
            return known.clone();
        }
        let frames: Rc<[Frame]> = self.read(address).unwrap_or_default().into();
        self.known.borrow_mut().insert(address, frames.clone());
        frames
    }

    fn read(&self, address: u64) -> Option<Vec<Frame>> {
        let loader = self.loader.get_or_init(|| Loader::new(&self.program).ok()).as_ref()?;
        let mut found = loader.find_frames(address + loader.relative_address_base()).ok()?;
        let mut frames = Vec::new();
        while let Some(frame) = found.next().ok()? {
            let name = frame.function?;
            let location = frame.location.as_ref();
            frames.push(Frame {
                function: name.demangle().ok()?.into_owned(),
                file: location.and_then(|location| location.file).unwrap_or_default().to_owned(),
                line: location.and_then(|location| location.line).unwrap_or_default(),
            });
        }
        Some(frames)
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[inline(always)]
    fn inlined_sum(up_to: u64) -> u64 {
        (0..black_box(up_to)).fold(0, |sum, number| sum ^ black_box(number))
    }

    #[inline(never)]
    fn outer(up_to: u64) -> u64 {
        inlined_sum(up_to)
    }

    /// Where this program was loaded.
    fn base(program: &Path) -> u64 {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux");
        let line =
            maps.lines().find(|line| line.ends_with(&*program.to_string_lossy())).expect("it is loaded");
        u64::from_str_radix(line.split('-').next().unwrap_or_default(), 16).expect("an address")
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_inlined_function_is_told_with_the_one_that_it_is_in() {
        let program = std::env::current_exe().expect("a test runs");
        assert_eq!(outer(3), 3);
        let start = outer as *const () as usize as u64 - base(&program);
        let inlined = Inlined::of(&program);
        assert!(inlined.is_of(&program.to_string_lossy()) && !inlined.is_of("/lib/libc.so.6"));
        let chains: Vec<_> = (start..start + 200).map(|address| inlined.frames(address)).collect();
        let ends_with = |frame: &Frame, name: &str| frame.function.ends_with(name);
        let told = chains.iter().any(|frames| {
            let inner = frames.iter().position(|frame| ends_with(frame, "::inlined_sum"));
            let outer = frames.iter().position(|frame| ends_with(frame, "::outer"));
            inner.is_some() && inner < outer && frames[0].line > 0
        });
        assert!(told, "{chains:?}");
    }

    #[test]
    fn a_program_that_is_gone_tells_nothing() {
        assert!(Inlined::of(Path::new("/nowhere")).frames(7).is_empty());
    }
}
