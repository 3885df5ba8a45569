use std::collections::BTreeSet;
use std::path::Path;

use super::client::{Client, Reply};

async fn get_if_none_match(client: &Client, path: &str, etag: &str) -> Reply {
    client.send_unchecked("GET", path, &[("if-none-match", etag)], Vec::new()).await
}

/// The files below `/web/` that a file refers to by `src`, `href` or an import.
fn referenced_by(file: &str, text: &str) -> Vec<String> {
    let quoted = text.split('"').skip(1).step_by(2);
    let local = quoted.filter_map(|word| match file.ends_with(".html") {
        true => word.strip_prefix("web/"),
        false => word.strip_prefix("./"),
    });
    local.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_pages_and_all_files_that_they_load_are_served() {
    let client = Client::new();
    let mut waiting = Vec::new();
    for path in ["/", "/docs"] {
        let reply = client.get(path).await;
        assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
        waiting.extend(referenced_by("page.html", std::str::from_utf8(&reply.body).unwrap()));
    }
    let mut seen = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let path = format!("/web/{name}");
        let reply = client.send_unchecked("GET", &path, &[], Vec::new()).await;
        assert_eq!(reply.status, 200, "{path}: {reply}");
        let expected = match name.rsplit('.').next().unwrap() {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("this test has no media type for {other}"),
        };
        assert_eq!(reply.header("content-type"), Some(expected), "{path}");
        if name.ends_with(".js") && !name.starts_with("vendor/") {
            waiting.extend(referenced_by(&name, std::str::from_utf8(&reply.body).unwrap()));
        }
    }
    assert!(seen.contains("main.js") && seen.contains("state.js"), "{seen:?}");
}

#[tokio::test]
async fn an_unchanged_file_gets_304() {
    let client = Client::new();
    for path in ["/", "/docs", "/web/main.js"] {
        let first = client.send_unchecked("GET", path, &[], Vec::new()).await;
        let etag = first.header("etag").unwrap().to_owned();
        assert_eq!(first.header("cache-control"), Some("no-cache"));
        let weak_in_a_list = format!("\"other\", W/{etag}");
        for known in [etag.as_str(), &weak_in_a_list, "*"] {
            let again = get_if_none_match(&client, path, known).await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{path} {known}");
            assert_eq!(again.header("etag"), Some(etag.as_str()));
        }
        assert_eq!(get_if_none_match(&client, path, "\"other\"").await.status, 200);
    }
}

#[tokio::test]
async fn other_paths_below_web_get_404() {
    let client = Client::new();
    for path in ["/web/", "/web/nothing.js", "/web/../Cargo.toml", "/web/%2e%2e/Cargo.toml"] {
        let reply = client.send_unchecked("GET", path, &[], Vec::new()).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.json()["code"], "no-such-route");
    }
}

#[tokio::test]
async fn the_policy_of_the_pages_forbids_other_hosts_and_inline_scripts() {
    let client = Client::new();
    for path in ["/", "/docs", "/web/icon.svg"] {
        let reply = client.send_unchecked("GET", path, &[], Vec::new()).await;
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    }
}

/// The list of embedded files and the folder `web/` agree.
#[tokio::test]
async fn every_file_of_the_folder_is_served_unchanged() {
    let client = Client::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    let (mut folders, mut files) = (vec![root.clone()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            if name.ends_with("README.md") {
                continue;
            }
            let reply =
                client.send_unchecked("GET", &format!("/web/{name}"), &[], Vec::new()).await;
            assert_eq!(reply.status, 200, "{name} is not in the list of src/http/page.rs");
            assert!(reply.body == std::fs::read(&path).unwrap(), "{name}");
            files += 1;
        }
    }
    assert!(files > 30, "{files}");
}
