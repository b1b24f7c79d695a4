use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;

thread_local! {
    static HANDLING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the caller is a handler, which must not be made to wait for room: services that publish
/// to each other in a cycle would wait for each other for ever.
pub(super) fn in_handler() -> bool {
    HANDLING.get()
}

/// Runs a handler's future so that [`in_handler`] is true within it. A flag of the thread that is
/// set for each poll: two stores, where a task-local value would be moved in and out.
pub(super) async fn handling<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _restore = Restore(HANDLING.replace(true));
        future.as_mut().poll(cx)
    })
    .await
}

/// Also when the handler panics.
struct Restore(bool);

impl Drop for Restore {
    fn drop(&mut self) {
        HANDLING.set(self.0);
    }
}
