//! Timeouts and limits of connections, over a real socket.

use std::time::{Duration, Instant};

use convscope::config::{HttpLimits, Seconds};

use super::client::{Client, app, embedded};
use super::pictures;
use super::socket::{Server, post, status};

const GET: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn server(limits: HttpLimits) -> Server {
    Server::start(app(embedded(), 8, limits)).await
}

#[tokio::test]
async fn headers_that_arrive_byte_by_byte_time_out() {
    let header_timeout = Seconds::from_millis(300);
    let server = server(HttpLimits { header_timeout, ..HttpLimits::default() }).await;
    for first in [&b""[..], b"GET /healthz HTTP/1.1\r\n"] {
        let (begun, mut connection) = (Instant::now(), server.connect().await);
        connection.send(first).await;
        while connection.try_send(b"X").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert!(begun.elapsed() < Duration::from_secs(5), "still open");
        }
        assert!(begun.elapsed() >= header_timeout.duration());
    }
}

#[tokio::test]
async fn an_idle_connection_has_its_own_timeout() {
    let header_timeout = Seconds::from_millis(100);
    let idle_timeout = Seconds::from_millis(600);
    let limits = HttpLimits { header_timeout, idle_timeout, ..HttpLimits::default() };
    let server = server(limits).await;
    let mut connection = server.connect().await;
    for _ in 0..2 {
        connection.send(GET).await;
        assert_eq!(status(&connection.answer().await), 200);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let begun = Instant::now();
    assert_eq!(connection.rest().await, "");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn headers_that_are_too_large_get_431() {
    let limits = HttpLimits { header_bytes: 8192, ..HttpLimits::default() };
    let server = server(limits).await;
    let large =
        |bytes| format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(bytes));
    let mut connection = server.connect().await;
    connection.send(large(7000).as_bytes()).await;
    assert_eq!(status(&connection.answer().await), 200);
    assert_eq!(status(&server.ask(large(9000).as_bytes()).await), 431);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_times_out() {
    let write_timeout = Seconds::from_millis(300);
    let server = server(HttpLimits { write_timeout, ..HttpLimits::default() }).await;
    let mut connection = server.connect().await;
    let ask = b"GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut asked = 0;
    // Sends until the server stops reading, because it cannot write.
    let stuck = Duration::from_millis(200);
    while tokio::time::timeout(stuck, connection.try_send(ask)).await.is_ok_and(|it| it.is_ok()) {
        asked += 1;
        assert!(asked < 100_000, "the server never stops reading");
    }
    tokio::time::sleep(Duration::from_millis(600)).await;
    let answered = connection.rest().await.matches("HTTP/1.1 200").count();
    assert!(answered < asked, "{answered} of {asked}");
}

#[tokio::test]
async fn a_connection_beyond_the_limit_gets_503_and_answers_to_probes() {
    let server = server(HttpLimits { connections: 1, ..HttpLimits::default() }).await;
    let mut first = server.connect().await;
    first.send(GET).await;
    assert_eq!(status(&first.answer().await), 200);
    assert_eq!(status(&server.ask(GET).await), 200);
    let refused = server.ask(&post("/predict", &pictures::png())).await;
    assert_eq!(status(&refused), 503, "{refused}");
    assert!(refused.contains("too-many-connections") && refused.contains("retry-after: 1"));
    first.send(&post("/predict", &pictures::png())).await;
    assert_eq!(status(&first.answer().await), 200);
}

#[tokio::test]
async fn an_early_answer_arrives_although_the_body_is_not_read() {
    let server = server(HttpLimits::default()).await;
    let permits: Vec<_> = (0..10).map(|_| server.app.workers.admit().unwrap()).collect();
    let mut connection = server.connect().await;
    let large = vec![0; 9 << 20];
    for (path, expected) in [("/predict", 503), ("/nowhere", 404), ("/predict", 503)] {
        let begun = Instant::now();
        let message = post(path, &large);
        let (head, body) = message.split_at(200);
        connection.send(head).await;
        let answer = connection.answer().await;
        assert_eq!(status(&answer), expected, "{answer}");
        assert!(begun.elapsed() < Duration::from_secs(2), "not before the body");
        connection.send(body).await;
    }
    drop(permits);
    connection.send(&post("/predict", &pictures::png())).await;
    assert_eq!(status(&connection.answer().await), 200);
}

#[tokio::test]
async fn a_client_that_sends_slowly_and_reads_afterwards_gets_an_early_answer() {
    let server = server(HttpLimits::default()).await;
    let _permits: Vec<_> = (0..10).map(|_| server.app.workers.admit().unwrap()).collect();
    let mut connection = server.connect().await;
    let message = post("/predict", &[0; 7 << 10]);
    for piece in message.chunks(message.len().div_ceil(7)) {
        connection.try_send(piece).await.expect("the connection is open");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(status(&connection.answer().await), 503);
}

#[tokio::test]
async fn a_content_length_above_the_limit_is_refused_before_the_body() {
    let server = server(HttpLimits::default()).await;
    let head = "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n";
    let mut connection = server.connect().await;
    connection.send(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes()).await;
    assert_eq!(status(&connection.answer().await), 413);
    let mut connection = server.connect().await;
    connection.send(format!("{head}\r\n").as_bytes()).await;
    assert_eq!(status(&connection.answer().await), 413);
}

#[tokio::test]
async fn slow_bodies_do_not_occupy_the_queue() {
    let limits = HttpLimits { slow_bodies: 1, ..HttpLimits::default() };
    let server = Server::start(app(embedded(), 0, limits)).await;
    let message = post("/predict", &pictures::png());
    let (head, tail) = message.split_at(message.len() - 5);
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut connection = server.connect().await;
        connection.send(head).await;
        slow.push(connection);
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let mut fast = server.connect().await;
    fast.send(&message).await;
    assert_eq!(status(&fast.answer().await), 200);
    let mut answers = Vec::new();
    for connection in &mut slow {
        // One of the two has its answer already, and its connection may be closed.
        let _ = connection.try_send(tail).await;
        answers.push(status(&connection.answer().await));
    }
    answers.sort_unstable();
    assert_eq!(answers, [200, 503]);
}

/// The caller sends faster than the server parses, so there are always bytes to read.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_chunk_size_without_an_end_times_out() {
    let limits = HttpLimits { body_timeout: Seconds::from_millis(1500), ..HttpLimits::default() };
    let server = Server::start(app(embedded(), 8, limits)).await;
    let mut connection = server.connect().await;
    let head = "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection.send(head.as_bytes()).await;
    let answer = connection.flood(&[b'0'; 1 << 20]).await;
    assert_eq!(status(&answer), 408, "{answer}");
}

async fn metrics(server: &Server) -> String {
    let client = Client::of(std::sync::Arc::clone(&server.app));
    String::from_utf8(client.get("/metrics").await.body).unwrap()
}

#[tokio::test]
async fn an_address_has_a_limit_of_its_own() {
    let limits = HttpLimits { connections_per_address: 2, ..HttpLimits::default() };
    let server = server(limits).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut connection = server.connect().await;
        connection.send(&post("/predict", &pictures::png())).await;
        assert_eq!(status(&connection.answer().await), 200);
        open.push(connection);
    }
    let refused = server.ask(&post("/predict", &pictures::png())).await;
    assert_eq!(status(&refused), 503, "{refused}");
    assert!(refused.contains("too-many-connections"), "{refused}");
    assert_eq!(status(&server.ask(GET).await), 200);
    // Some connections beyond the limit may wait for an answer, and the rest are closed at once.
    let mut waiting = Vec::new();
    for _ in 0..40 {
        waiting.push(server.connect().await);
    }
    assert_eq!(waiting.last_mut().unwrap().rest().await, "");
    drop((waiting, open));
    let begun = Instant::now();
    while !metrics(&server).await.contains("\nconvscope_connections 0\n") {
        assert!(begun.elapsed() < Duration::from_secs(5), "closed connections count");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut connection = server.connect().await;
    connection.send(&post("/predict", &pictures::png())).await;
    assert_eq!(status(&connection.answer().await), 200);
}
