//! As many sources as services: each service has a rule for one of them.

use crucible_events::event::{Event, Name, Target};
use crucible_events::routing::{Filter, Rule, ServiceSpec};

use super::draw::Draw;

/// Of the draws of sources; what events are otherwise does not depend on them.
const STREAM: u64 = 3;

fn source(number: usize) -> Name {
    Name::from(format!("plugin-{number:05}"))
}

/// One of `count` sources for each event, each as likely.
pub(super) fn assign(events: &mut [Event], count: usize, seed: u64) {
    let sources: Vec<Name> = (0..count).map(source).collect();
    let mut draw = Draw::new(seed, STREAM);
    for event in events {
        event.source = draw.pick(&sources).clone();
    }
}

/// For each service the rule by which it gets the events of its source.
pub(super) fn rules(services: &[ServiceSpec]) -> Vec<Rule> {
    let rule = |(number, service): (usize, &ServiceSpec)| {
        let target = Target::Service(service.name.clone());
        Rule::new(format!("own-{number:05}"), Filter::Source(source(number)), [target])
    };
    services.iter().enumerate().map(rule).collect()
}
