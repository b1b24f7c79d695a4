//! The program as a CI uses it: real profiles, each exit status, each format.
//!
//! The fixtures are what the bench left of two kernels, and their blocks of a baseline; of the heap profile only the sites
//! below the kernel.

mod project;

use project::Project;
use serde_json::json;

#[test]
fn counts_as_in_the_baseline_leave_nothing_to_do() {
    let project = Project::new();
    let run = project.regress(&["check"]);
    assert_eq!(
        (run.status, &run.stdout[..]),
        (0, "✓ 2 kernels, all as in ci/baseline.json\n"),
        "{}",
        run.stderr
    );
    let all = project.regress(&["check", "--all"]);
    assert_eq!(all.status, 0);
    insta::assert_snapshot!("all", all.stdout);
}

/// One function has less in the baseline, one place asked for fewer blocks, one function had fewer bus events.
fn regressed() -> Project {
    let project = Project::new();
    project.edit_baseline(|baseline| {
        let kernel = &mut baseline["kernels"]["route/core/light/batch"];
        project::add(&mut kernel["counts"]["instructions"], -1500);
        project::add(&mut kernel["counts"]["bus_events"], -4);
        project::add(&mut kernel["counts"]["blocks"], -2);
        project::add(&mut kernel["counts"]["bytes"], -128);
        project::add_to_largest(&mut kernel["functions"], "self", -1500);
        project::add_to_largest(&mut kernel["functions"], "bus", -4);
        project::add_to_largest(&mut kernel["allocations"], "blocks", -2);
        project::add_to_largest(&mut kernel["allocations"], "bytes", -128);
    });
    project
}

#[test]
fn a_regression_is_told_in_each_format_with_where_it_comes_from() {
    let project = regressed();
    for format in ["text", "json", "markdown", "github"] {
        let run = project.regress(&["check", "--format", format]);
        assert_eq!(run.status, 3, "{format}: {}", run.stderr);
        insta::assert_snapshot!(format!("regressed_{format}"), run.stdout);
    }
    for format in ["text", "json", "markdown", "github"] {
        let run = project.regress(&["explain", "route/core/light/batch", "--format", format]);
        assert_eq!(run.status, 0, "{format}: {}", run.stderr);
        insta::assert_snapshot!(format!("explained_{format}"), run.stdout);
    }
    for format in ["text", "json", "markdown"] {
        let run = project.regress(&["list", "--format", format]);
        assert_eq!(run.status, 0, "{format}: {}", run.stderr);
        insta::assert_snapshot!(format!("listed_{format}"), run.stdout);
    }
    assert_eq!(project.regress(&["check", "breaker/closed"]).status, 0, "the other kernel is as it was");
}

#[test]
fn a_tolerance_is_held_to_the_last_instruction() {
    for (baseline, tolerance, status) in
        [(8037, "0.1", 0), (8029, "0.1", 0), (8028, "0.1", 3), (8037, "0", 0), (8036, "0", 3)]
    {
        let project = Project::new();
        project.edit_baseline(|file| {
            file["kernels"]["breaker/closed"]["counts"]["instructions"] = json!(baseline)
        });
        project.add_policy(&format!("[kernels.\"breaker/closed\".tolerance]\ninstructions = {tolerance}\n"));
        assert_eq!(project.regress(&["check"]).status, status, "{baseline} within {tolerance} %");
    }
}

#[test]
fn a_baseline_out_of_date_is_no_success() {
    let improved = Project::new();
    improved.edit_baseline(|baseline| {
        project::add(&mut baseline["kernels"]["breaker/closed"]["counts"]["instructions"], 100)
    });
    let run = improved.regress(&["check"]);
    assert_eq!(run.status, 4);
    assert!(
        run.stdout.contains("improved") && run.stdout.contains("accept --only-improvements"),
        "{}",
        run.stdout
    );

    let new = Project::new();
    new.edit_baseline(|baseline| project::remove(&mut baseline["kernels"], "breaker/closed"));
    let run = new.regress(&["check"]);
    assert_eq!(run.status, 4);
    assert!(run.stdout.contains("1 new"), "{}", run.stdout);

    let missing = Project::new();
    missing.edit_baseline(|baseline| {
        let kernel = baseline["kernels"]["breaker/closed"].clone();
        baseline["kernels"]["breaker/gone"] = kernel;
    });
    let run = missing.regress(&["check"]);
    assert_eq!(run.status, 4);
    assert!(run.stdout.contains("breaker/gone") && run.stdout.contains("1 missing"), "{}", run.stdout);
}

#[test]
fn what_cannot_be_judged_is_named() {
    let refused = |what: &str, spoil: &dyn Fn(&Project)| {
        let project = Project::new();
        spoil(&project);
        let run = project.regress(&["check"]);
        assert_eq!(run.status, 1, "{what}: {}", run.stdout);
        assert!(
            run.stderr.contains(what) || run.stdout.contains(what),
            "{what}: {}{}",
            run.stderr,
            run.stdout
        );
    };
    refused("nothing was measured", &|project| {
        project.remove("target/iai/crucible-perf/instructions/manifest.json")
    });
    refused("stale: since then `src/lib.rs` changed", &|project| {
        project.write("src/lib.rs", "fn other() {}")
    });
    refused("was built anew", &|project| project.write("target/program", "another build"));
    refused("the measured program is gone", &|project| project.remove("target/program"));
    refused("there is no", &|project| project.remove("ci/baseline.json"));
    refused("baseline.json`: no baseline", &|project| project.truncate("ci/baseline.json"));
    refused("regress.toml`: ", &|project| project.add_policy("[tolerance"));
    let summary = "target/iai/crucible-perf/instructions/kernels/breaker_closed/summary.json";
    refused("breaker_closed/summary.json`: no summary", &|project| project.truncate(summary));
    refused("breaker_closed/summary.json`: No such file", &|project| project.remove(summary));
    refused("not that of the run", &|project| project.append(summary, "\n"));
    refused("partial: 1 of 2 kernels", &|project| {
        project.edit_manifest(|manifest| drop(manifest.measured.pop()))
    });
    refused("measurement is empty", &|project| {
        project.edit_manifest(|manifest| {
            manifest.measured.clear();
            manifest.listed.clear();
        });
    });
    refused("has no bytes of `breaker/closed`", &|project| {
        project.edit_summary("breaker_closed", |text| text.replace("TotalBytes", "Total"));
    });
}

