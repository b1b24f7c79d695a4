use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::parcel::{Bits, Parcel};
use crate::event::Event;

/// What a service does with its events.
///
/// A system calls a service's handler with one batch at a time and looks at the outcome of each
/// event in it. A handler may publish; it is then never made to wait for room (see
/// [`OnFull`](super::OnFull)).
pub trait Handler: Send + Sync + 'static {
    /// Works through the batch, one future for all of it.
    fn handle(&self, batch: Batch<'_>) -> impl Future<Output = BatchOutcome> + Send;
}

/// Events handed over together, in the order in which they are to be handled; never empty.
///
/// It reads the same whether the system shares its events or owns copies of them.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a>(Events<'a>);

#[derive(Debug, Clone, Copy)]
enum Events<'a> {
    Shared(&'a [Arc<Event>]),
    Owned(&'a [Event]),
    Parcels(&'a [Parcel]),
}

impl<'a> Batch<'a> {
    /// Events that others hold as well.
    pub fn shared(events: &'a [Arc<Event>]) -> Self {
        Self(Events::Shared(events))
    }

    /// Events that only the system holds.
    pub fn owned(events: &'a [Event]) -> Self {
        Self(Events::Owned(events))
    }

    /// Events of shared envelopes.
    pub fn parcels(parcels: &'a [Parcel]) -> Self {
        Self(Events::Parcels(parcels))
    }

    /// How many events.
    #[inline]
    pub fn len(&self) -> usize {
        match self.0 {
            Events::Shared(events) => events.len(),
            Events::Owned(events) => events.len(),
            Events::Parcels(parcels) => parcels.iter().map(Parcel::len).sum(),
        }
    }

    /// Whether there is none; no system hands over such a batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The events in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &'a Event> + use<'a> {
        let (shared, owned, parcels) = match self.0 {
            Events::Shared(events) => (events, &[][..], &[][..]),
            Events::Owned(events) => (&[][..], events, &[][..]),
            Events::Parcels(parcels) => (&[][..], &[][..], parcels),
        };
        let picked = parcels.iter().flat_map(|parcel| {
            let (events, picked) = parcel.parts();
            Bits(picked).map(move |place| &*events[place])
        });
        shared.iter().map(|event| &**event).chain(owned).chain(picked)
    }
}

/// What became of the events of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchOutcome {
    /// All are done.
    Acknowledged,
    /// All are done but these: each position in the batch at most once, at least one.
    Failed(Vec<Failure>),
}

/// An event of a batch that could not be handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its position in the batch.
    pub position: usize,
    /// Why.
    pub reason: String,
}

impl BatchOutcome {
    /// How many of a batch of `len` events failed.
    pub fn failed(&self) -> usize {
        match self {
            Self::Acknowledged => 0,
            Self::Failed(failures) => failures.len(),
        }
    }
}

/// A future whose type is not known.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A [`Handler`] whose type is not known: for systems that keep handlers of many types in one place.
pub trait DynHandler: Send + Sync + 'static {
    /// [`Handler::handle`], at the price of one allocation.
    fn handle_boxed<'a>(&'a self, batch: Batch<'a>) -> BoxFuture<'a, BatchOutcome>;
}

impl<H: Handler> DynHandler for H {
    fn handle_boxed<'a>(&'a self, batch: Batch<'a>) -> BoxFuture<'a, BatchOutcome> {
        Box::pin(self.handle(batch))
    }
}
