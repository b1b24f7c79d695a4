//! What speaks against measuring wall time on a machine as it is, and what to do about it.

use crate::measure::{Machine, Quietness, Reading};
use crate::results::comparison_analysis::Remark;

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
    let others = |quietness: &Quietness| {
        let seen = [(&quietness.busy_percent, BUSY_PERCENT), (&quietness.stolen_percent, STOLEN_PERCENT)];
        seen.into_iter().any(|(percent, most)| percent.value().is_some_and(|&percent| percent > most))
    };
    // What is seen to be taken is lost as well, and was said.
    if let Some(&lost) =
        quietness.lost_percent.value().filter(|&&lost| lost > LOST_PERCENT && !others(quietness))
    {
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

/// Whether a machine on which busy threads lose so much can refute what theory says of an idle one.
pub fn is_idle(lost_percent: Option<f64>) -> bool {
    lost_percent.is_none_or(|lost| lost <= LOST_PERCENT)
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
        let lost = Quietness { lost_percent: Reading::Value(3.2), ..quiet() };
        let said = remarks(&machine(Reading::absent("a virtual machine")), &lost);
        assert_eq!(said.len(), 1);
        assert!(said[0].state.contains("loses 3.2 % of its time"), "{said:?}");
    }
}
