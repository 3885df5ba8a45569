use std::fs;
use std::path::Path;
use std::process::Command;

/// What ties a file to one machine. Written in two halves, so that this file has none of them.
const TIES: [&str; 7] = [
    concat!("/wo", "rk/"),
    concat!("/tm", "p/"),
    concat!("/ro", "ot/"),
    concat!("index.cra", "tes.io"),
    concat!("py", "pi.org"),
    concat!("pythonho", "sted.org"),
    concat!("registry.np", "mjs.org"),
];

/// The files under version control. Where this is no checkout: all files that `.gitignore` does not
/// exclude.
pub(super) fn tracked() -> Vec<String> {
    let names = listed_by_git();
    if names.is_empty() { walked() } else { names }
}

/// The files under version control; none where this is no checkout.
fn listed_by_git() -> Vec<String> {
    let list = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let names = list.map(|output| String::from_utf8(output.stdout).unwrap()).unwrap_or_default();
    names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The files that no `.gitignore` excludes.
fn walked() -> Vec<String> {
    let mut names = Vec::new();
    walk(Path::new(env!("CARGO_MANIFEST_DIR")), "", &[".git".to_owned()], &mut names);
    names.sort();
    names
}

/// Adds the files of `folder`, whose name is `name` from the root, but not those that `ignored`
/// excludes.
fn walk(folder: &Path, name: &str, ignored: &[String], names: &mut Vec<String>) {
    let text = fs::read_to_string(folder.join(".gitignore")).unwrap_or_default();
    // A line with a slash at its start or in its middle holds for this folder alone.
    let (mut everywhere, mut here) = (ignored.to_vec(), Vec::new());
    for line in text.lines().map(|line| line.trim_end_matches('/')) {
        match line.contains('/') {
            true => here.push(format!("{name}{}", line.trim_start_matches('/'))),
            false => everywhere.push(line.to_owned()),
        }
    }
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let own = path.file_name().unwrap().to_str().unwrap();
        let full = format!("{name}{own}");
        let is_excluded = |line: &String| match line.strip_prefix('*') {
            Some(end) => own.ends_with(end),
            None => own == line,
        };
        if here.contains(&full) || everywhere.iter().any(is_excluded) {
            continue;
        }
        if path.is_dir() {
            walk(&path, &format!("{full}/"), &everywhere, names);
        } else {
            names.push(full);
        }
    }
}

#[test]
fn without_version_control_the_folder_is_walked() {
    let walked = walked();
    let is_missing = |name: &&str| !walked.iter().any(|file| file == name);
    let wanted = ["Cargo.toml", "src/lib.rs", "tests/tidy/tracked.rs", "fuzz/Cargo.toml"];
    let listed = listed_by_git();
    let exists = |name: &&str| Path::new(env!("CARGO_MANIFEST_DIR")).join(name).exists();
    let listed = listed.iter().map(String::as_str).filter(exists);
    let missing: Vec<&str> = wanted.into_iter().chain(listed).filter(is_missing).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let excluded = walked.iter().find(|name| name.starts_with("target/"));
    assert_eq!(excluded, None);
}

#[test]
fn nothing_names_this_machine_or_a_registry() {
    let mut wrong = Vec::new();
    for name in tracked() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
        let Ok(text) = fs::read_to_string(path) else { continue };
        for (number, line) in text.lines().enumerate() {
            if TIES.iter().any(|tie| line.contains(tie)) {
                wrong.push(format!("{name}:{}: {line}", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
