use std::fs;
use std::path::{Path, PathBuf};

use super::embedded::normal;
use super::source::rust_files;
use super::tracked::tracked;

/// Where documents at the root and in `docs/` point to by paths in their text and commands, not
/// only by links.
const FOLDERS: [&str; 11] = [
    ".ci/",
    "benches/",
    "crates/",
    "deploy/",
    "docs/",
    "examples/",
    "fuzz/",
    "models/export/",
    "scripts/",
    "src/",
    "tests/",
];

/// Where the paths of Rust files may begin, besides the root.
const RUST_ROOTS: [&str; 2] = ["src", "crates/tract-kernels/src"];

/// Where the links and pictures of a Markdown text point to, without `#fragments` and addresses of
/// the web.
fn targets(markdown: &str) -> impl Iterator<Item = &str> {
    let links = markdown.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let paths = links.filter_map(|link| link.split('#').next());
    paths.filter(|path| !path.is_empty() && !path.contains("://") && !path.starts_with("mailto:"))
}

/// The words of a text that are paths into [`FOLDERS`], or paths of Rust files. `a/{b,c}.rs` is two
/// paths.
fn mentions(text: &str) -> Vec<String> {
    let is_outside = |c: char| !(c.is_ascii_alphanumeric() || "._-/{},".contains(c));
    let words = text.split(is_outside).map(|word| word.trim_end_matches(['.', ',']));
    let is_path = |word: &str| {
        let is_rust = word.ends_with(".rs") && word.contains('/');
        is_rust || FOLDERS.iter().any(|folder| word.starts_with(folder))
    };
    words.filter(|word| is_path(word)).flat_map(alternatives).collect()
}

/// `a{b,c}d` as `abd` and `acd`.
fn alternatives(word: &str) -> Vec<String> {
    let braces = word.split_once('{').and_then(|(a, rest)| Some((a, rest.split_once('}')?)));
    match braces {
        None => vec![word.to_owned()],
        Some((before, (group, after))) => {
            group.split(',').map(|middle| format!("{before}{middle}{after}")).collect()
        }
    }
}

/// The names of tests that `markdown` mentions: identifiers in backticks of at least five words.
fn test_names(markdown: &str) -> impl Iterator<Item = &str> {
    let quoted = markdown.split('`').skip(1).step_by(2);
    let is_name = |text: &&str| {
        let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_…".contains(c);
        let is_long = text.matches('_').count() >= 4 || text.ends_with("_…");
        is_long && text.chars().all(is_part)
    };
    quoted.filter(is_name)
}

/// Whether `file` speaks of the project as it is: it is in the root or in `docs/`, and no history.
fn is_about_the_project(file: &str) -> bool {
    let in_docs = file.strip_prefix("docs/");
    !in_docs.unwrap_or(file).contains('/') && file != "CHANGELOG.md"
}

#[test]
fn documents_point_to_tracked_files() {
    let tracked = tracked();
    let (mut wrong, mut followed) = (Vec::new(), 0);
    for name in tracked.iter().filter(|name| name.ends_with(".md")) {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        let folder = Path::new(name).parent().unwrap();
        let links = targets(&text).map(|target| normal(&folder.join(target)));
        let words = if is_about_the_project(name) { mentions(&text) } else { Vec::new() };
        let words = words.into_iter().map(PathBuf::from);
        for target in links.chain(words) {
            followed += 1;
            let exists = |path: &Path| tracked.iter().any(|file| Path::new(file).starts_with(path));
            let is_rust = target.extension().is_some_and(|extension| extension == "rs");
            let below = |root: &&str| exists(&Path::new(root).join(&target));
            if !(exists(&target) || is_rust && RUST_ROOTS.iter().any(below)) {
                wrong.push(format!("{name}: {}", target.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(followed > 20, "{followed} links followed");
}

#[test]
fn documents_name_tests_that_exist() {
    let code: String =
        rust_files(&["src", "tests", "crates"]).into_iter().map(|(_, text)| text).collect();
    let (mut wrong, mut followed) = (Vec::new(), 0);
    let is_document = |name: &&String| name.starts_with("docs/") && name.ends_with(".md");
    for name in tracked().iter().filter(is_document) {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        for test in test_names(&text) {
            followed += 1;
            if !code.contains(&format!("fn {test}(")) {
                wrong.push(format!("{name}: {test}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(tracked().is_empty() || followed > 5, "{followed} names followed");
}

#[test]
fn links_are_found() {
    let text = "[a](b.md#c) ![d](e/f.png \"title\") [g](#h) [i](https://j.k) ![l](m.png)";
    assert_eq!(targets(text).collect::<Vec<_>>(), ["b.md", "e/f.png", "m.png"]);
    let text = "run `python models/export/a.py x`, see src/b.rs. Not models/c or asrc/d";
    assert_eq!(mentions(text), ["models/export/a.py", "src/b.rs"]);
    assert_eq!(
        mentions("`tests/{a,b}.rs`, `http/c.rs`"),
        ["tests/a.rs", "tests/b.rs", "http/c.rs"]
    );
    let text = "`a_name_of_five_words`, `short_name`, `a_…`, a_name_of_five_words";
    assert_eq!(test_names(text).collect::<Vec<_>>(), ["a_name_of_five_words", "a_…"]);
}
