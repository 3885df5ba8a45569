//! API keys, CORS and security headers.

use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use convscope::http::{Access, AppState, with_middleware};

use super::client::{Client, app, embedded};
use super::pictures;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn application(keys: &[&str], origins: &[&str]) -> Arc<AppState> {
    let owned = |texts: &[&str]| -> Vec<String> { texts.iter().map(|&it| it.into()).collect() };
    let mut app = app(embedded(), 8, Default::default());
    app.access = Access::new(&owned(keys), &owned(origins)).unwrap();
    Arc::new(app)
}

#[tokio::test]
async fn a_request_without_a_valid_key_gets_401() {
    let client = Client::of(application(&["another key, longer", KEY], &[]));
    let png = pictures::png();
    let bearer = format!("Bearer {KEY}");
    for (header, value, expected) in [
        ("authorization", bearer.as_str(), 200),
        ("x-api-key", KEY, 200),
        ("x-api-key", "0123456789abcdef0123456789abcdeF", 401),
        ("x-other", KEY, 401),
    ] {
        let headers = [("content-type", "image/png"), (header, value)];
        let reply = client.send("POST", "/predict", &headers, png.clone()).await;
        assert_eq!(reply.status, expected, "{header}: {reply}");
        let scheme = (expected == 401).then_some("Bearer realm=\"convscope\"");
        assert_eq!(reply.header("www-authenticate"), scheme);
    }
    for path in ["/models", "/info", "/metrics", "/models/cats_and_dogs_small_1/gradient"] {
        let reply = client.get(path).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (401, Some("unauthorized")));
    }
    for path in ["/healthz", "/readyz", "/openapi.yaml"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    let info = client.send("GET", "/info", &[("x-api-key", KEY)], Vec::new()).await;
    assert!(!String::from_utf8_lossy(&info.body).contains(KEY), "{info}");
}

#[tokio::test]
async fn pages_of_allowed_origins_may_call_the_api() {
    let page = [("origin", "https://page.example")];
    let png = pictures::png();
    let closed = Client::of(application(&[], &[]));
    let reply = closed.send("POST", "/predict", &page, png.clone()).await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, None));

    let open = Client::of(application(&[], &["https://page.example", "https://other.example"]));
    for (path, expected) in [("/predict", 200), ("/predict?x=1", 400), ("/nowhere", 404)] {
        let reply = open.send_unchecked("POST", path, &page, png.clone()).await;
        assert_eq!(reply.status, expected, "{reply}");
        let allowed = reply.header("access-control-allow-origin");
        assert_eq!(allowed, Some("https://page.example"), "{path}");
        let exposed = reply.header("access-control-expose-headers").unwrap_or_default();
        assert!(exposed.contains("convscope-empty") && exposed.contains("x-request-id"));
    }
    let unknown = [("origin", "https://unknown.example")];
    let reply = open.send("POST", "/predict", &unknown, png).await;
    assert_eq!(reply.header("access-control-allow-origin"), None);
    let preflight = [
        page[0],
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type, authorization"),
    ];
    let reply = open.send_unchecked("OPTIONS", "/predict", &preflight, Vec::new()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://page.example"));
    assert!(reply.header("access-control-allow-headers").unwrap().contains("authorization"));
}

#[tokio::test]
async fn every_answer_has_security_headers() {
    let app = application(&[], &[]);
    let routes = Router::new().route("/page", get(async || Html("<p>hello</p>")));
    let client = Client::over(with_middleware(app, routes));
    for path in ["/page", "/nowhere"] {
        let reply = client.send_unchecked("GET", path, &[], Vec::new()).await;
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        let policy = reply.header("content-security-policy").unwrap_or_default();
        assert_eq!(policy.contains("default-src 'self'"), path == "/page", "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

/// The chunks of a PNG file.
fn chunks(file: &[u8]) -> Vec<String> {
    let (mut rest, mut found) = (&file[8..], Vec::new());
    while let [a, b, c, d, tail @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        found.push(String::from_utf8_lossy(&tail[..4]).into_owned());
        rest = &tail[length + 8..];
    }
    found
}

#[tokio::test]
async fn png_answers_have_no_metadata() {
    let photo = include_bytes!("../reference/pictures/decode/turned_6.jpg");
    for path in ["/activations", "/gradcam", "/gradcam?view=heatmap", "/gradcam?view=mask"] {
        let file = Client::new().post(path, "image/png", photo).await.file();
        let other: Vec<String> = chunks(&file)
            .into_iter()
            .filter(|chunk| !["IHDR", "PLTE", "tRNS", "IDAT", "IEND"].contains(&chunk.as_str()))
            .collect();
        assert!(other.is_empty(), "{path}: {other:?}");
    }
}
