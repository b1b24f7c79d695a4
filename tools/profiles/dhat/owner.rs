//! Whose a frame is: what people can change is theirs, and asked for; the rest is how they asked.

use super::Frame;

/// Whose a frame is, as far as the frame alone tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// What hands out memory.
    Allocator,
    /// The language's runtime or a crate that others wrote, by the path of its name. What is inlined into it is as well.
    Foreign,
    /// The same by its file, a system library, or the C library: it may be inlined itself, or call back what is not.
    System,
    /// The runtime's as well, and so is all that calls it: a Rust program has a `main` of the linker's.
    Start,
    /// The user's.
    Own,
    /// An inlined function without its path: it is whose the function is that it was inlined into.
    Inlined,
}

/// What hands out memory, by whole name.
const ALLOCATORS: [&str; 14] = [
    "malloc",
    "calloc",
    "realloc",
    "reallocarray",
    "memalign",
    "posix_memalign",
    "aligned_alloc",
    "valloc",
    "strdup",
    "strndup",
    "__rust_alloc",
    "__rust_alloc_zeroed",
    "__rust_realloc",
    "alloc_zeroed",
];

/// What hands out memory, by how its name begins.
const ALLOCATORS_BEGIN: [&str; 12] = [
    "operator new",
    "dhat::",
    "<dhat::",
    "alloc::alloc::",
    "<alloc::alloc::",
    "alloc::raw_vec::",
    "<alloc::raw_vec::",
    "__rustc::",
    "__rg_",
    "__rdl_",
    "__rust_",
    "__gnu_cxx::new_allocator",
];

/// Whatever a program names as its allocator, its own as well: it hands out on behalf of others.
const ALLOCATING: &str = " as core::alloc::global::GlobalAlloc>::";

/// Crates that others wrote and most programs stand on; namespaces of C++ among them.
const FOREIGN_CRATES: [&str; 36] = [
    "std",
    "core",
    "alloc",
    "proc_macro",
    "test",
    "panic_unwind",
    "hashbrown",
    "backtrace",
    "addr2line",
    "gimli",
    "rustc_demangle",
    "tokio",
    "tokio_util",
    "mio",
    "futures",
    "futures_core",
    "futures_util",
    "futures_executor",
    "futures_channel",
    "async_std",
    "smol",
    "rayon",
    "rayon_core",
    "crossbeam_channel",
    "crossbeam_deque",
    "crossbeam_utils",
    "parking_lot",
    "once_cell",
    "hyper",
    "tower",
    "serde",
    "serde_core",
    "serde_json",
    "tracing",
    "__gnu_cxx",
    "__cxxabiv1",
];

/// What lies in a file whose path has one of these in it is somebody else's.
const FOREIGN_PATHS: [&str; 11] = [
    "/rustc/",
    "library/std/",
    "library/core/",
    "library/alloc/",
    "/rust/deps/",
    ".rustup/",
    ".cargo/registry/",
    ".cargo/git/",
    "/registry/src/",
    "/usr/include/",
    "sysdeps/",
];

/// Functions of libc and of the start of a program that ask for memory, by how their names begin.
const LIBC_BEGINS: [&str; 12] = [
    "_IO_",
    "__libc_",
    "_dl_",
    "dl_",
    "_nl_",
    "__gconv",
    "__fopen",
    "__alloc_dir",
    "__GI_",
    "__new_",
    "_start",
    "(below main)",
];

/// The same, by whole name.
const LIBC: [&str; 24] = [
    "fopen",
    "fdopen",
    "popen",
    "opendir",
    "opendir_tail",
    "getdelim",
    "getline",
    "asprintf",
    "vasprintf",
    "setlocale",
    "bindtextdomain",
    "textdomain",
    "set_binding_values",
    "qsort_r",
    "regcomp",
    "getaddrinfo",
    "setvbuf",
    "fwrite",
    "fwrite_unlocked",
    "fputs",
    "puts",
    "printf",
    "start_thread",
    "clone",
];

/// By the frame alone; `own` are the user's own patterns, if there are any.
pub(super) fn owner(frame: &Frame<'_>, own: &[String]) -> Owner {
    let function = frame.function.unwrap_or_default();
    // What valgrind loads stands in for the allocator, or for what copies.
    if is_allocator(function) || frame.module.is_some_and(|module| module.contains("vgpreload_")) {
        return Owner::Allocator;
    }
    if own.iter().any(|pattern| is_named(frame, pattern)) {
        return Owner::Own;
    }
    if function.starts_with("std::rt::lang_start") {
        return Owner::Start;
    }
    if is_system(frame, function) {
        return Owner::System;
    }
    match crate_of(function) {
        Some(name) if !own.is_empty() || FOREIGN_CRATES.contains(&name) => Owner::Foreign,
        Some(_) => Owner::Own,
        // A function of a module was not inlined; `main` may have been, into the runtime that calls it.
        None if frame.module.is_some() || frame.function.is_none() || function == "main" => {
            if own.is_empty() { Owner::Own } else { Owner::System }
        }
        None => Owner::Inlined,
    }
}

