//! What speaks against measuring wall time on a machine as it is, and what to do about it.

use crate::measure::{Machine, Quietness, Reading};
use crate::results::comparison_analysis::Remark;
use crate::results::load_testing::KnownAnswer;

/// Per cent of all cores' time that others may take before it is said. A quiet laptop takes 1–3.
const BUSY_PERCENT: f64 = 5.0;

/// Per cent of all cores' time that a hypervisor may take before it is said.
const STOLEN_PERCENT: f64 = 0.5;

/// Per cent of its time that a busy thread may lose before it is said. The kernel's own ticks take some 0.2.
const LOST_PERCENT: f64 = 1.0;

/// In the order of what helps most.
pub fn remarks(machine: &Machine, quietness: &Quietness) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut say = |state: String, advice: &str| remarks.push(Remark { state, advice: advice.to_owned() });
    if let Some(&busy) = quietness.busy_percent.value().filter(|&&busy| busy > BUSY_PERCENT) {
        say(
            format!("other programs take {busy:.0} % of all cores"),
            "close browsers, builds and indexers, or expect inconclusive verdicts",
        );
    }
    if let Some(&stolen) = quietness.stolen_percent.value().filter(|&&stolen| stolen > STOLEN_PERCENT) {
        say(
            format!("the hypervisor takes {stolen:.1} % of all cores' time"),
            "measure at another hour, or on a machine that is not shared",
        );
    }
    if let Some(lost) = unexplained(quietness).filter(|&lost| lost > LOST_PERCENT) {
        say(
            format!(
                "a busy thread loses {lost:.1} % of its time, to nobody that can be seen from here: most likely a hypervisor"
            ),
            "measure at another hour, or on a machine that is not shared",
        );
    }
    if let Reading::Value(governor) = &machine.governor
        && !governor.split(", ").all(|one| one == "performance")
    {
        say(
            format!("the cores' frequency is governed by {governor}"),
            "sudo cpupower frequency-set --governor performance, and mains power",
        );
    }
    if let Some(&times) = quietness.throttled.value().filter(|&&times| times > 0) {
        say(
            format!("cores were throttled for heat {times} times since the machine was started"),
            "let it cool down; see whether the number grows",
        );
    }
    if machine.cores.value() == Some(&1) {
        say("there is one core".to_owned(), "what several threads gain cannot be seen here");
    }
    remarks
}

/// What busy threads lose beyond what is seen to be taken, in per cent.
fn unexplained(quietness: &Quietness) -> Option<f64> {
    let seen = [&quietness.busy_percent, &quietness.stolen_percent];
    let seen: f64 = seen.iter().filter_map(|percent| percent.value()).sum();
    Some(quietness.lost_percent.value()? - seen)
}

/// What a figure says of what theory has it to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// As it should be.
    Holds,
    /// Not, on a machine that was not idle: it refutes nothing.
    NotIdle,
    /// Not as it should be.
    Missed,
}

/// Theory knows nobody else on its cores. A figure that losses cannot move, or beside which they were not measured, is
/// judged as it is.
pub fn known(answer: &KnownAnswer) -> Known {
    match (answer.holds, answer.lost_percent) {
        (true, _) => Known::Holds,
        (false, Some(lost)) if lost > LOST_PERCENT => Known::NotIdle,
        (false, _) => Known::Missed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet() -> Quietness {
        Quietness {
            busy_percent: Reading::Value(1.0),
            stolen_percent: Reading::Value(0.0),
            lost_percent: Reading::Value(0.3),
            throttled: Reading::absent("no such file"),
        }
    }

    fn machine(governor: Reading<String>) -> Machine {
        Machine { governor, cores: Reading::Value(4), ..Machine::inspect() }
    }

    #[test]
    fn of_a_quiet_machine_nothing_is_said() {
        for governor in [Reading::Value("performance".to_owned()), Reading::absent("a virtual machine")] {
            assert_eq!(remarks(&machine(governor), &quiet()), []);
        }
    }

    #[test]
    fn whatever_speaks_against_it_is_said_with_what_to_do() {
        let bad = Quietness {
            busy_percent: Reading::Value(60.0),
            stolen_percent: Reading::Value(3.0),
            lost_percent: Reading::Value(60.0),
            throttled: Reading::Value(7),
        };
        let machine = Machine {
            cores: Reading::Value(1),
            ..machine(Reading::Value("performance, powersave".to_owned()))
        };
        let said = remarks(&machine, &bad);
        for (remark, word) in said.iter().zip(["60 %", "3.0 %", "powersave", "7 times", "one core"]) {
            assert!(remark.state.contains(word) && !remark.advice.is_empty(), "{remark:?}");
        }
        assert_eq!(said.len(), 5);
    }

    #[test]
    fn time_that_goes_to_nobody_is_said_where_nobody_is_seen() {
        let by_others =
            Quietness { busy_percent: Reading::Value(3.0), lost_percent: Reading::Value(3.5), ..quiet() };
        assert_eq!(remarks(&machine(Reading::absent("a virtual machine")), &by_others), []);
        let lost = Quietness { lost_percent: Reading::Value(4.2), ..quiet() };
        let said = remarks(&machine(Reading::absent("a virtual machine")), &lost);
        assert_eq!(said.len(), 1);
        assert!(said[0].state.contains("loses 3.2 % of its time"), "{said:?}");
    }
}
