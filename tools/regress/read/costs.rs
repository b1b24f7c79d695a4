use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

use crucible_profiles::{
    Measurement, ProfileError,
    callgrind::{self, Profile},
    dhat, short_name,
};
use serde::{Deserialize, Serialize};

use super::Inlined;
use super::inlined::Frame;

/// Where the counts of a kernel come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KernelCosts {
    /// By function.
    pub functions: BTreeMap<String, Function>,
    /// By the function of ours, or of a crate that is not Rust's own, that asked for the blocks.
    pub allocations: BTreeMap<String, Allocated>,
}

/// What a function costs, whether it was inlined or not. What it has inlined of Rust's own libraries is its own cost;
/// what it has inlined of others is theirs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// Instructions of its own.
    #[serde(rename = "self")]
    pub own: u64,
    /// With all that it calls.
    pub inclusive: u64,
    /// Bus events of its own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bus: u64,
    /// How often its first instruction was executed; nobody calls what is inlined.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls: u64,
    /// The functions that it was inlined into, by their short names.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", rename = "in")]
    pub inlined_into: BTreeSet<String>,
    /// Where most of its own cost is. Lines move with every edit, so this is not kept.
    #[serde(skip)]
    pub location: Option<Location>,
}

/// A line of a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Location {
    /// From the root of the project, where it is part of that.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// What was asked of the heap at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocated {
    /// How many.
    pub blocks: u64,
    /// Their sizes together.
    pub bytes: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Functions below this share of a kernel's instructions, and without bus events, are held together: one in a thousand,
/// half of what is found by default.
const SHARE_HELD: u64 = 1000;

/// What they are held as.
const OTHERS: &str = "(others)";

/// What iai-callgrind wraps around a kernel: the blocks below it are the kernel's.
const ENTRY: &str = "__iai_callgrind_wrapper_mod::";

impl KernelCosts {
    /// Of a kernel that was measured.
    ///
    /// # Errors
    /// If one of its profiles cannot be read.
    pub fn read(measurement: &Measurement, kernel: &str, inlined: &Inlined) -> Result<Self, ProfileError> {
        let id = measurement.id_of(kernel).unwrap_or(kernel);
        let profile = Profile::read(&measurement.place.callgrind(id))?;
        let functions =
            functions(
                &profile,
                |object, address| {
                    if inlined.is_of(object) { inlined.frames(address) } else { [].into() }
                },
            );
        let path = measurement.place.dhat(id);
        let allocations = if path.exists() { allocations(&heap(&path)?) } else { BTreeMap::new() };
        Ok(Self { functions, allocations })
    }

    /// With the many functions that cost next to nothing as one.
    pub fn thinned(self) -> Self {
        let total: u64 = self.functions.values().map(|function| function.own).sum();
        let is_held = |function: &Function| function.own * SHARE_HELD >= total || function.bus > 0;
        let (mut functions, small): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.functions.into_iter().partition(|(_, function)| is_held(function));
        let own = small.values().map(|function| function.own).sum();
        if own > 0 {
            functions.insert(OTHERS.to_owned(), Function { own, inclusive: own, ..Function::default() });
        }
        Self { functions, allocations: self.allocations }
    }
}

/// Rust's own libraries, also the crates that they are built with.
fn is_rusts_own(file: &str) -> bool {
    ["library/core/", "library/alloc/", "library/std/", "/rust/deps/"].iter().any(|part| file.contains(part))
}

/// From the root of the project, or of the crate's package: where things lie on a machine is nobody's business.
fn shortened(file: &str) -> String {
    let registry = file.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/'));
    if let Some((_, package)) = registry {
        return package.to_owned();
    }
    if is_rusts_own(file) {
        return file.to_owned();
    }
    // The innermost of these: the project itself may lie in a folder of such a name.
    let begins = ["src/", "benches/", "tools/"].iter().filter_map(|folder| {
        let within = file.rfind(&format!("/{folder}")).map(|slash| slash + 1);
        within.or_else(|| file.starts_with(folder).then_some(0))
    });
    begins.max().map_or(file, |begin| &file[begin..]).to_owned()
}

/// At an address: whose cost it is, on whose behalf, and in which function of the linker.
struct Attribution {
    owner: String,
    involved: BTreeSet<String>,
    linked: String,
    location: Option<Location>,
}

impl Attribution {
    fn of(frames: &[Frame], name: &str) -> Self {
        let linked = frames.last().map_or(name, |frame| &frame.function).to_owned();
        let owner = frames.iter().find(|frame| !is_rusts_own(&frame.file));
        let location = owner.map(|frame| Location { file: shortened(&frame.file), line: frame.line });
        let ours = frames.iter().filter(|frame| !is_rusts_own(&frame.file));
        let mut involved: BTreeSet<_> = ours.map(|frame| frame.function.clone()).collect();
        involved.insert(linked.clone());
        Self { owner: owner.map_or(&linked, |frame| &frame.function).clone(), involved, linked, location }
    }
}

