use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::program::{Program, convscope, receive, send};
use crate::http::pictures;

/// A new models folder with a copy of the bundled model called `a`.
pub(super) fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    let convnet = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/cats_and_dogs_small_1");
    fs::create_dir_all(folder.join("a")).unwrap();
    for file in ["model.onnx", "model.toml", "labels.json"] {
        fs::copy(convnet.join(file), folder.join("a").join(file)).unwrap();
    }
    folder
}

pub(super) const PREDICT: &str = "POST /predict?model=a HTTP/1.1\r\nContent-Type: image/png";

#[test]
fn sigterm_answers_requests_in_progress_and_exits_with_0() {
    // Within the delay, all requests are admitted even on a slow machine.
    let flags = ["--workers", "1", "--queue", "8", "--drain-delay", "1.5", "--drain-timeout", "10"];
    let mut program = Program::start(&folder("sigterm"), &flags);
    let idle = program.connect();
    let mut half = program.connect();
    std::io::Write::write_all(&mut half, b"POST /predict HTTP/1.1\r\nHost:").unwrap();
    let mut working: Vec<_> = (0..6).map(|_| program.connect()).collect();
    for stream in &mut working {
        let path = "POST /activations?model=a HTTP/1.1\r\nContent-Type: image/png";
        send(stream, path, &pictures::png());
    }
    program.signal("TERM");
    let (status, took) = program.end();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    for stream in &mut working {
        assert_eq!(receive(stream).0, 200);
    }
    drop(idle);
}

#[test]
fn after_sigterm_the_server_is_not_ready_and_answers_for_the_drain_delay() {
    let mut program = Program::start(&folder("delay"), &["--drain-delay", "1.5"]);
    assert_eq!(program.ask("GET /readyz HTTP/1.1", b"").0, 200);
    program.signal("TERM");
    thread::sleep(Duration::from_millis(200));
    let (status, body) = program.ask("GET /readyz HTTP/1.1", b"");
    assert!(status == 503 && body.contains("shutting-down"), "{status} {body}");
    assert_eq!(program.ask("GET /healthz HTTP/1.1", b"").0, 200);
    assert_eq!(program.ask(PREDICT, &pictures::png()).0, 200);
    assert!(program.end().0.success());
}

