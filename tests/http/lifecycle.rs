//! Loading, reloading and draining.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use convscope::config::{HttpLimits, Limits};
use convscope::gradient::Rules;
use convscope::http::{AppState, Phase};
use convscope::onnx::pb::ModelProto;
use convscope::runtime::{CancellationToken, Engine, WorkerPool};
use convscope::service::{Context, ForwardCache, LoadedModels, ModelLoader, ModelRegistry};
use prost::Message;

use super::client::{Client, embedded};
use super::pictures;

/// The state of a server with two workers and a forward cache.
fn app(models: LoadedModels, phase: Phase) -> Arc<AppState> {
    let (models, forwards) = (models.into(), ForwardCache::with_capacity(64 << 20));
    let context = Context { models, forwards, limits: Limits::default() };
    let (workers, limits) = (WorkerPool::start(2, 8).unwrap(), HttpLimits::default());
    Arc::new(AppState::new(context, workers, limits).with_phase(phase))
}

#[tokio::test]
async fn a_server_is_ready_when_it_has_loaded_and_until_it_drains() {
    let app = app(LoadedModels::empty(), Phase::Loading);
    let client = Client::of(Arc::clone(&app));
    let state = async || {
        let live = client.get("/healthz").await.status;
        let ready = client.get("/readyz").await;
        let code = (ready.status != 200).then(|| ready.json()["code"].as_str().unwrap().to_owned());
        let predict = client.post("/predict", "*/*", &pictures::png()).await;
        (live, ready.status, code.unwrap_or_default(), predict.status)
    };
    assert_eq!(state().await, (200, 503, "loading".to_owned(), 503));
    let reply = client.get("/models").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{reply}");
    app.context.models.replace(embedded());
    app.advance(Phase::Ready);
    assert_eq!(state().await, (200, 200, String::new(), 200));
    app.advance(Phase::Draining);
    assert_eq!(state().await, (200, 503, "shutting-down".to_owned(), 200));
    app.advance(Phase::Ready);
    assert_eq!(app.phase(), Phase::Draining);
}

/// A models folder with a copy of the convnet under each of `names`.
fn folder(test: &str, names: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    names.iter().for_each(|name| add(&folder, name));
    folder
}

fn add(folder: &Path, name: &str) {
    let convnet = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/cats_and_dogs_small_1");
    let model = folder.join(name);
    fs::create_dir_all(&model).unwrap();
    for file in ["model.onnx", "model.toml", "labels.json"] {
        fs::copy(convnet.join(file), model.join(file)).unwrap();
    }
}

/// Sets the bias of the last layer to NaN: the file stays valid and its answers do not.
fn set_bias_to_nan(file: &Path) {
    let mut model = ModelProto::decode(fs::read(file).unwrap().as_slice()).unwrap();
    let weights = &mut model.graph.as_mut().unwrap().initializer;
    let bias = weights.iter_mut().find(|weight| weight.dims == [1]).unwrap();
    bias.float_data.clear();
    bias.raw_data = f32::NAN.to_le_bytes().to_vec();
    fs::write(file, model.encode_to_vec()).unwrap();
}

/// A registry of the models in `folder`, and their loader.
fn registry(folder: &Path) -> (ModelRegistry, ModelLoader) {
    let registry = ModelRegistry::from(LoadedModels::empty());
    let loader = ModelLoader::new(folder, "a", Engine::default());
    loader.reload(&registry, false).unwrap();
    (registry, loader)
}

fn names(models: &LoadedModels) -> Vec<&str> {
    models.iter().map(|classifier| classifier.name()).collect()
}

const BUNDLED: &str = "cats_and_dogs_small_1";

