/// What people know a function by, without the path to it and without types: `publish::hand_over`, `DeskGuard::drop`.
pub fn short_name(function: &str) -> String {
    let mut steps = vec![String::new()];
    let (mut depth, mut trait_of) = (0_usize, false);
    let mut letters = function.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            // `<Type as Trait>::name`: the type's steps are the path; all other brackets hold types that are left out.
            '<' if depth == 0 && at == 0 => trait_of = true,
            '<' => depth += 1,
            '>' if depth > 0 => depth -= 1,
            '>' => trait_of = false,
            _ if depth > 0 => {}
            ' ' if trait_of && function[at..].starts_with(" as ") => depth += 1,
            ':' if letters.peek().is_some_and(|&(_, next)| next == ':') => {
                letters.next();
                steps.push(String::new());
            }
            _ => steps.last_mut().expect("it began with one").push(letter),
        }
    }
    steps.retain(|step| !step.is_empty());
    // A closure is known by the function that it is in.
    let named = steps.iter().rposition(|step| !step.starts_with('{')).unwrap_or(0);
    steps[named.saturating_sub(1)..].join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_what_people_say() {
        for (long, short) in [
            ("crucible_core::publish::<impl crucible_core::CrucibleCore>::hand_over", "publish::hand_over"),
            ("<crucible_core::outbox::DeskGuard as core::ops::drop::Drop>::drop", "DeskGuard::drop"),
            ("<a::Route<S,B> as b::Kernel>::run::{{closure}}", "Route::run::{{closure}}"),
            ("alloc::sync::Arc<T,A>::drop_slow", "Arc::drop_slow"),
            ("core::ptr::drop_in_place<alloc::vec::Vec<a::B>>", "ptr::drop_in_place"),
            ("malloc", "malloc"),
            ("a::b::{{closure}}::{{closure}}", "a::b::{{closure}}::{{closure}}"),
        ] {
            assert_eq!(short_name(long), short);
        }
    }
}
