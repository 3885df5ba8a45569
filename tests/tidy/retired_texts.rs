//! Names and sentences that were replaced and may not come back, in any text and any language. The
//! words that only identifiers may not have are in `vocabulary`.

use std::fs;
use std::path::Path;

use super::tracked::tracked;

/// Names that mean nothing else here, and phrases of sentences that had to be read twice.
const RETIRED: &[&str] = &[
    "carry_back",
    "Crowded",
    "Desk",
    "founds",
    "inks",
    "looking.js",
    "patience",
    "recall_or",
    "Shelf",
    "take.js",
    "tract-winograd",
    "tract_winograd",
    "trouble.js",
    "a full house says so",
    "as a form's part",
    "has none of them may not ask",
    "remembered to the lesser one",
    "the pace of late",
];

/// The ends of the names of files that are searched.
const ENDS: &[&str] =
    &[".css", ".html", ".js", ".md", ".py", ".rs", ".sh", ".toml", ".yaml", ".ci/run"];

/// Files that may hold retired words: the history, what others wrote, and the lists of these words.
const EXCEPTIONS: &[&str] =
    &["CHANGELOG.md", "web/vendor/", "tests/tidy/retired_texts.rs", "tests/tidy/vocabulary.rs"];

/// `text` in one line, without the signs of comments and lists at the start of its lines.
fn joined(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim().trim_start_matches(['/', '!', '#', '*', '-']));
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// Whether `text` has `phrase` as whole words. Phrases of several words ignore case.
fn has(text: &str, lower_case: &str, phrase: &str) -> bool {
    let text = if phrase.contains(' ') { lower_case } else { text };
    let is_word = |symbol: char| symbol.is_alphanumeric() || symbol == '_';
    text.match_indices(phrase).any(|(start, _)| {
        let (before, after) = (&text[..start], &text[start + phrase.len()..]);
        !before.ends_with(is_word) && !after.starts_with(is_word)
    })
}

fn retired(text: &str) -> Vec<&'static str> {
    let text = joined(text);
    let lower_case = text.to_lowercase();
    RETIRED.iter().copied().filter(|phrase| has(&text, &lower_case, phrase)).collect()
}

#[test]
fn retired_names_and_sentences_do_not_come_back() {
    let mut wrong = Vec::new();
    for name in tracked() {
        let is_searched = ENDS.iter().any(|end| name.ends_with(end));
        if !is_searched || EXCEPTIONS.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
        // A tracked file may have been deleted since the last commit.
        let Ok(text) = fs::read_to_string(path) else { continue };
        wrong.extend(retired(&text).into_iter().map(|phrase| format!("{name}: {phrase}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn retired_texts_are_found_as_whole_words_and_across_lines() {
    let text = "/// A full\n/// house says so at once. See take.js, `Desk` and recall_or(x).";
    assert_eq!(retired(text), ["Desk", "recall_or", "take.js", "a full house says so"]);
    assert_eq!(retired("mistake.js, Desktop, desk, thinks, Crowded_, tract-winograds"), [""; 0]);
}
