#![no_main]

use checks::made;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::rules::check(data);
});

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed.is_multiple_of(2) {
        let changed = made::with_other_line(&data[..size], seed.into());
        if changed.len() <= max_size {
            data[..changed.len()].copy_from_slice(&changed);
            return changed.len();
        }
    }
    libfuzzer_sys::fuzzer_mutate(data, size, max_size)
});
