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
    /// The lines of the log until it was ready.
    start: Vec<Value>,
    pub(super) address: String,
    /// The address of the admin listener, where there is one.
    pub(super) admin: String,
}

pub(super) fn convscope() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_convscope"));
    command.env_remove("CONVSCOPE_LOG").stdin(Stdio::null());
    command
}

impl Program {
    /// Starts a server of the models in `folder` and waits until it is ready.
    pub(super) fn start(folder: &Path, flags: &[&str]) -> Self {
        Self::start_until("ready", convscope(), folder, flags)
    }

    /// The same after a command of the shell, such as `ulimit`.
    pub(super) fn start_limited(command: &str, folder: &Path, flags: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{command}; exec \"$0\" \"$@\"")]);
        shell.arg(env!("CARGO_BIN_EXE_convscope")).env_remove("CONVSCOPE_LOG").stdin(Stdio::null());
        Self::start_until("ready", shell, folder, flags)
    }

    /// Starts a server of the models in `folder` and waits until it listens.
    pub(super) fn loading(folder: &Path, flags: &[&str]) -> Self {
        Self::start_until("listening", convscope(), folder, flags)
    }

    fn start_until(message: &str, mut command: Command, folder: &Path, flags: &[&str]) -> Self {
        let mut child = command
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
        let (log, address) = (Mutex::new(log), String::new());
        let mut program = Self { child, log, start: Vec::new(), address, admin: String::new() };
        while program.start.last().is_none_or(|line| line["message"] != message) {
            program.start.push(program.next_line(message, TIMEOUT));
        }
        let address = |message: &str| program.before_ready(message)["address"].clone();
        let text = |address: Value| address.as_str().unwrap_or_default().to_owned();
        (program.address, program.admin) =
            (text(address("listening")), text(address("admin listening")));
        program
    }

    /// The line of the log before it was ready whose message starts like this.
    pub(super) fn before_ready(&self, message: &str) -> Value {
        let starts = |line: &&Value| {
            line["message"].as_str().is_some_and(|found| found.starts_with(message))
        };
        self.start.iter().find(starts).cloned().unwrap_or_default()
    }

    fn next_line(&self, message: &str, timeout: Duration) -> Value {
        let line = self.log.lock().unwrap().recv_timeout(timeout);
        line.unwrap_or_else(|_| panic!("the log has no {message:?}"))
    }

    /// The next line of the log with this message.
    pub(super) fn wait_for(&self, message: &str) -> Value {
        let begun = Instant::now();
        loop {
            let left = TIMEOUT.saturating_sub(begun.elapsed());
            let line = self.next_line(message, left);
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

    /// The status of one request, if there is an answer.
    pub(super) fn status(&self, head: &str, body: &[u8]) -> Option<u16> {
        let mut stream = self.connect();
        let mut answer = String::new();
        stream.write_all(&request(head, body)).ok()?;
        stream.read_to_string(&mut answer).ok()?;
        answer.split(' ').nth(1)?.parse().ok()
    }

    /// The resident memory in bytes.
    pub(super) fn memory(&self) -> u64 {
        self.process_status("VmRSS:")
    }

    /// The greatest resident memory since the start or [`reset_peak`](Self::reset_peak), in bytes.
    pub(super) fn peak(&self) -> u64 {
        self.process_status("VmHWM:")
    }

    pub(super) fn reset_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    fn process_status(&self, field: &str) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }
}

/// Sends a request. `head` is its request line and more headers.
pub(super) fn send(stream: &mut TcpStream, head: &str, body: &[u8]) {
    stream.write_all(&request(head, body)).unwrap();
}

fn request(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("{head}\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
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
