use super::fault::{Verdict, same};
use super::stage::{Stage, json, service};
use super::{Capability, Case};
use crate::event::{Category, Event, EventKind, FieldPath, Priority};
use crate::routing::{EventSystem, Filter, Rule};

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "follows the rules",
            promise: "An accepted event reaches exactly the services that its matching rules name.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(follows_the_rules(stage)),
        },
        Case {
            name: "once per service",
            promise: "A service gets an event once, however many rules name it.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(once_per_service(stage)),
        },
        Case {
            name: "last ends the search",
            promise: "Rules count by priority, then by age; a matching one marked `last` ends the search.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(last_ends_the_search(stage)),
        },
        Case {
            name: "payload fields",
            promise: "A field filter sees the JSON value at its path: escaped, nested, of the same type.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(payload_fields(stage)),
        },
        Case {
            name: "no match",
            promise: "An event that nothing matches is accepted, with zero deliveries.",
            needs: &[],
            check: |stage| Box::pin(no_match(stage)),
        },
        Case {
            name: "explicit targets",
            promise: "Explicit targets replace the rules; a target named twice gets the event once.",
            needs: &[Capability::Rules, Capability::ExplicitTargets],
            check: |stage| Box::pin(explicit_targets(stage)),
        },
        Case {
            name: "preview",
            promise: "A preview tells where an event would go, delivers nothing and counts nothing.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(preview(stage)),
        },
        Case {
            name: "batches",
            promise: "Publishing in a batch does what publishing one by one does, refusals included.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(batches(stage)),
        },
    ]
}

fn folder(number: i64) -> Filter {
    let path: FieldPath = "/note/folder".parse().expect("begins with a slash");
    Filter::field(path, number)
}

/// Five services, and rules with filters of every kind.
async fn furnish<S: EventSystem>(stage: &mut Stage<S>) -> Verdict {
    stage.services(&["a", "b", "c", "d", "e"]).await?;
    let filters = [
        (Filter::Kind(EventKind::FileModified), "a"),
        (Filter::Kind(EventKind::Custom("note.tagged".into())), "b"),
        (Filter::Category(Category::Database), "c"),
        (Filter::MinPriority(Priority::High), "d"),
        (Filter::Source("vault".into()), "e"),
        (folder(2), "a"),
        (Filter::All(vec![Filter::Source("sync".into()), Filter::MinPriority(Priority::Normal)]), "b"),
        (Filter::Any(vec![folder(1), Filter::Category(Category::Mcp)]), "c"),
        (Filter::Any(Vec::new()), "d"),
        (Filter::Not(Box::new(Filter::Any(vec![Filter::Source("agent".into()), folder(3)]))), "d"),
    ];
    for (number, (filter, name)) in filters.into_iter().enumerate() {
        stage.rule(Rule::new(format!("{number}"), filter, [service(name)])).await?;
    }
    Ok(())
}

async fn follows_the_rules<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    furnish(&mut stage).await?;
    for _ in 0..500 {
        let event = stage.event();
        stage.publish(event).await?;
    }
    stage.settled().await
}

async fn once_per_service<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b"]).await?;
    let twice = [service("a"), service("b"), service("a")];
    stage.rule(Rule::new("1", Filter::everything(), twice)).await?;
    stage.rule(Rule::new("2", Filter::everything(), [service("a")])).await?;
    stage.rule(Rule::new("3", Filter::MinPriority(Priority::Low), [service("a")])).await?;
    let event = stage.event();
    stage.publish(event).await?;
    stage.settled().await
}

async fn last_ends_the_search<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b", "c", "d", "e"]).await?;
    let rules = [
        ("low", 1, Filter::everything(), "a", false),
        ("last of some", 5, Filter::Source("vault".into()), "b", true),
        ("as urgent, younger", 5, Filter::everything(), "c", false),
        ("high", 9, Filter::everything(), "d", false),
        ("last and lowest", i32::MIN, Filter::everything(), "e", true),
        ("last, but matches nothing", i32::MAX, Filter::Any(Vec::new()), "e", true),
    ];
    for (id, priority, filter, name, last) in rules {
        let rule = Rule { priority, last, ..Rule::new(id, filter, [service(name)]) };
        stage.rule(rule).await?;
    }
    for source in ["vault", "other"] {
        let event = stage.event_from(source);
        stage.publish(event).await?;
    }
    stage.drop_rule("last of some").await?;
    let event = stage.event_from("vault");
    stage.publish(event).await?;
    stage.settled().await
}

async fn payload_fields<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b", "c", "d", "e"]).await?;
    let path = |text: &str| text.parse::<FieldPath>().expect("begins with a slash");
    let filters = [
        ("a", Filter::field(path("/note/fol~1der"), "x\"y")),
        ("b", Filter::field(path("/n"), 7)),
        ("c", Filter::field(path("/n"), true)),
        ("d", Filter::field(path("/"), "ü")),
        ("e", Filter::Field { path: path("/n"), equals: crate::event::Scalar::Null }),
    ];
    for (name, filter) in filters {
        stage.rule(Rule::new(name, filter, [service(name)])).await?;
    }
    let payloads = [
        r#"{"n":7,"note":{"fol/der":"x\"y"}}"#,
        r#"{"note":{"fol\/der":"\u0078\u0022y","n":7},"n":"7"}"#,
        r#"{"list":[{"n":7}],"n":7.0}"#,
        r#" { "n" : true , "" : "\u00fc" } "#,
        r#"{"":"ü","\u006e":null}"#,
        r#"[{"n":7}]"#,
        "7",
        r#"{"n":{"n":7},"x":"\"n\":7"}"#,
    ];
    for text in payloads {
        let event = Event { payload: json(text), ..stage.event() };
        stage.publish(event).await?;
    }
    let not_json = crate::event::Payload::Text(r#"{"n":7}"#.to_owned().into());
    let event = Event { payload: not_json, ..stage.event() };
    stage.publish(event).await?;
    stage.settled().await
}

async fn no_match<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a"]).await?;
    let event = stage.event();
    stage.publish(event).await?;
    stage.settled().await
}

async fn explicit_targets<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b", "c"]).await?;
    stage.everything_to(&["a"]).await?;
    for targets in [vec!["b"], vec!["c", "b"], vec!["b", "a", "b"], vec![]] {
        let targets = targets.into_iter().map(service).collect();
        let event = Event { targets, ..stage.event() };
        stage.publish(event).await?;
    }
    stage.settled().await
}

async fn preview<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    furnish(&mut stage).await?;
    let before = stage.system.statistics().await?;
    for _ in 0..100 {
        let event = stage.event();
        let told = stage.system.preview(&event).await?;
        same("preview", stage.oracle.preview(&event), told)?;
    }
    same("statistics after previews", before, stage.system.statistics().await?)?;
    stage.settled().await
}

async fn batches<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    furnish(&mut stage).await?;
    for size in [0, 1, 2, 7, 64, 300] {
        let mut events: Vec<Event> = (0..size).map(|_| stage.event()).collect();
        if let Some(middle) = events.get_mut(size / 2) {
            middle.source = "".into();
        }
        stage.publish_batch(events).await?;
        let single = stage.event();
        stage.publish(single).await?;
    }
    stage.settled().await
}
