use super::source::{Source, sources, words};

/// Each layer imports only from those above it here; modules of one layer do not see each other.
const LAYERS: &[&[&str]] = &[
    &["config"],
    &["onnx", "preprocess", "explain", "render"],
    &["gradient", "runtime"],
    &["attribution"],
    &["evaluation", "filters"],
    &["service"],
    &["http"],
    &["cli"],
    &["main"],
];

/// The exceptions, each with its reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Lines of one file, tests at its end not counted.
const LINES: usize = 400;

fn layer(module: &str) -> usize {
    let found = LAYERS.iter().position(|modules| modules.contains(&module));
    found.unwrap_or_else(|| panic!("{module} has no place in the order of layers"))
}

/// The top-level modules that `source` names by `crate::`.
fn imports(source: &Source) -> Vec<&str> {
    let mut imports = Vec::new();
    let roots = words(&source.code).filter(|(word, _)| matches!(*word, "crate" | "convscope"));
    for tail in roots.filter_map(|(_, tail)| tail.strip_prefix("::")) {
        match tail.strip_prefix('{') {
            Some(group) => imports.extend(heads(group)),
            None => imports.extend(words(tail).next().map(|(word, _)| word)),
        }
    }
    imports
}

/// The first words of the entries of a `{…}` group.
fn heads(group: &str) -> Vec<&str> {
    let (mut depth, mut at_head, mut heads) = (0, true, Vec::new());
    for (place, symbol) in group.char_indices() {
        match symbol {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            _ if at_head && symbol.is_alphabetic() => {
                at_head = false;
                heads.extend(words(&group[place..]).next().map(|(word, _)| word));
            }
            _ => {}
        }
    }
    heads
}

#[test]
fn each_layer_imports_only_from_those_before_it() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.path != "lib.rs") {
        let own = source.module();
        for import in imports(source) {
            let is_allowed = import == own || layer(import) < layer(own);
            if !is_allowed && !EXCEPTIONS.contains(&(own, import)) {
                wrong.push(format!("{}: {own} must not see {import}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_path_climbs_out_of_its_module_by_super() {
    let mut wrong = Vec::new();
    for source in sources() {
        let depth = source.depth();
        if depth > 0 && source.code.contains(&"super::".repeat(depth)) {
            wrong.push(source.path);
        }
    }
    assert!(wrong.is_empty(), "write crate:: instead: {wrong:#?}");
}

#[test]
fn files_tell_one_story() {
    let all = sources();
    let long = all.iter().filter(|source| source.lines > LINES);
    let long: Vec<_> = long.map(|source| format!("{}: {}", source.path, source.lines)).collect();
    assert!(long.is_empty(), "longer than {LINES} lines: {long:#?}");
}

#[test]
fn words_that_belong_to_one_module_stay_there() {
    let mut wrong = Vec::new();
    for source in sources() {
        let module = source.module();
        for (word, tail) in words(&source.code) {
            let is_misplaced = match word {
                "unsafe" => true,
                "StatusCode" => module != "http",
                "tract_onnx" => {
                    let reads_format = module == "onnx" && tail.starts_with("::pb");
                    module != "runtime" && !reads_format
                }
                _ => word.starts_with("tract_") && module != "runtime",
            };
            if is_misplaced {
                wrong.push(format!("{}: {word}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn groups_of_imports_are_read() {
    let code = "use crate::{config::Limits, onnx::{self, Model}, render}; crate::http::x();";
    let (path, text) = ("cli.rs".to_owned(), String::new());
    let source = Source { path, text, code: code.to_owned(), lines: 1 };
    assert_eq!(imports(&source), ["config", "onnx", "render", "http"]);
}
