//! How long each structure is: read when somebody asks, counted by nobody before.

use super::CrucibleCore;
use super::service::Service;
use crate::routing::Gauge;

impl CrucibleCore {
    pub(super) fn read_gauges(&self) -> Vec<Gauge> {
        let (mut gauges, services, places) = {
            let mut control = self.control();
            control.forget_the_gone();
            let registered = control.lengths().into_iter().map(|(name, len)| Gauge::registered(name, len));
            let places = (control.directory().slots(), control.directory().group_slots());
            (registered.collect::<Vec<_>>(), control.services(), places)
        };
        gauges.extend(self.desks.gauges(places.0, places.1));
        gauges.push(Gauge::kept("ids in the window", self.window().len(), self.shared.config.window.entries));
        let (letters, most) = (self.shared.letters.counts().kept, self.shared.config.dead_letters);
        gauges.push(Gauge::kept("dead letters", letters, most));
        gauges.push(Gauge::passing("tasks that wait for a permit", self.shared.limiter.waiting()));
        let alarms = self.shared.clock.alarms();
        gauges.extend(alarms.map(|alarms| Gauge::passing("alarms of the clock", alarms)));
        for (number, service) in services.iter().enumerate() {
            let namesakes = services[..number].iter().filter(|other| other.name == service.name).count();
            gauges.extend(of_mailbox(service, namesakes));
        }
        gauges
    }
}

/// One that left may have a successor of its name: of these each has a number.
fn of_mailbox(service: &Service, namesakes: usize) -> impl Iterator<Item = Gauge> {
    let number = if namesakes == 0 { String::new() } else { format!(", {}", namesakes + 1) };
    let owner = format!("mailbox of `{}`{number}", service.name);
    let lengths = service.mailbox.lengths().into_iter();
    lengths.map(move |(structure, len)| Gauge::passing(format!("{owner}: {structure}"), len))
}