fn functions(profile: &Profile, frames: impl Fn(&str, u64) -> Rc<[Frame]>) -> BTreeMap<String, Function> {
    let attribution = |function: &callgrind::Function, address: Option<u64>| {
        let frames = address.map_or([].into(), |address| frames(&function.object, address));
        Attribution::of(&frames, &function.name)
    };
    let mut functions = BTreeMap::<String, Function>::new();
    let mut linked_names = HashMap::new();
    let mut lines = HashMap::<(String, Location), u64>::new();
    for line in &profile.lines {
        let Attribution { owner, involved, linked, location } = attribution(&line.function, line.address);
        for name in involved {
            functions.entry(name).or_default().inclusive += line.cost.instructions;
        }
        let own = functions.entry(owner.clone()).or_default();
        own.own += line.cost.instructions;
        own.bus += line.cost.bus_events;
        if owner != linked {
            own.inlined_into.insert(short_name(&linked));
        }
        linked_names.entry(&line.function).or_insert(linked);
        if let Some(location) = location {
            *lines.entry((owner, location)).or_default() += line.cost.instructions;
        }
    }
    for call in &profile.calls {
        for name in attribution(&call.caller, call.address).involved {
            functions.entry(name).or_default().inclusive += call.cost.instructions;
        }
    }
    for (callee, calls) in calls(profile) {
        let callee = linked_names.get(callee).map_or(&*callee.name, |name| name);
        functions.entry(callee.to_owned()).or_default().calls += calls;
    }
    let mut most = HashMap::<String, (u64, Location)>::new();
    for ((owner, location), cost) in lines {
        let so_far = most.entry(owner).or_insert_with(|| (0, location.clone()));
        // The first of equal ones: reports repeat.
        if cost > so_far.0 || (cost == so_far.0 && location < so_far.1) {
            *so_far = (cost, location);
        }
    }
    for (name, function) in &mut functions {
        // Who calls himself was counted for each of his calls.
        function.inclusive = function.inclusive.min(profile.total.instructions);
        function.location = most.remove(name).map(|(_, location)| location);
    }
    functions
}

/// How often each function was called. Callgrind counts calls while it collects nothing else, too; so what counts is how
/// often the instructions were executed that calls lead to. Without addresses there are callgrind's counts only.
fn calls(profile: &Profile) -> HashMap<&callgrind::Function, u64> {
    let entries: HashSet<_> =
        profile.calls.iter().filter_map(|call| Some((&call.callee, call.entry?))).collect();
    let mut calls = HashMap::<_, u64>::new();
    for line in &profile.lines {
        if line.address.is_some_and(|address| entries.contains(&(&line.function, address))) {
            *calls.entry(&line.function).or_default() += line.cost.instructions;
        }
    }
    for call in profile.calls.iter().filter(|call| call.entry.is_none()) {
        *calls.entry(&call.callee).or_default() += call.count;
    }
    calls
}

/// The profile that valgrind left: what the crate `dhat` leaves has other frames.
fn heap(path: &Path) -> Result<dhat::Profile, ProfileError> {
    let profile = dhat::Profile::read(path)?;
    match &profile.header.mode[..] {
        "heap" => Ok(profile),
        mode => {
            Err(ProfileError::content(path, format!("mode `{mode}`; valgrind's mode `heap` is asked for")))
        }
    }
}

