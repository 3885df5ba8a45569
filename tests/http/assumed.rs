//! What answers tell of a preprocessing that is assumed.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use convscope::config::HttpLimits;
use convscope::runtime::Engine;
use convscope::service::LoadedModels;

use super::client::{Client, app};
use super::pictures;

/// The bundled model without its card.
fn without_card() -> Client {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("without-card");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let model = include_bytes!("../../models/cats_and_dogs_small_1/model.onnx");
    fs::write(folder.join("model.onnx"), model).unwrap();
    let models = LoadedModels::open(&folder, &Engine::default()).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    Client::of(Arc::new(app(models, 4, HttpLimits::default())))
}

#[tokio::test]
async fn every_json_answer_lists_what_is_assumed_of_the_preprocessing() {
    let client = without_card();
    let picture = pictures::png();
    for route in ["/predict", "/activations", "/gradcam"] {
        let answer = client.post(route, "application/json", &picture).await.json();
        let assumed = answer["assumed"].as_array().unwrap();
        let crop = assumed.iter().find(|value| value["key"] == "input.crop");
        assert_eq!(crop.unwrap()["value"], "none", "{route}");
        let path = format!("{route}?preset=torchvision");
        let answer = client.post(&path, "application/json", &picture).await.json();
        assert!(answer.get("assumed").is_none(), "{route}");
    }
    let headers = [("content-type", "image/png"), ("accept", "text/event-stream")];
    let path = "/explain?method=gradcam";
    let stream = client.send_unchecked("POST", path, &headers, picture).await;
    let text = String::from_utf8(stream.file()).unwrap();
    assert!(text.contains(r#""assumed":[{"key":"input."#), "{text}");
}
