//! Valid inputs with random damage. Each is answered or refused; none may cause a panic or end the
//! process. `CONVSCOPE_MUTATIONS=100000 cargo test --release mutation` tries more inputs than an
//! ordinary test run. `fuzz/` does the same, guided by coverage.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use convscope::config::{HttpLimits, ImageLimits};
use convscope::preprocess::decode;
use convscope::runtime::{Engine, Source};
use convscope::service::Classifier;
use serde_json::Value;

use crate::http::client::{Client, FORM, app, embedded, form};
use crate::http::pictures;

/// How many damaged inputs a test tries: `CONVSCOPE_MUTATIONS`, by default `default`.
fn rounds(default: usize) -> usize {
    let given = std::env::var("CONVSCOPE_MUTATIONS").ok();
    given.map_or(default, |rounds| rounds.parse().unwrap())
}

/// The random generator SplitMix64. With a fixed seed the damage is the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Makes up to eight changes: a byte is changed or removed, a piece is repeated, or the rest is
    /// cut off. About half of the changes are among the first 256 bytes.
    fn damage(&mut self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        for _ in 0..=self.below(8) {
            let reach = if self.below(2) == 0 { bytes.len().min(256) } else { bytes.len() };
            let at = self.below(reach);
            match self.below(6) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                1 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                2 if !bytes.is_empty() => bytes[at] = self.next() as u8,
                3 if !bytes.is_empty() => drop(bytes.remove(at)),
                4 => {
                    let piece = bytes[at..bytes.len().min(at + 16)].to_vec();
                    bytes.splice(at..at, piece);
                }
                _ if self.below(8) == 0 => bytes.truncate(at),
                _ => {}
            }
        }
        bytes
    }
}

fn reference(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(folder)
}

#[test]
fn damaged_pictures() {
    let limits = ImageLimits { pixels: 1 << 20, side: 4096, decode_bytes: 16 << 20 };
    let files = fs::read_dir(reference("pictures/decode")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let files: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let mut random = Random(1);
    for round in 0..rounds(2000) {
        let bytes = random.damage(&files[round % files.len()]);
        if let Ok(picture) = decode(&bytes, &limits) {
            assert!(u64::from(picture.width()) * u64::from(picture.height()) <= limits.pixels);
        }
    }
}

/// The small models of the gradient's tests.
fn models() -> Vec<Vec<u8>> {
    let text = fs::read_to_string(reference("gradient/network_cases.jsonl")).unwrap();
    let model = |line: &str| -> Option<Vec<u8>> {
        let case: Value = serde_json::from_str(line).unwrap();
        STANDARD.decode(case["model"].as_str()?).ok()
    };
    text.lines().filter_map(model).filter(|model| model.len() < 100_000).collect()
}

/// Loading a model catches panics, and the error says so.
#[test]
fn damaged_models() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("damaged.onnx");
    let engine = Engine::default();
    let load = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        Classifier::load_and_warm_up(Source::open(&file).unwrap(), &engine)
    };
    let models: Vec<Vec<u8>> = models().into_iter().filter(|model| load(model).is_ok()).collect();
    assert!(models.len() > 10, "{} models load as long as they are whole", models.len());
    let (mut loaded, mut refused, mut random) = (0, 0, Random(2));
    for round in 0..rounds(200) {
        let number = round % models.len();
        match load(&random.damage(&models[number])) {
            Ok(_) => loaded += 1,
            Err(error) => {
                assert!(
                    !error.cause.contains("panicked"),
                    "model {number}, round {round}: {error}"
                );
                refused += 1;
            }
        }
    }
    assert!(loaded > 0 && refused > 0, "{loaded} damaged models load, {refused} do not");
}

#[tokio::test]
async fn damaged_forms() {
    let client = Client::of(Arc::new(app(embedded(), 8, HttpLimits::default())));
    let png = pictures::png();
    let parts =
        [("image", Some("a.png"), &png[..]), ("columns", None, b"4"), ("layer", None, b"conv2d_4")];
    let (good, mut random) = (form(&parts), Random(3));
    for _ in 0..rounds(300) {
        let headers = [("content-type", FORM)];
        let reply = client.send("POST", "/activations", &headers, random.damage(&good)).await;
        assert!(reply.status < 500, "{reply}");
    }
}

#[tokio::test]
async fn damaged_json() {
    let client = Client::of(Arc::new(app(embedded(), 8, HttpLimits::default())));
    let image = STANDARD.encode(pictures::png());
    let v1 = format!(r#"{{"instances": [{{"top": 1, "image": {{"b64": "{image}"}}}}]}}"#);
    let v2 = format!(
        r#"{{"id": "1", "inputs": [
            {{"name": "image", "datatype": "BYTES", "shape": [1], "data": ["{image}"]}}
        ]}}"#
    );
    let own = format!(r#"{{"class": ["cat", 1], "top": 2, "view": "mask", "image": "{image}"}}"#);
    let model = "models/cats_and_dogs_small_1";
    let cases = [
        ("/gradcam".to_owned(), own),
        (format!("/v1/{model}:predict"), v1),
        (format!("/v2/{model}/infer"), v2),
    ];
    let mut random = Random(4);
    for round in 0..rounds(300) {
        let (path, good) = &cases[round % cases.len()];
        let headers = [("content-type", "application/json"), ("accept", "application/json")];
        let reply = client.send("POST", path, &headers, random.damage(good.as_bytes())).await;
        assert!(reply.status < 500, "{reply}");
    }
}

#[tokio::test]
async fn damaged_tensors() {
    let client = Client::of(Arc::new(app(embedded(), 8, HttpLimits::default())));
    let picture = pictures::png();
    let length = u32::try_from(picture.len()).unwrap().to_le_bytes();
    let tensor = [&length[..], &picture].concat();
    let json = format!(
        r#"{{"parameters": {{"binary_data_output": true}}, "inputs": [
            {{"name": "image", "datatype": "BYTES", "shape": [1],
              "parameters": {{"binary_data_size": {}}}}}
        ]}}"#,
        tensor.len()
    );
    let (good, json_length) = ([json.as_bytes(), &tensor].concat(), json.len().to_string());
    let headers = [("inference-header-content-length", json_length.as_str())];
    let path = "/v2/models/cats_and_dogs_small_1/infer";
    assert_eq!(client.send("POST", path, &headers, good.clone()).await.status, 200);
    let mut random = Random(5);
    for _ in 0..rounds(200) {
        let reply = client.send("POST", path, &headers, random.damage(&good)).await;
        assert!(reply.status < 500, "{reply}");
    }
}
