use super::{KernelSpec, codec};

/// Hands the list of kernels to the macro `callback!`: one `ident, "name", prepare;` for each.
///
/// Everything that runs kernels expands this, so that no instrument can miss one. The identifier is
/// the name with `_` for all that is neither letter nor digit: a constant evaluation refuses any other, and two
/// equal ones do not compile. `prepare` is an expression for a `fn() -> Prepared`, resolved in this file only; other
/// callbacks leave it unused.
#[macro_export]
macro_rules! for_each_kernel {
    ($callback:ident) => {
        $callback! {
            decode_json_1kib, "decode/json_1kib", codec::decode;
            encode_json_1kib, "encode/json_1kib", codec::encode;
            validate_full, "validate/full", codec::validate;
        }
    };
}

macro_rules! specs {
    ($($id:ident, $name:literal, $prepare:expr;)*) => {
        /// A name twice is an identifier twice, and that does not compile.
        #[expect(non_camel_case_types, dead_code, reason = "only there to collide")]
        enum Unique { $($id),* }

        const _: () = {
            $(assert!(
                is_id_of(stringify!($id), $name),
                concat!("kernel `", $name, "`: wants lower-case letters, digits, `_` and `/`, and the same with `_` as its id, not `", stringify!($id), "`"),
            );)*
        };

        const KERNELS: &[KernelSpec] = &[
            $(KernelSpec { id: stringify!($id), name: $name, prepare: $prepare }),*
        ];
    };
}
for_each_kernel!(specs);

/// All kernels, in the order in which reports show them.
pub const fn all() -> &'static [KernelSpec] {
    KERNELS
}

const fn is_id_of(id: &str, name: &str) -> bool {
    let (id, name) = (id.as_bytes(), name.as_bytes());
    let mut same = id.len() == name.len();
    let mut at = 0;
    while same && at < id.len() {
        same = match name[at] {
            b'/' => id[at] == b'_',
            letter @ (b'a'..=b'z' | b'0'..=b'9' | b'_') => id[at] == letter,
            _ => false,
        };
        at += 1;
    }
    same
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::kernels::Checked;

    #[test]
    fn the_id_is_the_name_with_underscores() {
        assert!(is_id_of("match_core_10_rules", "match/core/10_rules"));
        for (id, name) in
            [("match_core", "match/Core"), ("match", "match/core"), ("match-core", "match-core")]
        {
            assert!(!is_id_of(id, name), "{id} for {name}");
        }
        for spec in all() {
            assert_eq!(spec.id, spec.name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
        }
    }

    #[test]
    fn every_kernel_has_a_stage_a_variant_and_a_name_of_its_own() {
        let mut seen = HashSet::new();
        for spec in all() {
            assert!(spec.name.split('/').count() >= 2, "{}: wants stage/variant", spec.name);
            assert!(spec.name.split('/').all(|part| !part.is_empty()), "{}", spec.name);
            assert!(seen.insert(spec.name), "{} twice", spec.name);
        }
    }

    #[test]
    fn what_expands_the_list_sees_the_same_names() {
        macro_rules! names {
            ($($id:ident, $name:literal, $prepare:expr;)*) => { [$((stringify!($id), $name)),*] };
        }
        let expanded = for_each_kernel!(names);
        assert!(all().iter().map(|spec| (spec.id, spec.name)).eq(expanded));
    }

    #[test]
    fn every_kernel_does_the_same_right_work_each_time() {
        for spec in all() {
            let mut kernel = Checked::new(spec);
            for _ in 0..3 {
                kernel.run_checked().expect("does the work that was expected");
            }
        }
    }
}
