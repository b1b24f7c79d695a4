use std::iter::from_fn;

use arbitrary::Unstructured;
use crucible_events::event;

/// Bytes by SplitMix64 (Steele, Lea, Flood 2014): of the same seed the same for ever.
pub fn random(mut seed: u64, len: usize) -> Vec<u8> {
    let words = from_fn(|| {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(word ^ word >> 31)
    });
    words.flat_map(u64::to_le_bytes).take(len).collect()
}

/// The text of the event made of these bytes.
pub fn event_text(bytes: &[u8]) -> Vec<u8> {
    let event = super::event(&mut Unstructured::new(bytes));
    event::encode(&event.expect("zeros are made of what is missing")).into()
}

/// The text of the rule made of these bytes.
pub fn rule_text(bytes: &[u8]) -> Vec<u8> {
    let rule = super::rule(&mut Unstructured::new(bytes));
    serde_json::to_vec(&rule.expect("zeros are made of what is missing")).expect("every rule has a text")
}

/// A text of rules and events with a line more, a line less, or another line in the place of one.
///
/// Bytes changed at random seldom leave a rule a rule: libFuzzer alone would hardly ever see several together.
pub fn with_other_line(text: &[u8], seed: u64) -> Vec<u8> {
    let chosen = random(seed, 4);
    let bytes = random(!seed, 60);
    let mut lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let at = usize::from(chosen[0]) % lines.len();
    let line = match chosen[1] % 16 {
        0..=6 => event_text(&bytes),
        7..=13 => rule_text(&bytes),
        14 => vec![b'0' + chosen[2] % 8], // the rule of this id ends
        _ => {
            lines.remove(at);
            return lines.join(&b'\n');
        }
    };
    let replaced = usize::from(chosen[3] < 64);
    lines.splice(at..at + replaced, [&*line]);
    lines.join(&b'\n')
}
