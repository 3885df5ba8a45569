use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use convscope::http::{AppState, router, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) app: Arc<AppState>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start(app: AppState) -> Self {
        let app = Arc::new(app);
        Self::of(Arc::clone(&app), router(app)).await
    }

    pub(crate) async fn of(app: Arc<AppState>, router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&app);
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            serve(listener, router, &served, stopped).await
        });
        Self { app, address, stop, task }
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection { stream: TcpStream::connect(self.address).await.unwrap() }
    }

    /// One connection, one message, what comes until the server closes.
    pub(crate) async fn ask(&self, message: &[u8]) -> String {
        let mut connection = self.connect().await;
        connection.send(message).await;
        connection.rest().await
    }

    /// Stops accepting; tells how long the rest took.
    pub(crate) async fn stop(self) -> Duration {
        let begun = Instant::now();
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
        begun.elapsed()
    }
}

/// A caller's end.
pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    pub(crate) async fn send(&mut self, message: &[u8]) {
        self.stream.write_all(message).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, message: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(message).await
    }

    /// Tells that nothing more will come.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// What comes until the server closes; a test that waits longer than ten seconds has failed.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = self.stream.read_to_end(&mut bytes);
        let read = tokio::time::timeout(Duration::from_secs(10), read).await;
        let _ = read.expect("the server keeps the connection open");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// One answer with its body, which has a content-length.
    pub(crate) async fn answer(&mut self) -> String {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    return text;
                }
            }
            let read = self.stream.read_buf(&mut bytes);
            let read = tokio::time::timeout(Duration::from_secs(10), read).await;
            let read = read.expect("no answer").unwrap();
            assert!(read > 0, "the connection was closed after {text:?}");
        }
    }
}

/// The status of an answer.
pub(crate) fn status(answer: &str) -> u16 {
    let code = answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {answer:?}"));
    code.parse().unwrap()
}

/// A request with a body, by HTTP/1.1.
pub(crate) fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}
