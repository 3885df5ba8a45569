use std::path::{Component, Path, PathBuf};

use super::source::{Source, sources};

/// The files that `source` embeds by `include_str!` and `include_bytes!`, from the root.
fn embedded(source: &Source) -> Vec<PathBuf> {
    let folder = Path::new("src").join(&source.path);
    let folder = folder.parent().unwrap();
    let calls = source.text.split("include_").skip(1);
    let calls = calls.filter(|call| call.starts_with("str!(") || call.starts_with("bytes!("));
    calls.map(|call| normal(&folder.join(call.split('"').nth(1).unwrap()))).collect()
}

pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        if component == Component::ParentDir {
            normal.pop();
        } else {
            normal.push(component);
        }
    }
    normal
}

#[test]
fn the_container_build_sees_every_file_that_the_binary_embeds() {
    let listed = include_str!("../../.dockerignore");
    let listed: Vec<&str> = listed.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let embedded: Vec<PathBuf> = sources().iter().flat_map(embedded).collect();
    assert!(embedded.iter().any(|path| path.ends_with("openapi.yaml")), "{embedded:#?}");
    let is_listed = |path: &&PathBuf| listed.iter().any(|entry| path.starts_with(entry));
    let missing: Vec<_> = embedded.iter().filter(|path| !is_listed(path)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
