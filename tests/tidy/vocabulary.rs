//! Names that were replaced by the field's own terms and may not come back.

use super::source::{RUST_FOLDERS, blanked, rust_files, words};

/// Words that are no part of an identifier: `recall` forbids `recall_or` too, and `Sheet` forbids
/// `SheetLayout`.
const RETIRED: &[&str] = &[
    "answering",
    "Board",
    "carry_back",
    "Crowded",
    "Desk",
    "door",
    "dressed",
    "Extent",
    "Finish",
    "founds",
    "hollow",
    "inks",
    "Inks",
    "leftover",
    "Library",
    "narrow",
    "narrowed",
    "outline",
    "Pace",
    "patience",
    "Places",
    "press",
    "Press",
    "proof",
    "proven",
    "recall",
    "Recent",
    "Recycled",
    "Seat",
    "Seen",
    "Sheet",
    "Shelf",
    "Site",
    "Stamp",
    "Stop",
    "Team",
];

/// Words that are no identifier by themselves, but may be part of one: `TooMuchMemory` is an error.
const RETIRED_ALONE: &[&str] = &["Memory"];

/// The exceptions: file, word, and the reason.
const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("src/render/text.rs", "outline", "ab_glyph's name of a glyph's contour")];

/// The parts of an identifier, with `_` between and around them: `SheetLayout` gives
/// `_Sheet_Layout_`.
fn parts(identifier: &str) -> String {
    let mut parts = String::from("_");
    let mut after_lower_case = false;
    for symbol in identifier.chars() {
        if symbol.is_uppercase() && after_lower_case {
            parts.push('_');
        }
        after_lower_case = !symbol.is_uppercase() && symbol != '_';
        parts.push(symbol);
    }
    parts + "_"
}

/// The retired words that stand in identifiers of `code`, each with its identifier.
fn retired(code: &str) -> Vec<(&'static str, &str)> {
    let mut found = Vec::new();
    for (identifier, _) in words(code) {
        let parts = parts(identifier);
        let is_part = |word: &&&str| parts.contains(&format!("_{word}_"));
        let alone = RETIRED_ALONE.iter().filter(|word| **word == identifier);
        found.extend(RETIRED.iter().filter(is_part).chain(alone).map(|word| (*word, identifier)));
    }
    found
}

#[test]
fn retired_words_do_not_come_back() {
    let (mut wrong, mut excepted) = (Vec::new(), Vec::new());
    for (path, text) in rust_files(RUST_FOLDERS) {
        for (word, identifier) in retired(&blanked(&text)) {
            let is_excepted =
                |(file, except, _): &&(&str, &str, &str)| *file == path.as_str() && *except == word;
            match EXCEPTIONS.iter().find(is_excepted) {
                Some((file, ..)) => excepted.push((*file, word)),
                None => wrong.push(format!("{path}: {word} in {identifier}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let is_unused = |(file, word, _): &&(&str, &str, &str)| !excepted.contains(&(file, word));
    let unused: Vec<_> = EXCEPTIONS.iter().filter(is_unused).collect();
    assert!(unused.is_empty(), "exceptions that nothing needs: {unused:#?}");
}

#[test]
fn retired_words_are_found_in_identifiers_only() {
    let code = "struct Desk; fn recall_or() {} type A = SheetLayout; fn carry_back() {} m.door()";
    let found: Vec<&str> = retired(code).into_iter().map(|(word, _)| word).collect();
    assert_eq!(found, ["Desk", "recall", "Sheet", "carry_back", "door"]);
    let code = "struct Memory; TooMuchMemory, Stopped, compress, fn finish() {} indoors, RESIDES";
    assert_eq!(retired(code), [("Memory", "Memory")]);
    assert_eq!(retired(&blanked("// a Desk\nlet a = \"the door\";")), []);
}