#[test]
fn a_reload_loads_changed_models_and_keeps_the_rest() {
    let folder = folder("reloaded", &["a", "b", "gone"]);
    let (registry, loader) = registry(&folder);
    let first = registry.current();
    assert_eq!(names(&first), ["a", "b", BUNDLED, "gone"]);
    fs::write(folder.join("b/labels.json"), r#"["x", "y"]"#).unwrap();
    fs::remove_dir_all(folder.join("gone")).unwrap();
    add(&folder, "new");
    loader.reload(&registry, false).unwrap();
    let second = registry.current();
    assert_eq!(names(&second), ["a", "b", BUNDLED, "new"]);
    let same = |name| Arc::ptr_eq(first.get(Some(name)).unwrap(), second.get(Some(name)).unwrap());
    assert_eq!((same("a"), same("b"), same(BUNDLED)), (true, false, true));
    let labels =
        |models: &LoadedModels| models.get(Some("b")).unwrap().info().labels()[0].label.clone();
    assert_eq!((labels(&first).as_str(), labels(&second).as_str()), ("cat", "x"));
    loader.reload(&registry, true).unwrap();
    let third = registry.current();
    assert!(!Arc::ptr_eq(second.get(Some("a")).unwrap(), third.get(Some("a")).unwrap()));
}

#[test]
fn a_broken_file_keeps_the_old_model_and_is_reported() {
    let folder = folder("broken", &["a", "b", "c"]);
    let (registry, loader) = registry(&folder);
    let first = registry.current();
    fs::write(folder.join("a/model.onnx"), "no longer").unwrap();
    fs::write(folder.join("b/model.toml"), "[input]\nscale = true").unwrap();
    set_bias_to_nan(&folder.join("c/model.onnx"));
    fs::write(folder.join("d.onnx"), "never was").unwrap();
    loader.reload(&registry, false).unwrap();
    let second = registry.current();
    assert_eq!(names(&second), ["a", "b", "c", BUNDLED]);
    for name in ["a", "b", "c"] {
        assert!(Arc::ptr_eq(first.get(Some(name)).unwrap(), second.get(Some(name)).unwrap()));
    }
    let refused: Vec<&str> = second.refused().iter().map(|it| it.name.as_str()).collect();
    assert_eq!(refused, ["a", "b", "c", "d"]);
    let cause = &second.refused()[2].error.cause;
    assert!(cause.contains("input.scale"), "not found by the warm-up: {cause}");
    // A refused model is tried again when its files change.
    add(&folder, "a");
    loader.reload(&registry, false).unwrap();
    let third = registry.current();
    assert_eq!(third.refused().len(), 3);
    assert!(!Arc::ptr_eq(first.get(Some("a")).unwrap(), third.get(Some("a")).unwrap()));
}

#[tokio::test]
async fn a_reloaded_model_does_not_use_the_cache_of_the_old_one() {
    let folder = folder("seen", &["a"]);
    let app = app(LoadedModels::load(&folder, "a", &Engine::default()).unwrap(), Phase::Ready);
    let client = Client::of(Arc::clone(&app));
    let ask = async || {
        let reply = client.post("/predict?model=a", "*/*", &pictures::png()).await;
        reply.json()["predictions"][0]["probability"].as_f64().unwrap()
    };
    let first = ask().await;
    assert_eq!(ask().await, first);
    let card = folder.join("a/model.toml");
    let text = fs::read_to_string(&card).unwrap().replace("scale = 0.00392", "scale = 0.00192");
    fs::write(&card, text).unwrap();
    let loader = ModelLoader::new(&folder, "a", Engine::default());
    loader.reload(&app.context.models, false).unwrap();
    assert_ne!(ask().await, first);
}

/// After a model is loaded, nothing is read from its files: not for a layer whose gradient graph
/// has not been compiled, not for a value that the plan does not give, not for a download.
#[tokio::test]
async fn a_kept_model_answers_everything_when_its_files_are_broken() {
    let (old, new) = (folder("whole", &["a"]), folder("rewritten", &["a"]));
    let client = |folder: &Path| {
        Client::of(app(LoadedModels::load(folder, "a", &Engine::default()).unwrap(), Phase::Ready))
    };
    let (whole, kept) = (client(&old), client(&new));
    fs::write(new.join("a/model.onnx"), "broken, in place").unwrap();
    fs::remove_file(new.join("a/model.toml")).unwrap();
    let png = pictures::png();
    let values = whole.get("/models/a").await.json();
    let layers = values["layers"].as_array().unwrap().iter();
    let layers: Vec<String> = layers
        .filter(|layer| layer["explainable"] == true)
        .map(|layer| layer["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(layers.len() > 3, "{values}");
    for layer in &layers {
        for method in ["gradcam", "hirescam"] {
            let path = format!("/explain?model=a&class=1&method={method}&layer={layer}");
            let reply = kept.post(&path, "application/json", &png).await;
            assert_eq!(reply.status, 200, "{reply}");
            let expected = whole.post(&path, "application/json", &png).await;
            assert_eq!(reply.json()["maps"], expected.json()["maps"], "{path}");
        }
    }
    let path = "/models/a/gradient?layer=conv2d_1";
    assert_eq!(kept.get(path).await.file(), whole.get(path).await.file());
}

#[tokio::test]
async fn a_kept_gradient_graph_is_used_when_its_file_is_broken() {
    let folder = folder("gradient-kept", &["a"]);
    let models = LoadedModels::load(&folder, "a", &Engine::default()).unwrap();
    let gradient = models.get(Some("a")).unwrap().explainer().gradient_model(
        &["conv2d_4"],
        Rules::GRADIENT,
        u64::MAX,
        &CancellationToken::never(),
    );
    fs::write(folder.join("a/gradient.onnx"), gradient.unwrap().model.encode()).unwrap();
    let models = LoadedModels::load(&folder, "a", &Engine::default()).unwrap();
    fs::write(folder.join("a/gradient.onnx"), "broken, in place").unwrap();
    let client = Client::of(app(models, Phase::Ready));
    let path = "/gradcam?model=a&class=1&layer=conv2d_4";
    let reply = client.post(path, "application/json", &pictures::png()).await;
    assert_eq!(reply.status, 200, "{reply}");
}

#[tokio::test]
async fn what_could_not_be_loaded_is_in_the_probe_the_description_and_the_metrics() {
    let folder = folder("refused", &["a"]);
    fs::write(folder.join("b.onnx"), "never was").unwrap();
    let app = app(LoadedModels::empty(), Phase::Ready);
    let loader = ModelLoader::new(&folder, "a", Engine::default());
    loader.reload(&app.context.models, true).unwrap();
    let client = Client::of(Arc::clone(&app));
    assert_eq!(client.get("/readyz").await.body, b"ready\nrefused: b\n");
    let refused = client.get("/info").await.json()["models"]["refused"].clone();
    assert_eq!(refused, serde_json::json!([{ "name": "b", "kept": false }]));
    let metrics = client.get("/metrics").await.body;
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(metrics.contains("\nconvscope_models_refused 1\n"), "{metrics}");
    fs::remove_file(folder.join("b.onnx")).unwrap();
    loader.reload(&app.context.models, false).unwrap();
    assert_eq!(client.get("/readyz").await.body, b"ready\n");
}