/// Whether the frame's function, file or module has this in it; types that the function was made for do not count.
pub(super) fn is_named(frame: &Frame<'_>, pattern: &str) -> bool {
    [frame.file, frame.module].into_iter().flatten().any(|part| part.contains(pattern))
        || frame.function.is_some_and(|function| without_types(function).contains(pattern))
}

/// `alloc::vec::Vec::push` of `alloc::vec::Vec<shop::Order>::push`; `<shop::Order as core::Clone>` stays as it is.
fn without_types(function: &str) -> String {
    let (mut out, mut depth) = (String::with_capacity(function.len()), 0_usize);
    // `<Type as Trait>` and `<impl Trait for Type>` are the path itself.
    let mut path_depth = 0;
    for (at, letter) in function.char_indices() {
        match letter {
            '<' if at == 0 || function[at..].starts_with("<impl ") => path_depth = depth + 1,
            '<' | '>' => {}
            _ if depth <= path_depth => out.push(letter),
            _ => {}
        }
        match letter {
            '<' => depth += 1,
            '>' => {
                depth = depth.saturating_sub(1);
                path_depth = path_depth.min(depth);
            }
            _ => {}
        }
    }
    out
}

/// Whether the frame's function, file or module has this in it.
pub(super) fn contains(frame: &Frame<'_>, pattern: &str) -> bool {
    [frame.function, frame.file, frame.module].into_iter().flatten().any(|part| part.contains(pattern))
}

fn is_system(frame: &Frame<'_>, function: &str) -> bool {
    frame.module.is_some_and(is_system_library)
        || frame.file.is_some_and(is_foreign_file)
        || is_libc(function)
        || function == "[root]"
}

fn is_foreign_file(file: &str) -> bool {
    FOREIGN_PATHS.iter().any(|part| file.contains(part)) || is_of_registry(file)
}

/// `cap-0.1.2/src/lib.rs`: dhat keeps the last three parts of a path, and so not the registry's.
fn is_of_registry(file: &str) -> bool {
    let Some((folder, rest)) = file.split_once('/') else { return false };
    let is_version = |text: &str| {
        let mut numbers = text.splitn(3, '.');
        let mut number = || numbers.next().is_some_and(|part| part.starts_with(|c: char| c.is_ascii_digit()));
        number() && number() && number()
    };
    let has_version = folder.match_indices('-').any(|(at, _)| at > 0 && is_version(&folder[at + 1..]));
    has_version && rest.starts_with("src/")
}

fn is_allocator(function: &str) -> bool {
    ALLOCATORS.contains(&function)
        || ALLOCATORS_BEGIN.iter().any(|begin| function.starts_with(begin))
        || function.contains(ALLOCATING)
}

fn is_libc(function: &str) -> bool {
    let name = function.split('@').next().unwrap_or_default();
    name.len() < function.len() && function.contains("@GLIBC")
        || LIBC.contains(&name)
        || LIBC_BEGINS.iter().any(|begin| name.starts_with(begin))
}

/// `/usr/lib/x86_64-linux-gnu/libc.so.6`.
fn is_system_library(module: &str) -> bool {
    let lies_in = |folder: &str| module.starts_with(folder);
    module.contains(".so") && ["/lib", "/usr/lib", "/opt/"].into_iter().any(lies_in)
        || module.starts_with("/System/Library/")
}

/// The crate that wrote a function: that of the type it belongs to, or if that is everybody's that of the trait. None if
/// the name has no path.
fn crate_of(function: &str) -> Option<&str> {
    let Some(implementing) = function.strip_prefix('<') else { return first_of(function) };
    let (of_type, of_trait) = match implementing.split_once(" as ") {
        Some((of_type, of_trait)) => (of_type, Some(of_trait)),
        None => (implementing, None),
    };
    let of_type = of_type.trim_start_matches(['&', '*', '(', '[']);
    let of_type = ["mut ", "const ", "dyn "].iter().fold(of_type, |name, word| name.trim_start_matches(word));
    first_of(of_type).or_else(|| first_of(of_trait?))
}

