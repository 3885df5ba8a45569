use std::collections::BTreeSet;

use super::Description;
use crate::http::Client;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

fn described() -> BTreeSet<(String, String)> {
    let operations = Description::get().operations();
    operations.map(|it| (it.path.to_owned(), it.method.to_owned())).collect()
}

/// The verbs of KServe's V1 protocol. They follow the model name after a colon. The router cannot
/// express this, so a handler distinguishes them.
const VERBS: [&str; 2] = [":predict", ":explain"];

fn without_verb(path: &str) -> &str {
    VERBS.iter().find_map(|verb| path.strip_suffix(verb)).unwrap_or(path)
}

/// The `.route(path, method(handler).method(handler))` calls of the router.
fn declared() -> BTreeSet<(String, String)> {
    let source = include_str!("../../src/http/routes.rs");
    let mut routes = BTreeSet::new();
    for call in source.split(".route(").skip(1) {
        let mut quoted = call.splitn(3, '"');
        let path = quoted.nth(1).unwrap();
        let handlers = quoted.next().unwrap().split('\n').next().unwrap();
        for method in ["get", "post"] {
            if handlers.contains(&format!("{method}(")) {
                routes.insert((path.to_owned(), method.to_owned()));
            }
        }
    }
    routes
}

#[test]
fn the_router_has_the_described_routes() {
    let described = described().into_iter();
    let described = described.map(|(path, method)| (without_verb(&path).to_owned(), method));
    assert_eq!(declared(), described.collect());
}

#[tokio::test]
async fn each_route_answers_its_described_methods_and_no_others() {
    let client = Client::new();
    let mut wrong = Vec::new();
    let paths: BTreeSet<String> = described().into_iter().map(|(path, _)| path).collect();
    let paths = paths.into_iter().filter(|path| without_verb(path) == path);
    for template in paths {
        let path = template.replace("{model}", "cats_and_dogs_small_1");
        for method in METHODS {
            // axum answers HEAD wherever it answers GET.
            let as_described = if method == "HEAD" { "get" } else { &method.to_lowercase() };
            let is_described = |(path, method): &(String, String)| {
                without_verb(path) == template && method == as_described
            };
            let expected = described().iter().any(is_described);
            let is_verb = |(path, verb): &(String, String)| {
                *path != template && without_verb(path) == template && verb == as_described
            };
            let verb = if described().iter().any(is_verb) { VERBS[0] } else { "" };
            let path = format!("{path}{verb}");
            let reply = client.send_unchecked(method, &path, &[], Vec::new()).await;
            let answered = !matches!(reply.status, 404 | 405);
            if answered != expected {
                wrong.push(format!("{method} {path}: {}", reply.status));
            }
            if !expected && reply.header("allow").is_none() {
                wrong.push(format!("{method} {path}: no Allow header"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_description_has_the_version_of_the_package() {
    assert_eq!(Description::get().root()["info"]["version"], env!("CARGO_PKG_VERSION"));
}
