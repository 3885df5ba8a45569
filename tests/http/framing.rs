//! Malformed requests. hyper's parser answers with a status and no body, and what it accepts gets a
//! problem answer of the service. No case may end in a 5xx or without an answer.

use convscope::config::HttpLimits;

use super::client::{app, embedded};
use super::socket::{Server, status};

/// A name, the bytes, and the status.
type Case = (&'static str, Vec<u8>, u16);

fn case(name: &'static str, text: &str, status: u16) -> Case {
    (name, text.as_bytes().to_vec(), status)
}

/// A request for `/predict` with these headers and this body. It closes the connection.
fn predict(name: &'static str, headers: &str, body: &str, status: u16) -> Case {
    let text = format!(
        "POST /predict HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: image/png\r\n\
         {headers}\r\n{body}"
    );
    (name, text.into_bytes(), status)
}

fn lines() -> Vec<Case> {
    let get = |name, line: &str, status| {
        case(name, &format!("{line}\r\nHost: a\r\nConnection: close\r\n\r\n"), status)
    };
    let long = "x".repeat(70_000);
    vec![
        case("no request", "hello\r\n\r\n", 400),
        case("binary", "\u{0}\u{1}\u{2}\u{3}\r\n\r\n", 400),
        case("TLS", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n", 400),
        case("HTTP/0.9", "GET /\r\n\r\n", 400),
        get("HTTP/3.0", "GET / HTTP/3.0", 400),
        get("no version", "GET / ", 400),
        get("two spaces", "GET  / HTTP/1.1", 400),
        get("no path", "GET HTTP/1.1", 400),
        get("path without slash", "GET healthz HTTP/1.1", 404),
        get("space in the path", "GET /a b HTTP/1.1", 400),
        get("NUL in the path", "GET /a\u{0}b HTTP/1.1", 400),
        get("control in the method", "GE\u{7}T / HTTP/1.1", 400),
        get("unknown method", "BREW /predict HTTP/1.1", 405),
        get("lower-case method", "get /healthz HTTP/1.1", 405),
        get("CONNECT", "CONNECT a:80 HTTP/1.1", 404),
        get("asterisk", "OPTIONS * HTTP/1.1", 404),
        get("dots", "GET /models/../../etc/passwd HTTP/1.1", 404),
        get("encoded dots", "GET /models/..%2f..%2fetc%2fpasswd HTTP/1.1", 404),
        get("path not UTF-8", "GET /models/%ff HTTP/1.1", 404),
        get("incomplete escape", "GET /models/%f HTTP/1.1", 404),
        get("NUL escaped", "GET /models/%00 HTTP/1.1", 404),
        get("file name not UTF-8", "GET /web/%ff HTTP/1.1", 404),
        get("query not UTF-8", "GET /models?layer=%ff HTTP/1.1", 400),
        get("only a question mark", "POST /predict? HTTP/1.1", 400),
        get("long path", &format!("GET /{long} HTTP/1.1"), 431),
    ]
}

fn headers() -> Vec<Case> {
    let get = |name, headers: &str, status| {
        case(
            name,
            &format!("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n"),
            status,
        )
    };
    let raw = |name, head: &str, status| case(name, &format!("{head}\r\n\r\n"), status);
    let many: String = (0..150).map(|index| format!("x-{index}: 1\r\n")).collect();
    let long = format!("x: {}\r\n", "x".repeat(70_000));
    vec![
        raw("no Host", "GET /healthz HTTP/1.1", 400),
        get("two Hosts", "Host: b\r\n", 400),
        get("the same Host twice", "Host: a\r\n", 400),
        raw("no Host in HTTP/1.0", "GET /healthz HTTP/1.0", 200),
        raw("two Hosts in HTTP/1.0", "GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b", 400),
        raw("an empty Host", "GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close", 200),
        raw(
            "a name and a port",
            "GET /healthz HTTP/1.1\r\nHost: my_host-1.a:80\r\nConnection: close",
            200,
        ),
        raw("an IPv6 address", "GET /healthz HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close", 200),
        raw("a space in Host", "GET /healthz HTTP/1.1\r\nHost: a b", 400),
        raw("a path in Host", "GET /healthz HTTP/1.1\r\nHost: a/b", 400),
        raw("a list in Host", "GET /healthz HTTP/1.1\r\nHost: a, b", 400),
        raw("a user in Host", "GET /healthz HTTP/1.1\r\nHost: a@b", 400),
        raw("Host is not ASCII", "GET /healthz HTTP/1.1\r\nHost: ä", 400),
        get("header without colon", "hello\r\n", 400),
        get("header without name", ": 1\r\n", 400),
        get("space in a name", "a b: 1\r\n", 400),
        get("space before the colon", "a : 1\r\n", 400),
        get("folded header", "a: 1\r\n 2\r\n", 400),
        get("NUL in a value", "a: \u{0}\r\n", 400),
        get("bare CR in a value", "a: 1\r2\r\n", 400),
        get("many headers", &many, 431),
        get("long header", &long, 431),
    ]
}

fn bodies() -> Vec<Case> {
    let chunked = "Transfer-Encoding: chunked\r\n";
    vec![
        predict("no length", "", "", 400),
        predict("length not a number", "Content-Length: abc\r\n", "", 400),
        predict("length negative", "Content-Length: -1\r\n", "", 400),
        predict("length with a sign", "Content-Length: +5\r\n", "hello", 400),
        predict("length huge", "Content-Length: 99999999999999999999\r\n", "", 400),
        predict("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n", "hello!", 400),
        predict("a list of lengths", "Content-Length: 5, 6\r\n", "hello!", 400),
        predict("too long", "Content-Length: 10485761\r\n", "", 413),
        predict("unknown transfer coding", "Transfer-Encoding: gzip\r\n", "", 400),
        predict("chunked not last", "Transfer-Encoding: chunked, gzip\r\n", "", 400),
        predict("chunk size not a number", chunked, "xyz\r\nhello\r\n0\r\n\r\n", 400),
        predict("chunk size huge", chunked, "ffffffffffffffffff\r\n", 400),
        predict("chunk longer than its size", chunked, "2\r\nhello\r\n0\r\n\r\n", 400),
        predict("chunked, empty", chunked, "0\r\n\r\n", 400),
        predict("chunked, text", chunked, "5\r\nhello\r\n0\r\n\r\n", 415),
        predict("gzip", "Content-Encoding: gzip\r\nContent-Length: 5\r\n", "hello", 415),
        predict("br", "Content-Encoding: br\r\nContent-Length: 5\r\n", "hello", 415),
        predict(
            "several content codings",
            "Content-Encoding: gzip, identity\r\nContent-Length: 1\r\n",
            "x",
            415,
        ),
    ]
}

async fn run(cases: Vec<Case>) {
    let server = Server::start(app(embedded(), 64, HttpLimits::default())).await;
    let mut wrong = Vec::new();
    for (name, bytes, expected) in cases {
        let answer = server.ask(&bytes).await;
        let found = if answer.starts_with("HTTP/1.") { status(&answer) } else { 0 };
        if found != expected {
            let start: String = answer.chars().take(300).collect();
            wrong.push(format!("{name}: expected {expected}, got {start:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} are wrong: {wrong:#?}", wrong.len());
}

#[tokio::test]
async fn wrong_request_lines() {
    run(lines()).await;
}

#[tokio::test]
async fn wrong_header_lines() {
    run(headers()).await;
}

#[tokio::test]
async fn wrong_framing_of_bodies() {
    run(bodies()).await;
}

#[tokio::test]
async fn http_2_is_closed_without_an_answer() {
    let server = Server::start(app(embedded(), 64, HttpLimits::default())).await;
    assert_eq!(server.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, "");
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_refused() {
    let server = Server::start(app(embedded(), 64, HttpLimits::default())).await;
    let mut connection = server.connect().await;
    connection.send(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello").await;
    connection.finish().await;
    let answer = connection.rest().await;
    assert!(answer.is_empty() || status(&answer) == 400, "{answer}");
}

#[tokio::test]
async fn a_request_with_two_hosts_gets_a_problem_and_its_connection_is_closed() {
    let server = Server::start(app(embedded(), 64, HttpLimits::default())).await;
    let answer = server.ask(b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await;
    assert!(
        answer.contains("invalid-host")
            && answer.contains("headers [\\\"a\\\", \\\"b\\\"]; send exactly one"),
        "{answer}"
    );
    assert!(answer.contains("connection: close"), "{answer}");
}