/// `tokio` of `tokio::runtime::Handle`; none of `Vec<tokio::Handle>`.
fn first_of(path: &str) -> Option<&str> {
    let end = path.find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
    (end > 0 && path[end..].starts_with("::")).then_some(&path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Frame<'_> {
        let (function, location) = text.split_once(" @ ").unwrap_or((text, ""));
        let function = (function != "???").then_some(function);
        let module = location.strip_prefix("in ");
        let file = module.is_none().then_some(location).filter(|file| !file.is_empty());
        Frame { function, file, line: None, column: None, module }
    }

    #[test]
    fn who_wrote_a_frame_is_told_by_its_name_its_file_or_its_module() {
        for (text, whose) in [
            ("malloc @ in /usr/libexec/valgrind/vgpreload_dhat-amd64-linux.so", Owner::Allocator),
            ("memcpy @ in /usr/libexec/valgrind/vgpreload_dhat-amd64-linux.so", Owner::Allocator),
            ("operator new(unsigned long)", Owner::Allocator),
            ("<alloc::alloc::Global as core::alloc::Allocator>::allocate", Owner::Allocator),
            ("alloc::raw_vec::RawVec<T,A>::grow_one", Owner::Allocator),
            ("alloc::vec::Vec<shop::Order>::push", Owner::Foreign),
            (
                "<alloc::vec::Vec<T> as core::iter::traits::collect::FromIterator<T>>::from_iter",
                Owner::Foreign,
            ),
            ("<T as alloc::string::ToString>::to_string", Owner::Foreign),
            ("<&mut str as alloc::string::ToString>::to_string", Owner::Foreign),
            ("<shop::Order as core::clone::Clone>::clone", Owner::Own),
            ("<&shop::Order as shop::Priced>::price", Owner::Own),
            ("<T as shop::Priced>::price", Owner::Own),
            ("shop::main::{{closure}} @ shop/src/main.rs", Owner::Own),
            ("tokio::runtime::task::raw::poll", Owner::Foreign),
            ("standard::main", Owner::Own),
            ("alloc @ library/alloc/src/alloc.rs", Owner::System),
            ("push @ /home/ann/.cargo/registry/src/index/smallvec-1.0/lib.rs", Owner::System),
            ("do_call<std::rt::closure, isize> @ panicking.rs", Owner::Inlined),
            (
                "<cap::Cap<H> as core::alloc::global::GlobalAlloc>::alloc @ cap-0.1.2/src/lib.rs",
                Owner::Allocator,
            ),
            ("<shop::Pool as core::alloc::global::GlobalAlloc>::realloc", Owner::Allocator),
            ("serde_core::de::Visitor::visit_seq @ src/de/mod.rs", Owner::Foreign),
            ("smallvec::push @ smallvec-1.16.6/src/lib.rs", Owner::System),
            ("rc::push @ rc-next-2.0.0-rc.1/src/lib.rs", Owner::System),
            ("shop::add @ shop-2/src/lib.rs", Owner::Own),
            ("shop::add @ shop-1.2.3/main.rs", Owner::Own),
            ("main @ main.rs", Owner::Own),
            ("price @ in /project/target/shop", Owner::Own),
            ("??? @ in /usr/bin/ls", Owner::Own),
            ("??? @ in /usr/lib/x86_64-linux-gnu/libselinux.so.1", Owner::System),
            ("_IO_file_overflow@@GLIBC_2.2.5 @ fileops.c", Owner::System),
            ("fopen@@GLIBC_2.2.5 @ iofopen.c", Owner::System),
            ("std::vector<int>::push_back(int) @ stl_vector.h", Owner::Foreign),
            ("std::rt::lang_start::{{closure}}", Owner::Start),
            ("???", Owner::Own),
        ] {
            assert_eq!(owner(&frame(text), &[]), whose, "{text}");
        }
    }

    #[test]
    fn own_patterns_replace_what_is_known() {
        let own = ["tokio::".to_owned(), "src/b.rs".to_owned()];
        assert_eq!(owner(&frame("tokio::spawn"), &own), Owner::Own);
        assert_eq!(owner(&frame("a @ src/b.rs"), &own), Owner::Own);
        assert_eq!(owner(&frame("shop::main"), &own), Owner::Foreign);
        assert_eq!(owner(&frame("main @ in /project/shop"), &own), Owner::System);
        assert_eq!(owner(&frame("malloc"), &own), Owner::Allocator);
    }

    #[test]
    fn what_a_function_was_made_for_does_not_make_it_ones_own() {
        for (function, path) in [
            ("alloc::vec::Vec<shop::Order>::push", "alloc::vec::Vec::push"),
            ("with_capacity_in<shop::Order, alloc::Global>", "with_capacity_in"),
            ("<shop::Cart<a::B> as core::Clone>::clone", "shop::Cart as core::Clone::clone"),
            (
                "shop::<impl core::From<a::B> for shop::Cart>::from",
                "shop::impl core::From for shop::Cart::from",
            ),
            ("shop::main::{{closure}}", "shop::main::{{closure}}"),
        ] {
            assert_eq!(without_types(function), path);
        }
        let own = ["shop::".to_owned()];
        assert_eq!(owner(&frame("alloc::vec::Vec<shop::Order>::push"), &own), Owner::Foreign);
        assert_eq!(owner(&frame("<shop::Order as core::clone::Clone>::clone"), &own), Owner::Own);
    }
}
