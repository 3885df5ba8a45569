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

/// The files under version control; none where this is no checkout.
pub(super) fn tracked() -> Vec<String> {
    let list = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let names = list.map(|output| String::from_utf8(output.stdout).unwrap()).unwrap_or_default();
    names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect()
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
