use rustc_hash::FxHashMap;

use super::owner::{Owner, contains, is_named, owner};
use super::place::Place;
use super::{Figures, Header, Profile};
use crate::{Refusal, Result};

/// A profile as its user sees it: stacks with only what is the user's own on them.
pub struct Sites {
    profile: Profile,
    places: Vec<Place>,
    /// For each frame.
    known: Vec<(Owner, u32)>,
}

/// What was allocated on behalf of one chain of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Who asked for it, and who called them, by the numbers of places. Never empty.
    pub chain: Box<[u32]>,
    /// How much.
    pub figures: Figures,
}

/// The place of what has no stack.
const UNKNOWN: u32 = 0;

impl Sites {
    /// `own` are the patterns of what is the user's; by default it is all that nobody else is known to have written.
    ///
    /// # Errors
    /// If a pattern is in no name.
    pub fn new(profile: Profile, own: &[String]) -> Result<Self> {
        let mut places = vec![Place::unknown()];
        let mut numbers = FxHashMap::default();
        let mut known = Vec::with_capacity(profile.frame_count());
        let mut unmatched: Vec<&String> = own.iter().collect();
        for number in 0..profile.frame_count() as u32 {
            let frame = profile.frame(number);
            unmatched.retain(|pattern| !is_named(&frame, pattern));
            // Calls from one line are from one place.
            let place =
                *numbers.entry((frame.function, frame.file, frame.line, frame.module)).or_insert_with(|| {
                    places.push(Place::of(&frame));
                    (places.len() - 1) as u32
                });
            known.push((owner(&frame, own), place));
        }
        if let Some(pattern) = unmatched.first() {
            return Err(Refusal::new(format!(
                "no function, file or library of the profile has `{pattern}` in its name"
            )));
        }
        Ok(Self { profile, places, known })
    }

    /// How the profile was made.
    pub fn header(&self) -> &Header {
        &self.profile.header
    }

    /// All stacks together.
    pub fn sum(&self) -> Figures {
        self.profile.sum()
    }

    /// The profile itself.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The place of this number, of a chain.
    pub fn place(&self, number: u32) -> &Place {
        &self.places[number as usize]
    }

    /// The chain as places.
    pub fn places(&self, chain: &[u32]) -> Vec<Place> {
        chain.iter().map(|&number| self.place(number).clone()).collect()
    }

    /// Each stack: its figures, all its calls, and the chain of places that are the user's.
    pub fn for_each(&self, mut each: impl FnMut(&Figures, &[u32], &[u32])) {
        let mut chain = Vec::new();
        for (figures, calls) in self.profile.stacks() {
            self.own_chain(calls, &mut chain);
            each(figures, calls, &chain);
        }
    }

    /// All sites for which `keep` says so, each chain once, in the order of the profile.
    pub fn by_chain(&self, keep: impl Fn(&Figures) -> bool) -> Vec<Site> {
        let mut sites: Vec<Site> = Vec::new();
        let mut numbers = FxHashMap::<Box<[u32]>, usize>::default();
        self.for_each(|figures, _, chain| {
            if !keep(figures) {
                return;
            }
            if let Some(&number) = numbers.get(chain) {
                sites[number].figures += *figures;
            } else {
                numbers.insert(chain.into(), sites.len());
                sites.push(Site { chain: chain.into(), figures: *figures });
            }
        });
        sites
    }

    /// For each frame whether its function, file or module has this in its name.
    pub fn matches(&self, pattern: &str) -> Vec<bool> {
        (0..self.known.len() as u32).map(|number| contains(&self.profile.frame(number), pattern)).collect()
    }

    /// How many frames have no name, of how many.
    pub fn nameless(&self) -> (usize, usize) {
        let frames = 0..self.profile.frame_count() as u32;
        (frames.filter(|&number| self.profile.frame(number).function.is_none()).count(), self.known.len())
    }

    /// Where the calls of the allocator end.
    pub fn after_allocator(&self, calls: &[u32]) -> usize {
        let of_allocator = |&call: &u32| self.known[call as usize].0 == Owner::Allocator;
        calls.iter().take_while(|call| of_allocator(call)).count()
    }

