use super::rule_change::Changed::{EverySource, OneSource};
use super::{
    KernelSpec, balance, breaker, codec, hand_off, mailbox, matching, retry, route, rule_change, window,
};
use crucible_events::routing::Strategy;

use crate::sut;
use crate::sut::Publishing::{Batch, Single};
use crate::workload::Scenario;

/// Hands the list of kernels to the macro `callback!`: one `ident, "name", prepare;` for each.
///
/// Everything that runs kernels expands this, so that no instrument can miss one. The identifier is
/// the name with `_` for all that is neither letter nor digit: a constant evaluation refuses any other, and two
/// equal ones do not compile. `prepare` is an expression for a `fn() -> Prepared`, resolved in this file only; other
/// callbacks leave it unused.
#[macro_export]
macro_rules! for_each_kernel {
    ($callback:ident) => {
        $callback! {
            decode_json_1kib, "decode/json_1kib", codec::decode;
            encode_json_1kib, "encode/json_1kib", codec::encode;
            validate_full, "validate/full", codec::validate;
            match_core_10_rules, "match/core/10_rules", || matching::core(10, false);
            match_core_100_rules, "match/core/100_rules", || matching::core(100, false);
            match_core_1000_rules, "match/core/1000_rules", || matching::core(1000, false);
            match_core_10000_rules, "match/core/10000_rules", || matching::core(10000, false);
            match_core_10_rules_with_fields, "match/core/10_rules_with_fields", || matching::core(10, true);
            match_core_100_rules_with_fields, "match/core/100_rules_with_fields", || matching::core(100, true);
            match_core_1000_rules_with_fields, "match/core/1000_rules_with_fields", || matching::core(1000, true);
            match_core_10000_rules_with_fields, "match/core/10000_rules_with_fields", || matching::core(10000, true);
            match_coordinator_10_rules, "match/coordinator/10_rules", || matching::coordinator(10, false);
            match_coordinator_100_rules, "match/coordinator/100_rules", || matching::coordinator(100, false);
            match_coordinator_1000_rules, "match/coordinator/1000_rules", || matching::coordinator(1000, false);
            match_coordinator_10000_rules, "match/coordinator/10000_rules", || matching::coordinator(10000, false);
            match_coordinator_10_rules_with_fields, "match/coordinator/10_rules_with_fields", || matching::coordinator(10, true);
            match_coordinator_100_rules_with_fields, "match/coordinator/100_rules_with_fields", || matching::coordinator(100, true);
            match_coordinator_1000_rules_with_fields, "match/coordinator/1000_rules_with_fields", || matching::coordinator(1000, true);
            match_coordinator_10000_rules_with_fields, "match/coordinator/10000_rules_with_fields", || matching::coordinator(10000, true);
            rule_change_core_10_rules_one_source, "rule_change/core/10_rules/one_source", || rule_change::prepare(sut::crucible_core, 10, OneSource);
            rule_change_core_10_rules_every_source, "rule_change/core/10_rules/every_source", || rule_change::prepare(sut::crucible_core, 10, EverySource);
            rule_change_core_10000_rules_one_source, "rule_change/core/10000_rules/one_source", || rule_change::prepare(sut::crucible_core, 10000, OneSource);
            rule_change_core_10000_rules_every_source, "rule_change/core/10000_rules/every_source", || rule_change::prepare(sut::crucible_core, 10000, EverySource);
            rule_change_coordinator_10_rules_one_source, "rule_change/coordinator/10_rules/one_source", || rule_change::prepare(sut::data_coordinator, 10, OneSource);
            rule_change_coordinator_10_rules_every_source, "rule_change/coordinator/10_rules/every_source", || rule_change::prepare(sut::data_coordinator, 10, EverySource);
            rule_change_coordinator_10000_rules_one_source, "rule_change/coordinator/10000_rules/one_source", || rule_change::prepare(sut::data_coordinator, 10000, OneSource);
            rule_change_coordinator_10000_rules_every_source, "rule_change/coordinator/10000_rules/every_source", || rule_change::prepare(sut::data_coordinator, 10000, EverySource);
            mailbox_single_mixed, "mailbox/single/mixed", mailbox::push_single;
            mailbox_batch_mixed, "mailbox/batch/mixed", mailbox::push_batch;
            mailbox_batch_one_priority, "mailbox/batch/one_priority", mailbox::push_batch_of_one_priority;
            mailbox_backlog_mixed, "mailbox/backlog/mixed", mailbox::backlog;
            window_insert_1000, "window/insert/1000", window::insert;
            breaker_closed, "breaker/closed", breaker::closed;
            breaker_open_and_close, "breaker/open_and_close", breaker::round;
            retry_failed_batch, "retry/failed_batch", retry::failed_batch;
            balance_round_robin, "balance/round_robin", || balance::turns(Strategy::RoundRobin);
            balance_least_connections, "balance/least_connections", || balance::turns(Strategy::LeastConnections);
            balance_weighted_random, "balance/weighted_random", || balance::turns(Strategy::WeightedRandom { seed: 42 });
            balance_health_based, "balance/health_based", || balance::turns(Strategy::HealthBased);
            balance_priority_based, "balance/priority_based", || balance::turns(Strategy::PriorityBased);
            reference_single_fan_out_1, "reference/single/fan_out_1", || hand_off::single(1);
            reference_single_fan_out_5, "reference/single/fan_out_5", || hand_off::single(5);
            reference_single_fan_out_25, "reference/single/fan_out_25", || hand_off::single(25);
            reference_batch_fan_out_1, "reference/batch/fan_out_1", || hand_off::batched(1);
            reference_batch_fan_out_5, "reference/batch/fan_out_5", || hand_off::batched(5);
            reference_batch_fan_out_25, "reference/batch/fan_out_25", || hand_off::batched(25);
            reference_single_light, "reference/single/light", || route::prepare(sut::reference_one_by_one, &Scenario::LIGHT, Single);
            reference_batch_light, "reference/batch/light", || route::prepare(sut::reference_batched, &Scenario::LIGHT, Batch);
            reference_single_medium, "reference/single/medium", || route::prepare(sut::reference_one_by_one, &Scenario::MEDIUM, Single);
            reference_batch_medium, "reference/batch/medium", || route::prepare(sut::reference_batched, &Scenario::MEDIUM, Batch);
            reference_single_heavy, "reference/single/heavy", || route::prepare(sut::reference_one_by_one, &Scenario::HEAVY, Single);
            reference_batch_heavy, "reference/batch/heavy", || route::prepare(sut::reference_batched, &Scenario::HEAVY, Batch);
            route_core_light_single, "route/core/light/single", || route::core(&Scenario::LIGHT, Single);
            route_core_light_batch, "route/core/light/batch", || route::core(&Scenario::LIGHT, Batch);
            route_core_medium_single, "route/core/medium/single", || route::core(&Scenario::MEDIUM, Single);
            route_core_medium_batch, "route/core/medium/batch", || route::core(&Scenario::MEDIUM, Batch);
            route_core_heavy_single, "route/core/heavy/single", || route::core(&Scenario::HEAVY, Single);
            route_core_heavy_batch, "route/core/heavy/batch", || route::core(&Scenario::HEAVY, Batch);
            route_coordinator_light_single, "route/coordinator/light/single", || route::prepare(sut::data_coordinator, &Scenario::LIGHT, Single);
            route_coordinator_light_batch, "route/coordinator/light/batch", || route::prepare(sut::data_coordinator, &Scenario::LIGHT, Batch);
            route_coordinator_medium_single, "route/coordinator/medium/single", || route::prepare(sut::data_coordinator, &Scenario::MEDIUM, Single);
            route_coordinator_medium_batch, "route/coordinator/medium/batch", || route::prepare(sut::data_coordinator, &Scenario::MEDIUM, Batch);
            route_coordinator_heavy_single, "route/coordinator/heavy/single", || route::prepare(sut::data_coordinator, &Scenario::HEAVY, Single);
            route_coordinator_heavy_batch, "route/coordinator/heavy/batch", || route::prepare(sut::data_coordinator, &Scenario::HEAVY, Batch);
        }
    };
}

