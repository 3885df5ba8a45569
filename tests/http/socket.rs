//! A server and its callers over a real socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use convscope::http::{AppState, router, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server on a free port.
pub(crate) struct Server {
    pub(crate) app: Arc<AppState>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Serves all routes.
    pub(crate) async fn start(app: AppState) -> Self {
        let app = Arc::new(app);
        Self::of(Arc::clone(&app), router(app)).await
    }

    /// Serves the routes of `router`.
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

    /// Sends `message` over a new connection and returns all bytes until the server closes it.
    pub(crate) async fn ask(&self, message: &[u8]) -> String {
        let mut connection = self.connect().await;
        connection.send(message).await;
        connection.rest().await
    }

    /// Shuts the server down and returns how long that took.
    pub(crate) async fn stop(self) -> Duration {
        let begun = Instant::now();
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
        begun.elapsed()
    }
}

/// The caller's end of a connection.
pub(crate) struct Connection {
    stream: TcpStream,
}

/// The longest time that a test waits for bytes.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Connection {
    pub(crate) async fn send(&mut self, message: &[u8]) {
        self.stream.write_all(message).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, message: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(message).await
    }

    /// Sends `bytes` again and again until an answer begins, and returns its beginning.
    pub(crate) async fn flood(&mut self, bytes: &[u8]) -> String {
        let (mut receiver, mut sender) = self.stream.split();
        let flood = async {
            while sender.write_all(bytes).await.is_ok() {}
            std::future::pending::<()>().await;
        };
        let mut answer = [0; 1000];
        let read = tokio::time::timeout(TIMEOUT, receiver.read(&mut answer));
        let read = tokio::select! {
            read = read => read.expect("no answer").unwrap(),
            () = flood => 0,
        };
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }

    /// Closes the sending half.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Reads `bytes` bytes, or fewer if the server closes the connection, and returns how many.
    pub(crate) async fn read(&mut self, bytes: usize) -> usize {
        let mut buffer = vec![0; bytes.min(1 << 20)];
        let mut total = 0;
        while total < bytes {
            let end = buffer.len().min(bytes - total);
            let read = tokio::time::timeout(TIMEOUT, self.stream.read(&mut buffer[..end])).await;
            match read.expect("no bytes") {
                Ok(0) | Err(_) => break,
                Ok(read) => total += read,
            }
        }
        total
    }

    /// All bytes until the server closes the connection.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = self.stream.read_to_end(&mut bytes);
        let read = tokio::time::timeout(TIMEOUT, read).await;
        let _ = read.expect("the server keeps the connection open");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// One answer with its body, which has a content-length.
    pub(crate) async fn answer(&mut self) -> String {
        self.read_until(|text| {
            let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            body.len() >= length.map_or(0, |length| length.parse().unwrap())
        })
        .await
    }

    /// The bytes up to `text`, and those that arrive together with it.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        self.read_until(|read| read.contains(text)).await
    }

    async fn read_until(&mut self, is_complete: impl Fn(&str) -> bool) -> String {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if is_complete(&text) {
                return text;
            }
            let read = tokio::time::timeout(TIMEOUT, self.stream.read_buf(&mut bytes)).await;
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

/// The head of an answer, and its body without chunked framing.
pub(crate) fn head_and_body(answer: &str) -> (String, String) {
    let (head, mut rest) = answer.split_once("\r\n\r\n").unwrap();
    if !head.contains("transfer-encoding: chunked") {
        return (head.to_owned(), rest.to_owned());
    }
    let mut body = String::new();
    while let Some((size, tail)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (head.to_owned(), body);
        }
        body.push_str(&tail[..size]);
        rest = &tail[size + 2..];
    }
    panic!("the body does not end with an empty chunk: {answer}");
}

/// A POST request with a body.
pub(crate) fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}