#[test]
fn other_circumstances_are_incomparable_and_named() {
    let project = regressed();
    project.edit_baseline(|baseline| {
        baseline["fingerprint"]["rustc"] = json!("rustc 1.94.0");
        baseline["fingerprint"]["crates"]["tokio"] = json!("1.53.0");
    });
    let run = project.regress(&["check"]);
    assert_eq!(run.status, 5, "{}", run.stderr);
    insta::assert_snapshot!("incomparable", run.stdout);
}

fn waiver(kernel: &str, metric: &str, until: &str) -> String {
    format!(
        "[[waivers]]\nkernel = \"{kernel}\"\nmetric = \"{metric}\"\nreason = \"known\"\nuntil = \"{until}\"\n"
    )
}

#[test]
fn a_waiver_needs_a_kernel_a_regression_and_a_day_to_come() {
    let project = Project::new();
    project.edit_baseline(|baseline| {
        project::add(&mut baseline["kernels"]["breaker/closed"]["counts"]["instructions"], -100)
    });
    assert_eq!(project.regress(&["check"]).status, 3);
    let with = |waivers: &str| {
        project.write("ci/regress.toml", project::POLICY);
        project.add_policy(waivers);
        project.regress(&["check"])
    };
    let run = with(&waiver("breaker/closed", "instructions", "2999-12-31"));
    assert_eq!(run.status, 0, "{}", run.stdout);
    let run = with(&waiver("breaker/closed", "instructions", "2026-01-01"));
    assert_eq!(run.status, 3, "expired, so the regression stands");
    assert!(run.stdout.contains("held until 2026-01-01"), "{}", run.stdout);
    let both = waiver("breaker/closed", "instructions", "2999-12-31");
    let run = with(&format!("{both}{}", waiver("breaker/closed", "blocks", "2999-12-31")));
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("the waiver is not used: its blocks did not grow"), "{}", run.stdout);
    let run = with(&format!("{both}{}", waiver("breaker/close", "blocks", "2999-12-31")));
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("breaker/close: no kernel has this name"), "{}", run.stdout);
}

#[test]
fn accepted_changes_add_up_to_a_drift() {
    let project = Project::new();
    let accepted = |from: u64, to: u64| json!({"date": "2026-11-24", "commit": "1a2b3c4", "reason": "a feature", "changes": {"instructions": [from, to]}});
    project.edit_baseline(|baseline| {
        baseline["kernels"]["breaker/closed"]["accepted"] =
            json!([accepted(7800, 7920), accepted(7920, 8037)]);
    });
    let run = project.regress(&["check"]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    insta::assert_snapshot!("drift", run.stdout);
    project.edit_baseline(|baseline| {
        baseline["kernels"]["breaker/closed"]["accepted"] =
            json!([accepted(7800, 7920), accepted(7920, 7850), accepted(7850, 7900)]);
    });
    assert_eq!(project.regress(&["check"]).status, 0, "improvements give back");
}

#[test]
fn what_was_released_does_not_drift() {
    let project = Project::new();
    project.edit_baseline(|baseline| {
        baseline["kernels"]["breaker/closed"]["accepted"] =
            json!([{"date": "2026-11-24", "commit": "1a2b3c4", "reason": "a feature", "changes": {"instructions": [7000, 8037]}}]);
    });
    assert_eq!(project.regress(&["check"]).status, 3);
    project.git(&["init", "-q"]);
    project.git(&["add", "ci"]);
    project.git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--no-gpg-sign", "-m", "a"]);
    project.git(&["tag", "v0.1.0"]);
    let run = project.regress(&["check"]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn wrong_usage_has_a_status_of_its_own() {
    let project = Project::new();
    for arguments in
        [&["chekc"][..], &["check", "--formt", "json"], &["check", "--format", "xml"], &["accept"], &[]]
    {
        assert_eq!(project.regress(arguments).status, 2, "{arguments:?}");
    }
    let run = project.regress(&["check", "breaker"]);
    assert_eq!(
        (run.status, run.stderr.contains("no kernel `breaker`; try `breaker/closed`")),
        (1, true),
        "{}",
        run.stderr
    );
    let run = project.regress(&["explain", "nothing/such"]);
    assert_eq!(
        (run.status, run.stderr.contains("cargo regress list shows all")),
        (1, true),
        "{}",
        run.stderr
    );
    let run = project.regress(&["accept", "--reason", " "]);
    assert_eq!((run.status, run.stderr.contains("--reason is empty")), (1, true), "{}", run.stderr);
    assert!(project.regress(&["--help"]).stdout.contains("5  incomparable"));
}
