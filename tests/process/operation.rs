//! What an operator sees and uses: the admin listener, API keys, limits of the system, and the log.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::lifecycle::{PREDICT, folder};
use super::program::{Program, convscope, receive, send};
use crate::http::pictures;

const ADMIN: [&str; 2] = ["--admin-listen", "127.0.0.1:0"];

/// Asks the admin listener.
fn ask_admin(program: &Program, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(&program.admin).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    send(&mut stream, &format!("GET {path} HTTP/1.1"), b"");
    receive(&mut stream)
}

#[test]
fn the_admin_listener_serves_probes_and_metrics_without_a_key() {
    let flags = [&ADMIN[..], &["--api-keys", "0123456789abcdef"]].concat();
    let mut program = Program::start(&folder("admin"), &flags);
    assert_eq!(program.ask("GET /metrics HTTP/1.1", b"").0, 401);
    let (status, metrics) = ask_admin(&program, "/metrics");
    assert!(status == 200 && metrics.contains("convscope_workers"), "{status} {metrics}");
    assert_eq!(ask_admin(&program, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(ask_admin(&program, "/readyz").0, 200);
    for path in ["/", "/models", "/info", "/predict"] {
        assert_eq!(ask_admin(&program, path).0, 404, "{path}");
    }
    let check = convscope()
        .args(["healthcheck", "--listen", "127.0.0.1:9", "--admin-listen", &program.admin])
        .output();
    assert!(check.unwrap().status.success());
    program.signal("TERM");
    assert!(program.end().0.success());
}

#[test]
fn the_admin_listener_answers_while_the_main_listener_drains() {
    let flags = [&ADMIN[..], &["--drain-timeout", "2"]].concat();
    let mut program = Program::start(&folder("admin_drains"), &flags);
    let mut half = program.connect();
    half.write_all(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n").unwrap();
    thread::sleep(Duration::from_millis(100));
    program.signal("TERM");
    program.wait_for("draining");
    let (status, body) = ask_admin(&program, "/readyz");
    assert!(status == 503 && body.contains("shutting-down"), "{status} {body}");
    assert_eq!(ask_admin(&program, "/metrics").0, 200);
    assert!(program.end().0.success());
}

/// Raises this process's own limit of open files, for tests with many connections.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

#[test]
fn a_thousand_idle_connections_do_not_starve_probes_and_metrics() {
    raise_open_files();
    // The server gets a hard limit that does not carry the 1,024 connections of the default.
    let flags = ["--max-connections-per-address", "0", "--header-timeout", "60"];
    let flags = [&ADMIN[..], &flags].concat();
    let program = Program::start_limited("ulimit -n 1024", &folder("idle"), &flags);
    let info = program.ask("GET /info HTTP/1.1", b"").1;
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["limits"]["max_connections"], 736);
    // The kernel takes some more connections than the server accepts, and drops the rest.
    let address = program.address.parse().unwrap();
    let connect = |_| TcpStream::connect_timeout(&address, Duration::from_millis(20)).ok();
    let idle: Vec<TcpStream> = (0..1100).filter_map(connect).collect();
    assert!(idle.len() > 768, "{}", idle.len());
    for path in ["/healthz", "/readyz", "/metrics"] {
        let begun = Instant::now();
        let (status, body) = ask_admin(&program, path);
        assert_eq!(status, 200, "{path}: {body}");
        assert!(begun.elapsed() < Duration::from_secs(1), "{path}: {:?}", begun.elapsed());
    }
    let (_, metrics) = ask_admin(&program, "/metrics");
    let open = metrics.lines().find_map(|line| line.strip_prefix("process_open_fds ")).unwrap();
    let open: f64 = open.parse().unwrap();
    assert!((760.0..1000.0).contains(&open), "{open}");
    drop(idle);
    let begun = Instant::now();
    while program.status(PREDICT, &pictures::png()) != Some(200) {
        assert!(begun.elapsed() < Duration::from_secs(10), "closed connections occupy places");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_limit_of_open_files_is_raised_and_a_low_one_is_reported() {
    let program =
        Program::start_limited("ulimit -Sn 256; ulimit -Hn 4096", &folder("nofile"), &ADMIN);
    let (_, metrics) = ask_admin(&program, "/metrics");
    assert!(metrics.contains("\nprocess_max_fds 4096.0\n"), "{metrics}");
    let info = program.ask("GET /info HTTP/1.1", b"").1;
    assert!(info.contains("\"max_connections\":1024"), "{info}");
    let program = Program::start_limited("ulimit -n 512", &folder("low"), &[]);
    let warning = program.before_ready("the limit of open files is too low");
    assert_eq!(
        (warning["wanted"].as_u64(), warning["connections"].as_u64()),
        (Some(1024), Some(224))
    );
    assert_eq!(program.ask(PREDICT, &pictures::png()).0, 200);
}

#[test]
fn keys_are_read_again_on_sighup_and_the_log_shows_their_names() {
    let folder = folder("keys_again");
    let file = folder.join("keys.txt");
    fs::write(&file, "alice:0123456789abcdef\n").unwrap();
    let program = Program::start(&folder, &["--api-keys-file", file.to_str().unwrap()]);
    let models =
        |key: &str| program.ask(&format!("GET /models HTTP/1.1\r\nX-API-Key: {key}"), b"").0;
    assert_eq!((models("0123456789abcdef"), models("fedcba9876543210")), (200, 401));
    assert_eq!(program.wait_for("request")["key"], "alice");
    assert_eq!(program.wait_for("request")["key"], Value::Null);
    fs::write(&file, "bob = fedcba9876543210\n0000111122223333\n").unwrap();
    program.signal("HUP");
    assert_eq!(program.wait_for("API keys read again")["keys"], 2);
    assert_eq!((models("0123456789abcdef"), models("fedcba9876543210")), (401, 200));
    program.wait_for("request");
    assert_eq!(program.wait_for("request")["key"], "bob");
    assert_eq!(models("0000111122223333"), 200);
    let label = program.wait_for("request")["key"].as_str().unwrap().to_owned();
    assert!(label.starts_with("key-") && !label.contains("0000"), "{label}");
    // A file that is not valid changes nothing.
    fs::write(&file, "carol:short\n").unwrap();
    program.signal("HUP");
    let line = program.wait_for("API keys not read; the old ones stay valid");
    assert!(line["error"].as_str().unwrap().contains("has 5 characters"), "{line}");
    assert_eq!(models("fedcba9876543210"), 200);
}

#[test]
fn a_long_path_and_a_long_method_do_not_make_a_long_line() {
    let program = Program::start(&folder("long"), &[]);
    let path = "/x".repeat(30_000);
    assert_eq!(program.ask(&format!("GET {path} HTTP/1.1"), b"").0, 404);
    let line = program.wait_for("request");
    assert_eq!(line["path"].as_str().unwrap().chars().count(), 257, "{line}");
    assert_eq!(program.ask(&format!("{} / HTTP/1.1", "X".repeat(30_000)), b"").0, 405);
    let line = program.wait_for("request");
    assert!(line.to_string().len() < 1000, "{line}");
}

/// The lines on standard error of a server that does not start, and its exit code.
fn start_error(flags: &[&str], log: Option<&str>) -> (Vec<String>, Option<i32>) {
    let mut command = convscope();
    if let Some(log) = log {
        command.env("CONVSCOPE_LOG", log);
    }
    let output = command.arg("serve").args(flags).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    (text.lines().map(str::to_owned).collect(), output.status.code())
}

#[test]
fn with_a_json_log_every_line_of_a_failed_start_is_json() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let cases: [(&[&str], &str, i32); 3] = [
        (&["--log-json", "--listen", &address], "cannot listen on", 1),
        (&["--log-json", "--api-keys", "short"], "has 5 characters", 1),
        (&["--log-json", "--queue", "many"], "invalid value 'many'", 2),
    ];
    for (flags, says, code) in cases {
        let (lines, found) = start_error(flags, None);
        let parsed: Vec<Value> =
            lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
        let last = parsed.last().unwrap();
        assert_eq!((found, last["level"].as_str()), (Some(code), Some("ERROR")), "{last}");
        assert!(last["message"].as_str().unwrap().contains(says), "{last}");
        assert!(last["timestamp"].as_str().unwrap().ends_with('Z'), "{last}");
    }
}

#[test]
fn a_file_of_keys_that_is_not_regular_or_too_large_ends_the_start() {
    let folder = folder("odd_keys");
    let [fifo, large] = ["fifo", "large"].map(|name| folder.join(name));
    let _ = fs::remove_file(&fifo);
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    fs::File::create(&large).unwrap().set_len((1 << 20) + 1).unwrap();
    let (fifo, large) = (fifo.to_str().unwrap(), large.to_str().unwrap());
    for (file, says) in [
        (fifo, "not a regular file"),
        ("/dev/zero", "not a regular file"),
        (large, "more than 1048576 bytes"),
    ] {
        // The limits end a server that waits or reads for ever.
        let script = "ulimit -v 4000000; exec timeout 20 \"$0\" serve --listen 127.0.0.1:0 \
                      --api-keys-file \"$1\"";
        let program = env!("CARGO_BIN_EXE_convscope");
        let output = Command::new("sh").args(["-c", script, program, file]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{file}: {text}");
        assert!(text.contains(file) && text.contains(says), "{text}");
    }
}

#[test]
fn an_invalid_log_filter_ends_the_start_with_one_line() {
    for filter in ["inof", "convscope=loud", "info,"] {
        let (lines, code) = start_error(&["--listen", "127.0.0.1:0"], Some(filter));
        assert_eq!((lines.len(), code), (1, Some(1)), "{filter}: {lines:?}");
        assert!(lines[0].contains("CONVSCOPE_LOG") && lines[0].contains("debug"), "{lines:?}");
    }
    // An empty variable counts as not set.
    Program::start_limited("export CONVSCOPE_LOG=", &folder("no_filter"), &[]);
}
