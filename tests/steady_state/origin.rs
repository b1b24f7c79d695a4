use crucible_perf::sut::{BATCH, Publishing};

use crate::run::Task;

/// Where blocks come from, and how many of them in one pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) what: &'static str,
    pub(crate) blocks: u64,
}

/// All that a system is to allocate in one pass of a task that was done before. The names were found
/// in dhat's profile of such passes; that the numbers are right is what the runs show.
pub(crate) type Explain = fn(&Task, Publishing) -> Vec<Origin>;

/// Nothing per event, nothing per delivery.
pub(crate) fn of_core(task: &Task, publishing: Publishing) -> Vec<Origin> {
    let quiet = Origin { what: "list of services, for each wait for quiet", blocks: 1 };
    [quiet].into_iter().chain(publications(task, publishing)).chain(envelopes(task, publishing)).collect()
}

/// As CrucibleCore, without envelopes.
pub(crate) fn of_reference(task: &Task, publishing: Publishing) -> Vec<Origin> {
    let quiet = Origin { what: "list of queues, for each wait for quiet", blocks: 1 };
    [quiet].into_iter().chain(publications(task, publishing)).collect()
}

/// All but what it takes to parse payloads, which depends on what is in them. Its channels allocate
/// nothing: they use their blocks again.
pub(crate) fn of_coordinator(task: &Task, publishing: Publishing) -> Vec<Origin> {
    let lists = task.fan_outs.iter().map(|&receivers| allocations_of_a_list(receivers)).sum();
    let per_delivery =
        Origin { what: "the handler's boxed future, for each delivery", blocks: task.deliveries() };
    let per_event =
        Origin { what: "list of receivers, for each event that has any, and its growth", blocks: lists };
    [per_delivery, per_event].into_iter().chain(publications(task, publishing)).collect()
}

/// What publishing a batch returns.
fn publications(task: &Task, publishing: Publishing) -> Option<Origin> {
    let lists = Origin { what: "list of publications, for each batch", blocks: batches(task) };
    (publishing == Publishing::Batch).then_some(lists)
}

/// What the services of a batch share. Single events have none.
fn envelopes(task: &Task, publishing: Publishing) -> Option<Origin> {
    let what = "envelope and its list of events, for each batch";
    (publishing == Publishing::Batch).then_some(Origin { what, blocks: 2 * batches(task) })
}

fn batches(task: &Task) -> u64 {
    task.events().div_ceil(BATCH) as u64
}

/// A vector of pointers that are pushed one by one has room for 4 at first, then for twice as many
/// (`RawVec` in alloc).
fn allocations_of_a_list(len: usize) -> u64 {
    let rooms = std::iter::successors(Some(4), |room| Some(room * 2));
    if len == 0 { 0 } else { 1 + rooms.take_while(|&room| room < len).count() as u64 }
}
