use arbitrary::{Result, Unstructured};

use super::{often_first, rarely};

const NUMBERS: &[&str] =
    &["16", "0", "1", "15", "1_000", "0x10", "-1", "4294967296", "16777217", "9223372036854775807"];
const BUDGETS: &[&str] = &["20_000_000", "9223372036854775807", "16", "0", "-1", "1e9"];
const TIMES: &[&str] = &[
    r#""1s""#,
    r#""0s""#,
    r#""1ns""#,
    r#""1m 30s""#,
    r#""100ms""#,
    r#""600y""#,
    r#""1y 1month 1w 1d 1h 1m 1s 1ms 1us 1ns""#,
    r#""18446744073709551615s""#,
    r#"'2weeks'"#,
    r#""""#,
];
const SHARES: &[&str] = &["0.5", "0.0", "1.0", "1", "-0.0", "1e-300", "1.0000000000000002", "nan"];

type Setting = (&'static str, &'static [&'static str]);

/// Settings by table, with values that are or are not allowed.
const TABLES: [(&str, &[Setting]); 5] = [
    (
        "",
        &[
            ("mailbox_capacity", NUMBERS),
            ("batch", NUMBERS),
            ("concurrent_deliveries", NUMBERS),
            ("event_timeout", TIMES),
            ("handler_timeout", TIMES),
            ("dead_letters", NUMBERS),
            ("byte_budget", BUDGETS),
        ],
    ),
    ("window", &[("entries", NUMBERS), ("time", TIMES)]),
    ("retry", &[("first", TIMES), ("longest", TIMES), ("jitter", SHARES), ("seed", NUMBERS)]),
    ("breaker", &[("threshold", NUMBERS), ("open_for", TIMES), ("probes", NUMBERS)]),
    (
        "limits",
        &[
            ("payload_bytes", NUMBERS),
            ("name_bytes", NUMBERS),
            ("targets", NUMBERS),
            ("metadata_entries", NUMBERS),
            ("metadata_bytes", NUMBERS),
        ],
    ),
];

/// The text of the configuration made of these bytes; a few settings may not be allowed.
pub fn configuration_text(bytes: &[u8]) -> Vec<u8> {
    let text = write(&mut Unstructured::new(bytes));
    text.expect("zeros are made of what is missing").into()
}

fn write(bytes: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::new();
    for (table, settings) in TABLES {
        if !table.is_empty() {
            text.push_str(&format!("[{table}]\n"));
        }
        for (setting, values) in settings {
            if rarely(bytes)? || rarely(bytes)? {
                text.push_str(&format!("{setting} = {}\n", often_first(values, bytes)?));
            }
        }
    }
    Ok(text)
}
