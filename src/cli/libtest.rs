use std::fmt::Display;
use std::process::ExitCode;
use std::time::Instant;

/// Prints the names as libtest does, so that tools which read its lists read ours.
pub fn list(names: impl IntoIterator<Item = impl Display>) {
    let mut count = 0;
    for name in names {
        println!("{name}: benchmark");
        count += 1;
    }
    println!("\n0 tests, {count} benchmarks");
}

/// Runs each named test and prints libtest's lines; returns whether all passed, as an exit status. One failure does not
/// hide the others.
pub fn test_each<N: Display, E: Display>(
    target: &str,
    tests: impl IntoIterator<Item = (N, impl FnOnce() -> Result<(), E>)>,
) -> ExitCode {
    let start = Instant::now();
    let (mut passed, mut failures) = (0, Vec::new());
    for (name, test) in tests {
        match test() {
            Ok(()) => {
                println!("test {target}: {name} ... ok");
                passed += 1;
            }
            Err(error) => {
                println!("test {target}: {name} ... FAILED");
                failures.push(error);
            }
        }
    }
    for failure in &failures {
        eprintln!("error: {failure}");
    }
    let verdict = if failures.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {} failed; 0 ignored; 0 measured; finished in {:.2}s\n",
        failures.len(),
        start.elapsed().as_secs_f64()
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn one_failure_fails_the_whole_and_hides_no_other() {
        let ran = &Cell::new(0);
        let test = |name| {
            let result = if name == "b" { Err("wrong") } else { Ok(()) };
            (name, move || {
                ran.set(ran.get() + 1);
                result
            })
        };
        assert_eq!(test_each("t", ["a", "b", "c"].map(test)), ExitCode::FAILURE);
        assert_eq!(ran.get(), 3);
        assert_eq!(test_each("t", ["a"].map(test)), ExitCode::SUCCESS);
    }
}