macro_rules! specs {
    ($($id:ident, $name:literal, $prepare:expr;)*) => {
        /// A name twice is an identifier twice, and that does not compile.
        #[expect(non_camel_case_types, dead_code, reason = "only there to collide")]
        enum Unique { $($id),* }

        const _: () = {
            $(assert!(
                is_id_of(stringify!($id), $name),
                concat!("kernel `", $name, "`: wants lower-case letters, digits, `_` and `/`, and the same with `_` as its id, not `", stringify!($id), "`"),
            );)*
        };

        const KERNELS: &[KernelSpec] = &[
            $(KernelSpec { id: stringify!($id), name: $name, prepare: $prepare }),*
        ];
    };
}
for_each_kernel!(specs);

/// All kernels, in the order in which reports show them.
pub const fn all() -> &'static [KernelSpec] {
    KERNELS
}

const fn is_id_of(id: &str, name: &str) -> bool {
    let (id, name) = (id.as_bytes(), name.as_bytes());
    let mut same = id.len() == name.len();
    let mut at = 0;
    while same && at < id.len() {
        same = match name[at] {
            b'/' => id[at] == b'_',
            letter @ (b'a'..=b'z' | b'0'..=b'9' | b'_') => id[at] == letter,
            _ => false,
        };
        at += 1;
    }
    same
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::kernels::Checked;

    #[test]
    fn the_id_is_the_name_with_underscores() {
        assert!(is_id_of("match_core_10_rules", "match/core/10_rules"));
        for (id, name) in
            [("match_core", "match/Core"), ("match", "match/core"), ("match-core", "match-core")]
        {
            assert!(!is_id_of(id, name), "{id} for {name}");
        }
        for spec in all() {
            assert_eq!(spec.id, spec.name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
        }
    }

    #[test]
    fn every_kernel_has_a_stage_a_variant_and_a_name_of_its_own() {
        let mut seen = HashSet::new();
        for spec in all() {
            assert!(spec.name.split('/').count() >= 2, "{}: wants stage/variant", spec.name);
            assert!(spec.name.split('/').all(|part| !part.is_empty()), "{}", spec.name);
            assert!(seen.insert(spec.name), "{} twice", spec.name);
        }
    }

    #[test]
    fn what_expands_the_list_sees_the_same_names() {
        macro_rules! names {
            ($($id:ident, $name:literal, $prepare:expr;)*) => { [$((stringify!($id), $name)),*] };
        }
        let expanded = for_each_kernel!(names);
        assert!(all().iter().map(|spec| (spec.id, spec.name)).eq(expanded));
    }

    #[test]
    fn every_kernel_does_the_same_right_work_each_time() {
        for spec in all() {
            let mut kernel = Checked::new(spec);
            for _ in 0..3 {
                kernel.run_checked().expect("does the work that was expected");
            }
        }
    }
}
