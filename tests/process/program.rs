use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The longest time that a test waits for a line of the log, an answer or the exit.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A server process and its log.
pub(super) struct Program {
    child: Child,
    log: Mutex<Receiver<Value>>,
    pub(super) address: String,
}

pub(super) fn convscope() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_convscope"));
    command.env_remove("CONVSCOPE_LOG").stdin(Stdio::null());
    command
}

impl Program {
    /// Starts a server of the models in `folder` and waits until it is ready.
    pub(super) fn start(folder: &Path, flags: &[&str]) -> Self {
        let mut child = convscope()
            .args(["serve", "--listen", "127.0.0.1:0", "--log-json", "--models"])
            .arg(folder)
            .args(flags)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines, log) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if lines.send(value).is_err() {
                    break;
                }
            }
        });
        let mut program = Self { child, log: Mutex::new(log), address: String::new() };
        let listening = program.wait_for("listening");
        program.address = listening["address"].as_str().unwrap().to_owned();
        program.wait_for("ready");
        program
    }

    /// The next line of the log with this message.
    pub(super) fn wait_for(&self, message: &str) -> Value {
        let begun = Instant::now();
        loop {
            let left = TIMEOUT.saturating_sub(begun.elapsed());
            let line = self.log.lock().unwrap().recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("the log has no {message:?}"));
            if line["message"] == message {
                return line;
            }
        }
    }

    pub(super) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits until the process ends. Returns its exit status and how long it took.
    pub(super) fn end(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, begun.elapsed());
            }
            assert!(begun.elapsed() < TIMEOUT, "the process does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream
    }

    /// Sends one request over a new connection and returns status and body.
    pub(super) fn ask(&self, head: &str, body: &[u8]) -> (u16, String) {
        let mut stream = self.connect();
        send(&mut stream, head, body);
        receive(&mut stream)
    }

    /// The resident memory in bytes.
    pub(super) fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The largest resident memory so far, in bytes.
    pub(super) fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// A field of `/proc/ID/status`, in bytes.
    fn status(&self, field: &str) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }
}

/// Sends a request. `head` is its request line and more headers.
pub(super) fn send(stream: &mut TcpStream, head: &str, body: &[u8]) {
    let length = body.len();
    let head =
        format!("{head}\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
}

/// Reads an answer until the connection is closed, and returns status and body.
pub(super) fn receive(stream: &mut TcpStream) -> (u16, String) {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
