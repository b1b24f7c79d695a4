use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::change::{Change, How, Told};

/// The second half of a rename follows the first at once in the kernel's queue, but perhaps not in notify's thread: when a
/// machine is busy it gets its next turn some ten milliseconds later.
const HOLD: Duration = Duration::from_millis(50);

/// What was told, in that order, held back until both halves of a rename can be there.
///
/// A half that stays alone came from outside, or went there: it was created, or deleted.
#[derive(Debug, Default)]
pub struct Renames {
    held: VecDeque<Told>,
}

impl Renames {
    /// Takes what was told.
    pub fn push(&mut self, told: Told) {
        if let Told::Change(Change { how: How::Came(number), path, facts, .. }) = &told
            && let Some(left) = self.left(*number)
        {
            let from = std::mem::replace(&mut left.path, path.clone());
            (left.how, left.facts) = (How::Moved { from }, *facts);
        } else {
            self.held.push_back(told);
        }
    }

    /// The first half of this rename.
    fn left(&mut self, number: usize) -> Option<&mut Change> {
        self.held.iter_mut().rev().find_map(|held| match held {
            Told::Change(left) if left.how == How::Left(number) => Some(left),
            _ => None,
        })
    }

    /// The next one, if it was held back long enough; whatever its age, if there is no `now` because nothing will follow.
    pub fn pop(&mut self, now: Option<Instant>) -> Option<Told> {
        let is_due = self.due().is_some_and(|due| now.is_none_or(|now| due <= now));
        if is_due { self.held.pop_front() } else { None }
    }

    /// When the next one was held back long enough.
    pub fn due(&self) -> Option<Instant> {
        Some(self.held.front()?.at() + HOLD)
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::{Facts, Part};
    use super::*;

    fn told(at: Instant, path: &str, how: How) -> Told {
        Told::Change(Change { at, how, path: path.to_owned(), facts: Facts::default() })
    }

    fn all(renames: &mut Renames) -> Vec<(String, How)> {
        let next = || match renames.pop(None)? {
            Told::Change(change) => Some((change.path, change.how)),
            Told::Gap { why, .. } => panic!("{why}"),
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn the_halves_of_a_rename_are_one_whatever_lies_between() {
        let (mut renames, now) = (Renames::default(), Instant::now());
        let between = How::Modified(Part::Content);
        for (path, how) in [
            ("a", How::Left(7)),
            ("x", between.clone()),
            ("b", How::Left(8)),
            ("c", How::Came(8)),
            ("d", How::Came(7)),
        ] {
            renames.push(told(now, path, how));
        }
        let moved = |to: &str, from: &str| (to.to_owned(), How::Moved { from: from.to_owned() });
        assert_eq!(all(&mut renames), [moved("d", "a"), ("x".to_owned(), between), moved("c", "b")]);
    }

    #[test]
    fn a_half_that_stays_alone_is_told_when_no_other_can_follow() {
        let (mut renames, now) = (Renames::default(), Instant::now());
        renames.push(told(now, "gone", How::Left(7)));
        renames.push(told(now + HOLD, "later", How::Created));
        assert_eq!(renames.pop(Some(now + HOLD - Duration::from_nanos(1))), None);
        assert_eq!(renames.pop(Some(now + HOLD)), Some(told(now, "gone", How::Left(7))));
        assert_eq!(renames.pop(Some(now + HOLD)), None);
        assert_eq!(renames.due(), Some(now + 2 * HOLD));
    }
}
