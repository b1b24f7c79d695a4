#![no_main]

use checks::made;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::configuration::check(data);
});

// Every fourth input is a configuration as people write it, spoilt in one place.
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let text = made::configuration_text(&made::random(seed.into(), 100));
    if seed.is_multiple_of(4) && text.len() <= max_size {
        data[..text.len()].copy_from_slice(&text);
        return libfuzzer_sys::fuzzer_mutate(data, text.len(), max_size);
    }
    libfuzzer_sys::fuzzer_mutate(data, size, max_size)
});
