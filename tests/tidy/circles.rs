//! No two files of `src/` import each other. An import counts for the file that defines the name:
//! the lists of `pub use` are followed.

use std::collections::{HashMap, HashSet};

use super::source::{Source, sources, words};

/// The exceptions, each with its reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "onnx/builder.rs",
    "onnx/value.rs",
    "arithmetic on a value writes nodes with the builder, and the builder gives values",
)];

/// The segments of a path from the crate's root.
type Segments = Vec<String>;

/// The module that a file of `src/` defines.
fn module(file: &str) -> Segments {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').filter(|name| *name != "lib").map(str::to_owned).collect()
}

/// Every path of a `use`, without its groups: `a::{b, c::d}` gives `a::b` and `a::c::d`.
fn expanded(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, group)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let group = group.trim_end().trim_end_matches('}');
    let (mut depth, mut start, mut entries) = (0, 0, Vec::new());
    for (index, symbol) in group.char_indices() {
        match symbol {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                entries.push(&group[std::mem::replace(&mut start, index + 1)..index])
            }
            _ => {}
        }
    }
    entries.push(&group[start..]);
    let entries = entries.into_iter().filter(|entry| !entry.trim().is_empty());
    let entries = entries.flat_map(|entry| expanded(&entry.replace("self", "")));
    entries.map(|entry| format!("{prefix}{entry}")).collect()
}

/// The paths of the top-level `use` declarations, each with whether it is public.
fn declarations(code: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("use ") {
        let line = &code[code[..start].rfind('\n').map_or(0, |end| end + 1)..start];
        if line.is_empty() || line.starts_with("pub") {
            let tree = code[start + 4..].split(';').next().unwrap_or_default();
            let tree = tree.split_whitespace().collect::<Vec<_>>().join(" ");
            found.extend(expanded(&tree).into_iter().map(|path| (!line.is_empty(), path)));
        }
    }
    found
}

/// The paths in the code itself that start with `crate` or `super`.
fn inline_paths(code: &str) -> Vec<String> {
    let roots = words(code).filter(|(word, _)| matches!(*word, "crate" | "super"));
    let is_path = |symbol: char| symbol.is_alphanumeric() || matches!(symbol, '_' | ':');
    let tail = |tail: &str| tail[..tail.find(|c| !is_path(c)).unwrap_or(tail.len())].to_owned();
    let paths = roots.map(|(root, rest)| format!("{root}{}", tail(rest)));
    paths.filter(|path| path.contains("::") && !path.ends_with(':')).collect()
}

/// `path`, as it is written in `module`, from the crate's root. None for another crate's.
fn absolute(path: &str, module: &Segments, modules: &HashMap<Segments, &str>) -> Option<Segments> {
    let mut base = module.clone();
    let mut names = path.split("::").map(str::trim).filter(|name| !name.is_empty()).peekable();
    let first = *names.peek()?;
    match first {
        "crate" => {
            names.next();
            base.clear();
        }
        "super" | "self" => {
            while let Some(name) = names.next_if(|name| matches!(*name, "super" | "self")) {
                if name == "super" {
                    base.pop();
                }
            }
        }
        child if modules.contains_key(&[&base[..], &[child.to_owned()]].concat()) => {}
        _ => return None,
    }
    base.extend(names.map(str::to_owned));
    Some(base)
}

/// The pairs of files that import each other.
fn circles(sources: &[Source]) -> Vec<(&str, &str)> {
    let modules: HashMap<Segments, &str> =
        sources.iter().map(|source| (module(&source.path), source.path.as_str())).collect();
    let mut exports: HashMap<Segments, Segments> = HashMap::new();
    let mut imports: Vec<(&str, Segments)> = Vec::new();
    for source in sources {
        let own = module(&source.path);
        let inline = inline_paths(&source.code).into_iter().map(|path| (false, path));
        for (is_public, path) in declarations(&source.code).into_iter().chain(inline) {
            let Some(target) = absolute(&path, &own, &modules) else { continue };
            match target.last().filter(|_| is_public) {
                Some(name) => {
                    exports.insert([&own[..], std::slice::from_ref(name)].concat(), target);
                }
                None => imports.push((&source.path, target)),
            }
        }
    }
    let defining_file = |mut path: Segments| {
        let lengths = |path: &Segments| (0..=path.len()).rev();
        for _ in 0..10 {
            let exported = lengths(&path)
                .filter(|&length| !modules.contains_key(&path[..length]))
                .find_map(|length| Some((exports.get(&path[..length])?, length)));
            let Some((target, length)) = exported else { break };
            path = [&target[..], &path[length..]].concat();
        }
        lengths(&path).find_map(|length| modules.get(&path[..length]).copied())
    };
    let edges = imports.into_iter().filter_map(|(file, path)| Some((file, defining_file(path)?)));
    let edges: HashSet<(&str, &str)> = edges.collect();
    let is_circle = |&(a, b): &(&str, &str)| a < b && edges.contains(&(b, a));
    let mut circles: Vec<_> = edges.iter().copied().filter(is_circle).collect();
    circles.sort_unstable();
    circles
}

#[test]
fn no_two_files_import_each_other() {
    let sources = sources();
    let found = circles(&sources);
    let excepted = |(a, b): &(&str, &str)| EXCEPTIONS.iter().any(|(c, d, _)| (a, b) == (c, d));
    let wrong: Vec<_> = found.iter().filter(|pair| !excepted(pair)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(found.len(), EXCEPTIONS.len(), "there is an exception that nothing needs");
}

#[test]
fn circles_are_found_through_lists_of_exports() {
    let source = |path: &str, code: &str| Source {
        path: path.to_owned(),
        text: String::new(),
        code: code.to_owned(),
        lines: 1,
    };
    let sources = [
        source("a/mod.rs", "mod b;\npub use b::{B, Other};\npub use c::C;\n"),
        source("a/b.rs", "use super::{C, d::{self, D}};\n"),
        source("a/c.rs", "use std::fmt;\nfn f(b: crate::a::B) {}\n"),
        source("a/d.rs", "use super::C;\n"),
    ];
    assert_eq!(circles(&sources), [("a/b.rs", "a/c.rs")]);
}
