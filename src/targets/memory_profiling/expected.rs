use super::plan::{TOO_LARGE, with_budget};
use crate::results::memory_profiling::{LeakFigure, MemoryProfiling, PressureFigure, Verdict};

/// What holds of every figure, however short its runs: nothing that is shipped leaks, and a byte budget makes CrucibleCore
/// survive what it dies of without.
///
/// # Errors
/// What does not hold.
pub fn expected(taken: &MemoryProfiling) -> Result<(), String> {
    taken.leaks.iter().try_for_each(clean)?;
    taken.pressure.iter().try_for_each(survives_by_its_budget)
}

fn clean(LeakFigure { name, system, verdict, sites, .. }: &LeakFigure) -> Result<(), String> {
    let place = sites.first().map_or(String::new(), |site| format!(", asked for by {}", site.place));
    match verdict {
        Verdict::Leaking(_) => Err(format!("{name}: {system} leaks{place}")),
        Verdict::Unclear(_) => {
            let look = "more --cycles tell whether it ends";
            Err(format!("{name}: what {system} holds grows ever more slowly{place}; {look}"))
        }
        Verdict::Clean => Ok(()),
    }
}

/// Without a budget memory has to run out, or the budget is not what helps.
fn survives_by_its_budget(figure: &PressureFigure) -> Result<(), String> {
    let PressureFigure { name, system, on_full, died, .. } = figure;
    match died {
        Some(status) if *system == with_budget() => {
            Err(format!("{name}: {system}, asked to {on_full:?}, dies in spite of its budget: {status}"))
        }
        None if system == "CrucibleCore" && figure.payload_bytes >= TOO_LARGE => {
            Err(format!("{name}: {system}, asked to {on_full:?}, found memory enough: there was no pressure"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Full, Standing};
    use crate::results::memory_profiling::{Growth, LeakSite};

    fn leak(verdict: Verdict) -> MemoryProfiling {
        let site = LeakSite {
            place: "shop::add (shop.rs:7)".to_owned(),
            blocks_per_event: 1.0,
            bytes_per_event: 24.0,
        };
        let leaks = vec![LeakFigure {
            name: "leak/batch".to_owned(),
            system: "Shop".to_owned(),
            verdict,
            runs: Vec::new(),
            sites: vec![site],
            holders: Vec::new(),
        }];
        MemoryProfiling { leaks, ..MemoryProfiling::default() }
    }

    #[test]
    fn nothing_leaks() {
        let growth = Growth { blocks_per_event: 1.0, bytes_per_event: 24.0, outlives_the_system: true };
        assert_eq!(expected(&leak(Verdict::Clean)), Ok(()));
        let leaks = "leak/batch: Shop leaks, asked for by shop::add (shop.rs:7)";
        assert_eq!(expected(&leak(Verdict::Leaking(growth))), Err(leaks.to_owned()));
        let grows = "leak/batch: what Shop holds grows ever more slowly, asked for by shop::add (shop.rs:7); more \
                     --cycles tell whether it ends";
        assert_eq!(expected(&leak(Verdict::Unclear(growth))), Err(grows.to_owned()));
    }

    #[test]
    fn a_budget_is_what_helps() {
        let pressed = |system: &str, payload_bytes, died: Option<&str>| {
            let figure = PressureFigure {
                name: "pressure/64_kib".to_owned(),
                system: system.to_owned(),
                limit: 32 << 20,
                payload_bytes,
                on_full: Full::Refuse,
                last: Standing::default(),
                died: died.map(str::to_owned),
            };
            expected(&MemoryProfiling { pressure: vec![figure], ..MemoryProfiling::default() })
        };
        let aborted = Some("signal: 6 (SIGABRT)");
        assert_eq!(pressed(&with_budget(), TOO_LARGE, None), Ok(()));
        pressed(&with_budget(), TOO_LARGE, aborted).expect_err("its budget did not hold");
        assert_eq!(pressed("CrucibleCore", TOO_LARGE, aborted), Ok(()));
        pressed("CrucibleCore", TOO_LARGE, None).expect_err("no pressure");
        assert_eq!(pressed("CrucibleCore", 1024, None), Ok(()), "bounded by its mailbox");
        assert_eq!(pressed("DataCoordinator", 1024, aborted), Ok(()), "it has no bound");
    }
}