#[test]
fn a_changed_folder_is_reloaded_and_a_broken_file_is_refused() {
    let folder = folder("changed");
    let program = Program::start(&folder, &["--reload-interval", "0.1"]);
    let label = || {
        let (status, body) = program.ask(PREDICT, &pictures::png());
        assert_eq!(status, 200, "{body}");
        body
    };
    assert!(label().contains("\"cat\""));
    fs::write(folder.join("a/labels.json"), r#"["lynx", "wolf"]"#).unwrap();
    let reloaded = program.wait_for("models reloaded");
    assert_eq!((reloaded["models"].as_u64(), reloaded["refused"].as_u64()), (Some(2), Some(0)));
    assert!(label().contains("\"lynx\""));
    fs::write(folder.join("a/model.onnx"), "broken").unwrap();
    let refused = program.wait_for("model not loaded");
    assert_eq!(refused["model"], "a");
    assert!(label().contains("\"lynx\""));
    let info = program.ask("GET /info HTTP/1.1", b"").1;
    assert!(info.contains(r#""refused":[{"name":"a","kept":true}]"#), "{info}");
    let metrics = program.ask("GET /metrics HTTP/1.1", b"").1;
    assert!(metrics.contains("\nconvscope_models_kept 1\n"), "{metrics}");
}

#[test]
fn reloading_under_load_fails_no_request_and_leaks_no_memory() {
    let folder = folder("reloads");
    let flags = ["--reload-interval", "0", "--queue", "64", "--cache-bytes", "0"];
    let program = Arc::new(Program::start(&folder, &flags));
    let (ended, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let png = pictures::png();
    let reload = |times: usize| {
        for _ in 0..times {
            program.signal("HUP");
            let reloaded = program.wait_for("models reloaded");
            assert_eq!(reloaded["refused"], 0);
        }
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    while !ended.load(Ordering::Relaxed) {
                        let (status, body) = program.ask(PREDICT, &png);
                        assert_eq!(status, 200, "{body}");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        // After the first reloads, allocator and threads have reached their steady state.
        reload(20);
        let before = min_memory(&program);
        reload(180);
        // Loading and answering cause peaks. The minimum over some seconds is the memory that
        // stays.
        let after = (0..5).map(|_| min_memory(&program)).min().unwrap();
        ended.store(true, Ordering::Relaxed);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert!(after as f64 <= 1.1 * before as f64, "{before} bytes before, {after} after");
    });
    assert!(answered.load(Ordering::Relaxed) > 100);
}

/// The minimum of the resident memory over two seconds.
fn min_memory(program: &Program) -> u64 {
    let samples = (0..40).map(|_| {
        thread::sleep(Duration::from_millis(50));
        program.memory()
    });
    samples.min().unwrap()
}

#[test]
fn the_exit_code_of_healthcheck_is_the_health_of_the_server() {
    let program = Program::start(&folder("health"), &["--drain-delay", "3"]);
    let check = |flags: &[&str]| {
        let mut command = convscope();
        command.args(["healthcheck", "--listen", &program.address]).args(flags);
        command.output().unwrap().status.success()
    };
    assert!(check(&[]) && check(&["--live"]));
    program.signal("TERM");
    thread::sleep(Duration::from_millis(200));
    assert!(!check(&[]) && check(&["--live"]));
    drop(program);
    let unreachable =
        convscope().args(["healthcheck", "--listen", "127.0.0.1:9"]).output().unwrap();
    assert!(!unreachable.status.success());
}

#[test]
fn the_log_has_one_line_per_request_with_stages_and_trace() {
    let program = Program::start(&folder("log"), &[]);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let head =
        format!("{PREDICT}\r\nX-Request-Id: mine\r\ntraceparent: 00-{trace}-00f067aa0ba902b7-01");
    assert_eq!(program.ask(&head, &pictures::png()).0, 200);
    let line = program.wait_for("request");
    assert_eq!(line["id"], "mine");
    assert_eq!(line["trace"], trace);
    assert_eq!(line["route"], "/predict");
    assert_eq!(line["status"], 200);
    assert_eq!(line["model"], "a");
    let stages = ["read", "queue", "decode", "forward", "encode"];
    let sum: f64 = stages.iter().map(|stage| line[stage].as_f64().unwrap()).sum();
    let total = line["milliseconds"].as_f64().unwrap();
    assert!(sum <= total && sum > 0.5 * total, "{sum} of {total}");
    assert_eq!(program.ask("POST /predict?colour=1 HTTP/1.1", &pictures::png()).0, 400);
    let line = program.wait_for("request");
    assert_eq!(
        (line["status"].as_u64(), line["code"].as_str()),
        (Some(400), Some("unknown-parameter"))
    );
}

#[test]
fn api_keys_are_read_from_a_file_and_short_ones_refused() {
    let folder = folder("keys");
    let file = folder.join("keys.txt");
    fs::write(&file, "# a comment\n0123456789abcdef\n\n").unwrap();
    let program = Program::start(&folder, &["--api-keys-file", file.to_str().unwrap()]);
    assert_eq!(program.ask("GET /models HTTP/1.1", b"").0, 401);
    assert_eq!(program.ask("GET /models HTTP/1.1\r\nX-API-Key: 0123456789abcdef", b"").0, 200);
    for (text, says) in [("short\n", "has 5 characters"), ("# none\n", "the file has no API key")] {
        fs::write(&file, text).unwrap();
        let serve = ["serve", "--listen", "127.0.0.1:0", "--api-keys-file"];
        let output = convscope().args(serve).arg(&file).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(says), "{text}");
    }
}
