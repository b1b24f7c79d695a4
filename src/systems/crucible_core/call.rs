use std::any::Any;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;

use super::clock::{Clock, Moment, Sleep};
use crate::routing::{Batch, BatchOutcome, Handler};

thread_local! {
    /// Set while a handler runs, so that publishing knows that it must not wait.
    static IN_HANDLER: Cell<bool> = const { Cell::new(false) };
}

/// Whether the caller is a handler.
pub(super) fn in_handler() -> bool {
    IN_HANDLER.get()
}

/// How a handler's call came to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Done(BatchOutcome),
    TimedOut,
    /// With this message.
    Panicked(String),
}

/// Hands a batch to a handler. A handler that is not done by `until` is dropped where it stands. The alarm
/// is set when the handler first waits for something: one that never does costs no timer.
///
/// A panic ends here: what the handler shares with others it has to keep whole itself, as it must
/// across its awaits anyway, which is why nothing of it needs to be unwind safe.
pub(super) async fn call<H: Handler>(
    handler: &H,
    batch: Batch<'_>,
    until: impl Fn() -> Moment,
    clock: &Clock,
) -> Ended {
    let future = match guarded(|| handler.handle(batch)) {
        Ok(future) => future,
        Err(message) => return Ended::Panicked(message),
    };
    let mut future = pin!(future);
    let mut alarm: Option<Sleep> = None;
    poll_fn(|cx| match guarded(|| future.as_mut().poll(cx)) {
        Ok(Poll::Ready(outcome)) => Poll::Ready(Ended::Done(outcome)),
        Ok(Poll::Pending) => {
            let alarm = alarm.get_or_insert_with(|| clock.sleep_until(until()));
            Pin::new(alarm).poll(cx).map(|()| Ended::TimedOut)
        }
        Err(message) => Poll::Ready(Ended::Panicked(message)),
    })
    .await
}

/// Runs a piece of a handler; the message of its panic if it does.
#[inline]
fn guarded<T>(piece: impl FnOnce() -> T) -> Result<T, String> {
    let before = IN_HANDLER.replace(true);
    let done = catch_unwind(AssertUnwindSafe(piece));
    IN_HANDLER.set(before);
    done.map_err(|panic| message(&*panic))
}

#[cold]
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}
