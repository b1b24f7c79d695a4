//! What a mutant says of its figures: the system within is off by as much the other way.

use std::time::Duration;

use crucible_events::routing::Terms;

use crate::mutation::Mutation;

/// The terms that are told in place of the true ones.
pub(crate) fn told(mutation: Mutation, mut terms: Terms) -> Terms {
    if mutation == Mutation::KeepsItsTerms {
        return Terms::default();
    }
    let Terms {
        concurrent_deliveries,
        event_timeout,
        handler_timeout,
        window,
        retry,
        breaker,
        dead_letters,
        byte_budget,
        ..
    } = &mut terms;
    match mutation {
        Mutation::Overloads => change(concurrent_deliveries, |most| *most -= 1),
        Mutation::ExpiresEarly => change(event_timeout, |timeout| *timeout *= 2),
        Mutation::ExpiresLate => change(event_timeout, |timeout| *timeout /= 2),
        Mutation::StopsEarly => change(handler_timeout, |timeout| *timeout *= 2),
        Mutation::ForgetsEarly => change(window, |window| window.entries += 1),
        Mutation::ForgetsSoon => change(window, |window| window.time += Duration::from_secs(1)),
        Mutation::Hurries => {
            change(retry, |retry| (retry.first, retry.longest) = (retry.first * 2, retry.longest * 2))
        }
        Mutation::Dawdles => {
            change(retry, |retry| (retry.first, retry.longest) = (retry.first / 2, retry.longest / 2))
        }
        Mutation::OpensEarly => change(breaker, |breaker| breaker.threshold += 1),
        Mutation::OpensLate => change(breaker, |breaker| breaker.threshold -= 1),
        Mutation::TriesEarly => change(breaker, |breaker| breaker.open_for *= 2),
        Mutation::TriesLate => change(breaker, |breaker| breaker.open_for /= 2),
        Mutation::TriesMore => change(breaker, |breaker| breaker.probes -= 1),
        Mutation::Overspends => change(byte_budget, |most| *most -= *most / 4),
        Mutation::KeepsFewer => change(dead_letters, |most| *most += 1),
        _ => {}
    }
    terms
}

fn change<T>(term: &mut Option<T>, change: impl FnOnce(&mut T)) {
    if let Some(term) = term {
        change(term);
    }
}
