use std::collections::BTreeSet;

use super::Description;
use crate::http::Client;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

fn described() -> BTreeSet<(String, String)> {
    let operations = Description::get().operations();
    operations.map(|it| (it.path.to_owned(), it.method.to_owned())).collect()
}

/// The `.route(path, method(handler))` calls of the router.
fn declared() -> BTreeSet<(String, String)> {
    let source = include_str!("../../src/http/routes.rs");
    let mut routes = BTreeSet::new();
    for call in source.split(".route(").skip(1) {
        let mut quoted = call.splitn(3, '"');
        let path = quoted.nth(1).unwrap();
        let handlers = quoted.next().unwrap().trim_start_matches([',', ' ', '\n']);
        let method = handlers.split('(').next().unwrap();
        routes.insert((path.to_owned(), method.to_owned()));
    }
    routes
}

#[test]
fn the_router_has_the_routes_described() {
    assert_eq!(declared(), described());
}

#[tokio::test]
async fn each_route_answers_the_methods_described_and_refuses_all_others() {
    let client = Client::new();
    let mut wrong = Vec::new();
    let paths: BTreeSet<String> = described().into_iter().map(|(path, _)| path).collect();
    for template in paths {
        let path = template.replace("{model}", "cats_and_dogs_small_1");
        for method in METHODS {
            // axum answers HEAD wherever it answers GET.
            let as_described = if method == "HEAD" { "get" } else { &method.to_lowercase() };
            let expected = described().contains(&(template.clone(), as_described.to_owned()));
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