/// Of what was allocated below the kernel.
fn allocations(profile: &dhat::Profile) -> BTreeMap<String, Allocated> {
    let mut allocations = BTreeMap::<String, Allocated>::new();
    for (figures, calls) in profile.stacks() {
        let frames: Vec<_> = calls.iter().map(|&call| profile.frame(call)).collect();
        if !frames.iter().any(|frame| frame.function.is_some_and(|name| name.contains(ENTRY))) {
            continue;
        }
        let nameless = "???";
        let asked =
            frames.iter().find_map(|frame| Some((frame, frame.file.filter(|file| !is_rusts_own(file))?)));
        let name = match asked {
            Some((frame, file)) => format!("{} ({})", frame.function.unwrap_or(nameless), shortened(file)),
            None => frames.first().and_then(|frame| frame.function).unwrap_or(nameless).to_owned(),
        };
        let allocated = allocations.entry(name).or_default();
        allocated.blocks += figures.total.blocks;
        allocated.bytes += figures.total.bytes;
    }
    allocations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_from_the_root_of_the_project_or_package() {
        for (long, short) in [
            ("/home/ann/suite/src/systems/crucible_core/publish.rs", "src/systems/crucible_core/publish.rs"),
            ("/home/ann/src/tools/suite/src/kernels/route.rs", "src/kernels/route.rs"),
            ("src/kernels/route.rs", "src/kernels/route.rs"),
            (
                "/home/ann/.cargo/registry/src/index.crates.io-1949/tokio-1.54.1/src/lib.rs",
                "tokio-1.54.1/src/lib.rs",
            ),
            ("/rustc/5980/library/core/src/ptr/mod.rs", "/rustc/5980/library/core/src/ptr/mod.rs"),
        ] {
            assert_eq!(shortened(long), short);
        }
    }

    fn frame(function: &str, file: &str) -> Frame {
        Frame { function: function.to_owned(), file: file.to_owned(), line: 7 }
    }

    /// `route` has `lookup` inlined, which has Rust's own `next` inlined, and calls `malloc`; `helper` is called as well.
    fn profile() -> Profile {
        let function = |name: &str| callgrind::Function { object: "program".into(), name: name.into() };
        let cost = |instructions, bus_events| callgrind::Cost { instructions, bus_events };
        let line =
            |name, address, cost| callgrind::Line { function: function(name), address: Some(address), cost };
        let call = |callee, address, entry, cost| callgrind::Call {
            caller: function("route"),
            address: Some(address),
            callee: function(callee),
            entry: Some(entry),
            count: 500,
            cost,
        };
        Profile {
            total: cost(1000, 5),
            lines: vec![
                line("route", 0x10, cost(300, 1)),
                line("route", 0x20, cost(200, 4)),
                line("malloc", 0x80, cost(40, 0)),
                line("malloc", 0x81, cost(460, 0)),
            ],
            calls: vec![call("malloc", 0x20, 0x80, cost(500, 0))],
        }
    }

    fn inlined(_: &str, address: u64) -> Rc<[Frame]> {
        let chain = vec![
            frame("core::slice::Iter<T>::next", "/rustc/5980/library/core/src/slice/iter.rs"),
            frame("table::lookup", "src/table.rs"),
            frame("publish::route", "/home/ann/suite/src/publish.rs"),
        ];
        match address {
            0x10 => chain[2..].into(),
            0x20 => chain.into(),
            _ => [].into(),
        }
    }

    #[test]
    fn costs_are_those_of_the_innermost_function_that_is_not_rusts_own() {
        let functions = functions(&profile(), inlined);
        let told: Vec<_> =
            functions.iter().map(|(name, f)| (&name[..], f.own, f.inclusive, f.bus, f.calls)).collect();
        let expected = [
            ("malloc", 500, 500, 0, 40),
            ("publish::route", 300, 1000, 1, 0),
            ("table::lookup", 200, 700, 4, 0),
        ];
        assert_eq!(told, expected);
        assert_eq!(functions["table::lookup"].inlined_into, ["publish::route".to_owned()].into());
        assert!(functions["publish::route"].inlined_into.is_empty());
        let location = Location { file: "src/publish.rs".to_owned(), line: 7 };
        assert_eq!(functions["publish::route"].location, Some(location));
    }

    #[test]
    fn small_functions_are_held_together_and_nothing_is_lost() {
        let function = |own, bus| Function { own, inclusive: own, bus, ..Function::default() };
        let functions = [("big", 9900, 0), ("atomic", 3, 1), ("small", 6, 0), ("smaller", 4, 0)]
            .map(|(name, own, bus)| (name.to_owned(), function(own, bus)));
        let thinned = KernelCosts { functions: functions.into(), allocations: BTreeMap::new() }.thinned();
        let told: Vec<_> =
            thinned.functions.iter().map(|(name, function)| (&name[..], function.own)).collect();
        assert_eq!(told, [(OTHERS, 10), ("atomic", 3), ("big", 9900)]);
    }

    #[test]
    fn blocks_are_those_of_who_asked_for_them() {
        let heap = r#"{"dhatFileVersion":2,"mode":"heap","pps":[
            {"tb":8,"tbk":1,"fs":[1,2,3,4]},{"tb":16,"tbk":2,"fs":[1,3,4]},
            {"tb":32,"tbk":4,"fs":[1,4]},{"tb":64,"tbk":8,"fs":[1,3]}],
            "ftbl":["[root]","0x1: malloc (in /lib/dhat.so)","0x2: alloc (library/alloc/src/alloc.rs:95)",
            "0x3: accept (src/a.rs:7)","0x4: a::__iai_callgrind_wrapper_mod::a (in /bin/a)"]}"#;
        let told = allocations(&dhat::Profile::from_reader(heap.as_bytes()).expect("a profile"));
        let expected = [
            ("accept (src/a.rs)".to_owned(), Allocated { blocks: 3, bytes: 24 }),
            ("malloc".to_owned(), Allocated { blocks: 4, bytes: 32 }),
        ];
        assert_eq!(told, expected.into());
    }
}
