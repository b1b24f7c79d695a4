use std::sync::atomic::{AtomicBool, Ordering};

/// As shells report a process that Ctrl-C ended.
pub const EXIT_INTERRUPTED: u8 = 130;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on the first Ctrl-C only sets [`interrupted`], so that what was finished can be kept; the
/// second ends the process.
///
/// # Errors
/// If the operating system does not let the signal be handled.
pub(super) fn catch_interrupt() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
        eprintln!("\ninterrupted: keeping what was finished (Ctrl-C again to end at once)");
    })
}

/// Whether Ctrl-C was pressed.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
