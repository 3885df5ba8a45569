//! What hostile request bodies cost in memory.

use std::path::Path;
use std::{fs, thread};

use convscope::config::HttpLimits;

use super::program::Program;

/// A body of the largest size: `unit` repeated between `start` and `end`.
fn body(start: &str, unit: &str, end: &str) -> Vec<u8> {
    let times = (HttpLimits::default().body_bytes - start.len() - end.len()) / unit.len();
    [start, &unit.repeat(times), end].concat().into_bytes()
}

/// Sends the bodies in groups of six at once, and checks that each is refused and that a group
/// takes at most three times its size in memory.
fn check(bodies: &[(&str, Vec<u8>)]) {
    let flags = ["--workers", "2", "--queue", "16", "--cache-bytes", "0"];
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_models");
    fs::create_dir_all(&folder).unwrap();
    let program = Program::start(&folder, &flags);
    let before = program.peak();
    for bodies in bodies.chunks(6) {
        thread::scope(|scope| {
            for (path, body) in bodies {
                let program = &program;
                scope.spawn(move || {
                    let head = format!("POST {path} HTTP/1.1\r\nContent-Type: application/json");
                    let (status, answer) = program.ask(&head, body);
                    assert!((400..500).contains(&status), "{path}: {status}");
                    assert!(answer.len() < 2000, "{path}: {} bytes", answer.len());
                });
            }
        });
    }
    let grown = program.peak() - before;
    let sent = 6 * HttpLimits::default().body_bytes as u64;
    assert!(grown <= 3 * sent, "{} MiB for six bodies of 10 MiB", grown >> 20);
}

#[test]
fn a_json_body_costs_at_most_three_times_its_size() {
    check(&[
        ("/activations", body(r#"{"layer":["#, "0,", "0]}")),
        ("/predict", body(r#"{"image":""#, "AAAA", r#""}"#)),
        ("/predict", body(r#"{"image":""#, r"\/\/", r#""}"#)),
        ("/gradcam", body(r#"{"x":"#, "[", "")),
        ("/explain", body("{", r#""a":0,"#, r#""a":0}"#)),
        ("/predict", body(r#"{"top":""#, "1", r#""}"#)),
    ]);
}

#[test]
fn a_json_body_of_kserve_costs_at_most_three_times_its_size() {
    let (v1, v2) =
        ("/v1/models/cats_and_dogs_small_1:predict", "/v2/models/cats_and_dogs_small_1/infer");
    let input = r#"{"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"data":["#;
    check(&[
        (v1, body(r#"{"instances":["#, "{},", "{}]}")),
        (v1, body(r#"{"x":["#, "[],", "0]}")),
        (v2, body(input, "\"\",", "\"\"]}]}")),
        (v2, body(input, "0,", "0]}]}")),
        (v2, body(input, "[\"\"],", "0]}]}")),
        (v2, body(r#"{"inputs":["#, "{},", "{}]}")),
        (v2, body(r#"{"inputs":[],"outputs":["#, r#"{"name":"logits"},"#, "{}]}")),
        (v2, body(r#"{"inputs":[],"id":""#, "x", r#""}"#)),
    ]);
}
