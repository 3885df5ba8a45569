use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One file of `src/`.
pub(super) struct Source {
    /// Below `src/`, with `/`.
    pub(super) path: String,
    /// As it is.
    pub(super) text: String,
    /// Without comments, the contents of literals, and the tests at its end.
    pub(super) code: String,
    /// Lines before the tests at its end.
    pub(super) lines: usize,
}

impl Source {
    /// The top-level module that it belongs to.
    pub(super) fn module(&self) -> &str {
        self.path.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// How many modules lie between its items and the crate's root: `http/routes.rs` has 2.
    pub(super) fn depth(&self) -> usize {
        let folders = self.path.matches('/').count();
        if self.path.ends_with("/mod.rs") { folders } else { folders + 1 }
    }
}

/// Every file of `src/`.
pub(super) fn sources() -> Vec<Source> {
    let read = |(path, text): (String, String)| {
        let body = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let (code, lines) = (blanked(body), body.lines().count());
        let path = path.strip_prefix("src/").unwrap().to_owned();
        Source { path, text, code, lines }
    };
    rust_files(&["src"]).into_iter().map(read).collect()
}

/// The folders with Rust files.
pub(super) const RUST_FOLDERS: &[&str] =
    &["benches", "crates", "examples", "fuzz/targets", "src", "tests"];

/// Path from the root, with `/`, and text of every Rust file in `folders`.
pub(super) fn rust_files(folders: &[&str]) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    folders.iter().for_each(|folder| walk(&root.join(folder), &mut paths));
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        (path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"), text)
    };
    paths.iter().map(read).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Rust text with comments and the contents of string and character literals taken out.
pub(super) fn blanked(text: &str) -> String {
    let (mut code, mut end) = (String::new(), 0);
    for range in literals_and_comments(text) {
        code.push_str(&text[end..range.start]);
        code.push(' ');
        end = range.end;
    }
    code.push_str(&text[end..]);
    code
}

/// Where comments, string literals and character literals stand in `text`.
pub(super) fn literals_and_comments(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut place) = (Vec::new(), 0);
    while let Some(first) = text[place..].chars().next() {
        let length = skipped(&text[place..]);
        if length > 0 {
            found.push(place..place + length);
        }
        place += length.max(first.len_utf8());
    }
    found
}

/// The length of the comment or literal that `text` starts with, or 0.
fn skipped(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return text.find("*/").map_or(text.len(), |end| end + 2);
    }
    if let Some(tail) = text.strip_prefix("r#\"") {
        return tail.find("\"#").map_or(text.len(), |end| end + 5);
    }
    if text.starts_with('"') {
        return quoted(text, '"');
    }
    // A lifetime has no second quote near by.
    if text.starts_with('\'')
        && (text[1..].starts_with('\\') || text[1..].chars().nth(1) == Some('\''))
    {
        return quoted(text, '\'');
    }
    0
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (place, symbol) in text.char_indices().skip(1) {
        match symbol {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if symbol == quote => return place + 1,
            _ => {}
        }
    }
    text.len()
}

/// The identifiers of `code`, each with what follows it.
pub(super) fn words(code: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_word = |symbol: char| symbol.is_alphanumeric() || symbol == '_';
    let mut rest = code;
    std::iter::from_fn(move || {
        let start = rest.find(is_word)?;
        let tail = &rest[start..];
        let end = tail.find(|symbol| !is_word(symbol)).unwrap_or(tail.len());
        rest = &tail[end..];
        Some((&tail[..end], rest))
    })
}

#[test]
fn comments_and_literals_are_taken_out() {
    let text = "a // x\nb \"y \\\" //\" c 'z' d<'e> /* f */ g r#\"h \" i\"# j '\\'' k";
    let found: Vec<&str> = blanked(text).leak().split_whitespace().collect();
    assert_eq!(found, ["a", "b", "c", "d<'e>", "g", "j", "k"]);
}
