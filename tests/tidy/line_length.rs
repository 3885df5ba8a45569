//! No line of Rust, and no line of comments in other languages, is longer than its language allows.
//!
//! No line of Rust is longer than [`COLUMNS`] characters. rustfmt wraps code, but leaves comments,
//! string literals and attributes as they are.
//!
//! Two kinds of text may be longer, because they cannot be wrapped:
//! - an item under `#[rustfmt::skip]`: a table has one row on each line;
//! - a raw string: a backslash at the end of its line would be part of the string.

use std::fs;
use std::path::Path;

use super::source::{RUST_FOLDERS, literals_and_comments, rust_files};
use super::tracked::tracked;

/// The longest line, in characters.
const COLUMNS: usize = 100;

/// The numbers of the lines that are too long, counted from 1, each with its length.
fn long_lines(text: &str) -> Vec<(usize, usize)> {
    let raw: Vec<_> = literals_and_comments(text)
        .into_iter()
        .filter(|range| text[range.clone()].starts_with("r#"))
        .collect();
    // The start of the line that ends the item under `#[rustfmt::skip]`.
    let mut item_end: Option<String> = None;
    let (mut start, mut found) = (0, Vec::new());
    for (index, line) in text.split('\n').enumerate() {
        let length = line.chars().count();
        let is_table = item_end.is_some();
        if line.trim() == "#[rustfmt::skip]" {
            item_end = Some(line.replace(line.trim(), ""));
        } else if let Some(indent) = &item_end
            && line.strip_prefix(indent.as_str()).is_some_and(|rest| rest.starts_with(['}', ']']))
        {
            item_end = None;
        }
        let beyond = line.char_indices().nth(COLUMNS).map(|(place, _)| start + place);
        let is_raw = beyond.is_some_and(|place| raw.iter().any(|range| range.contains(&place)));
        if beyond.is_some() && !is_table && !is_raw {
            found.push((index + 1, length));
        }
        start += line.len() + 1;
    }
    found
}

#[test]
fn no_line_is_longer_than_100_characters() {
    let mut wrong = Vec::new();
    for (path, text) in rust_files(RUST_FOLDERS) {
        for (number, length) in long_lines(&text) {
            wrong.push(format!("{path}:{number}: {length} characters"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The widths of comments in other languages, by the end of a file's name.
const COMMENT_COLUMNS: &[(&str, usize)] = &[(".js", 120), (".py", 120), (".toml", 100)];

/// The numbers of the lines of comments and docstrings that are longer than `columns`.
fn long_comments(text: &str, columns: usize) -> Vec<usize> {
    let mut is_docstring = false;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let is_comment = ["#", "//", "/*", "* "].iter().any(|mark| start.starts_with(mark));
        let is_prose = is_comment || is_docstring || start.starts_with("\"\"\"");
        is_docstring ^= line.matches("\"\"\"").count() == 1;
        if is_prose && line.chars().count() > columns {
            found.push(index + 1);
        }
    }
    found
}

#[test]
fn no_comment_is_longer_than_its_language_allows() {
    let mut wrong = Vec::new();
    for name in tracked().iter().filter(|name| !name.starts_with("web/vendor/")) {
        let columns = COMMENT_COLUMNS.iter().find(|(end, _)| name.ends_with(end));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        // A tracked file may have been deleted since the last commit.
        let (Some((_, columns)), Ok(text)) = (columns, fs::read_to_string(path)) else { continue };
        wrong.extend(
            long_comments(&text, *columns).into_iter().map(|line| format!("{name}:{line}")),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn long_comments_are_found_in_every_language() {
    let long = "x".repeat(100);
    let text = format!("# {long}\n// {long}\n * {long}\n{long}{long}\n");
    assert_eq!(long_comments(&text, 100), [1, 2, 3]);
    let text = format!("\"\"\"A\n{long}x\n\"\"\"\n{long}x\n\"\"\"{long}\"\"\"\n{long}x\n");
    assert_eq!(long_comments(&text, 100), [2, 5]);
}

#[test]
fn long_lines_are_found_outside_tables_and_raw_strings() {
    let (fits, long) = ("ȳ".repeat(COLUMNS), "ȳ".repeat(COLUMNS + 1));
    assert_eq!(long_lines(&format!("{fits}\n{long}\n")), [(2, COLUMNS + 1)]);
    let table = format!("#[rustfmt::skip]\nconst A: &[u8] = &[\n    {long}\n];\n{long}\n");
    assert_eq!(long_lines(&table), [(5, COLUMNS + 1)]);
    assert_eq!(long_lines(&format!("let a = r#\"{long}\"#;\n")), []);
    assert_eq!(long_lines(&format!("let a = \"{long}\";\n")).len(), 1);
    assert_eq!(long_lines(&format!("/// {long}\n")).len(), 1);
}
