use std::ops::AddAssign;

/// Proof that the generated scripts meet what they are for.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) deliveries: u64,
    pub(crate) by_payload_field: u64,
    pub(crate) by_group: u64,
    /// Groups defined that do not go in rounds.
    pub(crate) balanced: u64,
    /// Events whose id was accepted before.
    pub(crate) repeated: u64,
    /// Accepted events with a moment.
    pub(crate) scheduled: u64,
    pub(crate) refused: u64,
    pub(crate) unmatched: u64,
    pub(crate) changes: u64,
    pub(crate) refused_changes: u64,
}

impl AddAssign for Coverage {
    fn add_assign(&mut self, more: Self) {
        self.deliveries += more.deliveries;
        self.by_payload_field += more.by_payload_field;
        self.by_group += more.by_group;
        self.balanced += more.balanced;
        self.repeated += more.repeated;
        self.scheduled += more.scheduled;
        self.refused += more.refused;
        self.unmatched += more.unmatched;
        self.changes += more.changes;
        self.refused_changes += more.refused_changes;
    }
}

impl Coverage {
    /// Each at least once a case on average; deliveries, without which nothing is shown, ten times.
    pub(crate) fn check_against(&self, cases: u64) {
        let rarest = [
            self.deliveries / 10,
            self.by_payload_field,
            self.by_group,
            self.balanced,
            self.repeated,
            self.scheduled,
            self.refused,
            self.unmatched,
            self.changes,
            self.refused_changes,
        ];
        assert!(rarest.iter().all(|&count| count >= cases), "too little of something: {self:?}");
    }
}