    /// The places of `calls` that are the user's, or if none is, all that are not the allocator's.
    fn own_chain(&self, calls: &[u32], chain: &mut Vec<u32>) {
        chain.clear();
        let mut linked = Owner::Own;
        for &call in calls.iter().rev() {
            let (owner, place) = self.known[call as usize];
            let owner = match owner {
                Owner::Inlined => linked,
                Owner::Own | Owner::Foreign => {
                    linked = owner;
                    owner
                }
                Owner::Start => {
                    linked = Owner::Foreign;
                    chain.clear();
                    owner
                }
                Owner::Allocator | Owner::System => owner,
            };
            if owner == Owner::Own {
                chain.push(place);
            }
        }
        chain.reverse();
        if chain.is_empty() {
            let after = self.after_allocator(calls);
            let calls = if after < calls.len() { &calls[after..] } else { calls };
            chain.extend(calls.iter().map(|&call| self.known[call as usize].1));
        }
        // A function that calls itself is one place.
        chain.dedup();
        if chain.is_empty() {
            chain.push(UNKNOWN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: &str = r#"["[root]","0x1: malloc (in /lib/x.so)","0x2: alloc::vec::Vec<T>::push (vec.rs:1:1)",
        "0x3: shop::add (src/shop.rs:7:1)","0x4: shop::add (src/shop.rs:7:9)","0x5: shop::main (src/main.rs:3:1)",
        "0x6: grow (rt.rs:5)","0x6: std::rt::lang_start (rt.rs:9)","0x7: ??? (in /bin/x)",
        "0x8: work (a.c:1)","0x9: start_thread (pthread_create.c:1)","0xa: main (in /bin/x)",
        "0xb: std::io::_print (stdio.rs:9)"]"#;

    fn sites(stacks: &[&str], own: &[&str]) -> Result<Sites> {
        let points = stacks.iter().map(|stack| format!(r#"{{"tb":8,"tbk":1,"fs":[{stack}]}}"#));
        let points = points.collect::<Vec<_>>().join(",");
        let text = format!(r#"{{"dhatFileVersion":2,"mode":"heap","pps":[{points}],"ftbl":{FRAMES}}}"#);
        let profile = Profile::from_reader(text.as_bytes()).expect("a profile");
        Sites::new(profile, &own.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>())
    }

    fn chains(stacks: &[&str], own: &[&str]) -> Vec<(String, u64)> {
        let sites = sites(stacks, own).expect("patterns that match");
        let name = |site: &Site| {
            let names = sites.places(&site.chain).iter().map(Place::short_function).collect::<Vec<_>>();
            (names.join(" "), site.figures.total.blocks)
        };
        sites.by_chain(|_| true).iter().map(name).collect()
    }

    fn one(stack: &str) -> String {
        chains(&[stack], &[]).remove(0).0
    }

    #[test]
    fn only_what_is_the_users_own_is_on_a_chain() {
        assert_eq!(one("1,2,3,5,7"), "shop::add shop::main");
        assert_eq!(one("1,2,3,4,3,5"), "shop::add shop::main", "one that calls itself");
        assert_eq!(one("1,6,7"), "grow rt::lang_start", "without any own: all after the allocator");
        assert_eq!(one("1,6,12,5"), "shop::main", "what is inlined into the runtime is the runtime's");
        assert_eq!(one("1,6,5"), "grow shop::main");
        assert_eq!(one("1,9,10"), "work", "what the C library calls back is not the library's");
        assert_eq!(one("1,3,7,11"), "shop::add", "the linker's `main` starts the runtime");
        assert_eq!(one("1,11"), "main");
        assert_eq!(one("1"), "malloc");
        assert_eq!(one("1,8"), "??? in x");
        assert_eq!(chains(&["1,3", ""], &[])[1].0, "(no stack)");
    }

    #[test]
    fn calls_from_one_line_are_one_site() {
        assert_eq!(
            chains(&["1,2,3,5", "1,4,5", "1,5"], &[]),
            [("shop::add shop::main".to_owned(), 2), ("shop::main".to_owned(), 1)]
        );
    }

    #[test]
    fn patterns_say_what_is_own_and_have_to_match() {
        assert_eq!(chains(&["1,2,3,5,7"], &["Vec::push", "main.rs"])[0].0, "Vec::push shop::main");
        let refusal = sites(&["1,2"], &["absent"]).err().expect("no such frame").to_string();
        assert!(refusal.contains("`absent`"), "{refusal}");
    }
}
