use std::fs;
use std::path::{Path, PathBuf};

use super::embedded::normal;
use super::tracked::tracked;

/// Where documents at the root point to by paths in their text and commands, not only by links.
const FOLDERS: [&str; 6] = [".ci/", "benches/", "docs/", "models/export/", "src/", "tests/"];

/// Where the links and pictures of a Markdown text point to, without `#fragments` and addresses of
/// the web.
fn targets(markdown: &str) -> impl Iterator<Item = &str> {
    let links = markdown.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let paths = links.filter_map(|link| link.split('#').next());
    paths.filter(|path| !path.is_empty() && !path.contains("://") && !path.starts_with("mailto:"))
}

/// The words of a text that are paths into [`FOLDERS`].
fn mentions(text: &str) -> impl Iterator<Item = &str> {
    let is_outside = |c: char| !(c.is_ascii_alphanumeric() || "._-/".contains(c));
    let words = text.split(is_outside).map(|word| word.trim_end_matches('.'));
    words.filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
}

#[test]
fn documents_point_to_tracked_files() {
    let tracked = tracked();
    let (mut wrong, mut followed) = (Vec::new(), 0);
    for name in tracked.iter().filter(|name| name.ends_with(".md")) {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        let folder = Path::new(name).parent().unwrap();
        let links = targets(&text).map(|target| normal(&folder.join(target)));
        let words = mentions(&text).filter(|_| folder == Path::new("")).map(PathBuf::from);
        for target in links.chain(words) {
            followed += 1;
            if !tracked.iter().any(|file| Path::new(file).starts_with(&target)) {
                wrong.push(format!("{name}: {}", target.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(followed > 20, "{followed} links followed");
}

#[test]
fn links_are_found() {
    let text = "[a](b.md#c) ![d](e/f.png \"title\") [g](#h) [i](https://j.k) ![l](m.png)";
    assert_eq!(targets(text).collect::<Vec<_>>(), ["b.md", "e/f.png", "m.png"]);
    let text = "run `python models/export/a.py x`, see src/b.rs. Not models/c or asrc/d";
    assert_eq!(mentions(text).collect::<Vec<_>>(), ["models/export/a.py", "src/b.rs"]);
}
