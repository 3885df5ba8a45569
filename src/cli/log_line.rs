//! The lines of the log have a longest length, whatever a caller sends.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::config::truncated;

/// The longest line, in bytes.
const MAX_LINE: usize = 8192;
/// The most characters of each text in a line of JSON that is too long.
const MAX_FIELD: usize = 256;

/// Writes lines to standard error and shortens those that are too long. Each write is one line.
#[derive(Debug)]
pub(super) struct BoundedLines {
    pub(super) json: bool,
}

impl Write for BoundedLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut stderr = io::stderr().lock();
        if line.len() <= MAX_LINE {
            stderr.write_all(line)?;
        } else {
            stderr.write_all(shortened(line, self.json).as_bytes())?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// A line of JSON stays JSON: each of its texts is cut. Another line is cut at its end.
fn shortened(line: &[u8], json: bool) -> String {
    let parsed = if json { serde_json::from_slice(line).ok() } else { None };
    let fields: Option<Map<String, Value>> = parsed;
    let Some(mut fields) = fields else {
        return truncated(&String::from_utf8_lossy(line), MAX_LINE / 4) + "\n";
    };
    for value in fields.values_mut() {
        if let Value::String(text) = value {
            *text = truncated(text, MAX_FIELD);
        }
    }
    Value::Object(fields).to_string() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_of_json_stays_json() {
        let line = serde_json::json!({ "path": "/ü".repeat(30_000), "status": 404 }).to_string();
        let short: Value = serde_json::from_str(&shortened(line.as_bytes(), true)).unwrap();
        assert_eq!(short["status"], 404);
        assert_eq!(short["path"].as_str().unwrap().chars().count(), MAX_FIELD + 1);
    }

    #[test]
    fn another_long_line_is_cut() {
        for json in [false, true] {
            let short = shortened("ü".repeat(MAX_LINE).as_bytes(), json);
            assert!(short.len() <= MAX_LINE && short.ends_with("…\n"), "{short}");
        }
    }
}
