//! What is a model in the models folder, and which files a model may have.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use convscope::gradient::Rules;
use convscope::onnx::pb::tensor_proto::DataLocation;
use convscope::onnx::pb::{ModelProto, StringStringEntryProto};
use convscope::runtime::{CancellationToken, Engine};
use convscope::service::{LoadedModels, ModelLoader, ModelRegistry};
use prost::Message;

const FILES: [&str; 3] = ["model.onnx", "model.toml", "labels.json"];

fn bundled() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/cats_and_dogs_small_1")
}

fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("models-folder").join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Makes a model folder with a copy of the bundled model.
fn add(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for file in FILES {
        fs::copy(bundled().join(file), folder.join(file)).unwrap();
    }
}

/// The names of the models that were loaded from `folder`, and the refused ones with their errors.
/// The bundled model is left out.
fn load(folder: &Path) -> (Vec<String>, Vec<(String, String)>) {
    let registry = ModelRegistry::from(LoadedModels::empty());
    ModelLoader::new(folder, "none", Engine::default()).reload(&registry, true).unwrap();
    let models = registry.current();
    let loaded = models.iter().map(|model| model.name().to_owned());
    let loaded = loaded.filter(|name| name != "cats_and_dogs_small_1").collect();
    let refused = models.refused().iter().map(|it| (it.name.clone(), it.error.to_string()));
    (loaded, refused.collect())
}

/// The error of the only model in `folder`.
fn refusal(folder: &Path) -> String {
    let (loaded, mut refused) = load(folder);
    assert_eq!((loaded.len(), refused.len()), (0, 1), "{loaded:?} {refused:?}");
    refused.remove(0).1
}

#[test]
fn names_with_a_dot_in_front_are_no_models() {
    let folder = folder("dots");
    add(&folder.join("..data"));
    add(&folder.join(".git"));
    fs::write(folder.join("._mine.onnx"), "resource fork").unwrap();
    assert_eq!(load(&folder), (vec![], vec![]));
}

#[test]
fn two_models_of_one_name_are_refused() {
    let folder = folder("twice");
    add(&folder.join("x"));
    fs::copy(bundled().join("model.onnx"), folder.join("x.onnx")).unwrap();
    let error = refusal(&folder);
    assert!(error.contains("x.onnx") && error.contains("rename one of them"), "{error}");
}

#[test]
fn a_name_that_is_not_utf_8_is_refused() {
    let folder = folder("bytes");
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.onnx");
    fs::copy(bundled().join("model.onnx"), folder.join(name)).unwrap();
    let error = refusal(&folder);
    assert!(error.contains("not UTF-8"), "{error}");
}

#[test]
fn a_name_with_a_control_character_is_refused_in_one_line() {
    let folder = folder("control");
    fs::copy(bundled().join("model.onnx"), folder.join("a\nready.onnx")).unwrap();
    add(&folder.join("b\u{1b}[2J"));
    let (loaded, refused) = load(&folder);
    assert_eq!(loaded, Vec::<String>::new());
    let names: Vec<&str> = refused.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a\\nready", "b\\u{1b}[2J"]);
    for (name, error) in &refused {
        assert!(error.contains("control character") && error.contains(name.as_str()), "{error}");
        assert!(!error.contains(char::is_control), "{error:?}");
    }
}

#[test]
fn a_card_larger_than_any_card_is_refused() {
    let folder = folder("large-card");
    add(&folder.join("x"));
    let card = fs::File::create(folder.join("x/model.toml")).unwrap();
    card.set_len((16 << 20) + 1).unwrap();
    let error = refusal(&folder);
    assert!(error.contains("model.toml: it has more than 16777216 bytes"), "{error}");
}

#[test]
fn a_file_that_is_not_regular_is_refused_and_nobody_waits_for_it() {
    let folder = folder("fifo");
    assert!(Command::new("mkfifo").arg(folder.join("a.onnx")).status().unwrap().success());
    add(&folder.join("b"));
    for file in ["model.toml", "labels.json", "gradient.onnx"] {
        let path = folder.join("b").join(file);
        let _ = fs::remove_file(&path);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let (loaded, refused) = load(&folder);
        assert_eq!((loaded.len(), refused.len()), (0, 2), "{file}");
        let errors = refused.iter().filter(|(_, error)| error.contains("not a regular file"));
        assert_eq!(errors.count(), 2, "{refused:?}");
        fs::remove_file(&path).unwrap();
        let _ = fs::copy(bundled().join(file), &path);
    }
}

#[test]
fn the_files_of_a_card_stay_in_its_folder() {
    let folder = folder("outside");
    let secret = folder.join("secret.txt");
    fs::write(&secret, "root\nhunter2\n").unwrap();
    for location in ["/proc/self/environ", "../secret.txt", "link.txt", "sub/../../secret.txt"] {
        let model = folder.join("x");
        add(&model);
        fs::create_dir_all(model.join("sub")).unwrap();
        let _ = symlink(&secret, model.join("link.txt"));
        fs::write(model.join("model.toml"), format!("[output]\nlabels = {location:?}\n")).unwrap();
        let error = refusal(&folder);
        assert!(error.contains("outside of the model's folder"), "{location}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

/// A mounted ConfigMap: the files are links to `..data`, a link to the folder of a version.
#[test]
fn links_of_mounted_configuration_stay_within_the_folder() {
    let folder = folder("mounted");
    let model = folder.join("x");
    add(&model.join("..2026_11_30"));
    symlink("..2026_11_30", model.join("..data")).unwrap();
    for file in FILES {
        symlink(Path::new("..data").join(file), model.join(file)).unwrap();
    }
    assert_eq!(load(&folder), (vec!["x".to_owned()], vec![]));
}

/// Writes the bundled model to `folder/x` with its largest weight in the file at `location`.
fn with_external_data(folder: &Path, location: &str) {
    add(&folder.join("x"));
    let file = folder.join("x/model.onnx");
    let mut model = ModelProto::decode(fs::read(&file).unwrap().as_slice()).unwrap();
    let weights = &mut model.graph.as_mut().unwrap().initializer;
    let weight = weights.iter_mut().max_by_key(|weight| weight.raw_data.len()).unwrap();
    let data = std::mem::take(&mut weight.raw_data);
    weight.data_location = Some(DataLocation::External.into());
    let entry = |key: &str, value: &str| StringStringEntryProto {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let length = data.len().to_string();
    weight.external_data =
        vec![entry("location", location), entry("offset", "16"), entry("length", &length)];
    let place = folder.join("x").join(location);
    fs::write(place, [vec![7; 16], data].concat()).unwrap();
    fs::write(file, model.encode_to_vec()).unwrap();
}

#[test]
fn external_data_is_read_from_the_folder_only() {
    let folder = folder("external");
    with_external_data(&folder, "weights.bin");
    assert_eq!(load(&folder), (vec!["x".to_owned()], vec![]));
    fs::write(folder.join("x/weights.bin"), [7; 1000]).unwrap();
    let error = refusal(&folder);
    assert!(error.contains("weights.bin") && error.contains("beyond the end"), "{error}");
    with_external_data(&folder, "../weights.bin");
    let error = refusal(&folder);
    assert!(error.contains("outside of the model's folder"), "{error}");
}

#[test]
fn many_tensors_that_share_external_data_are_refused() {
    let folder = folder("external-shared");
    with_external_data(&folder, "weights.bin");
    let file = folder.join("x/model.onnx");
    let mut model = ModelProto::decode(fs::read(&file).unwrap().as_slice()).unwrap();
    let weights = &mut model.graph.as_mut().unwrap().initializer;
    let weight = weights.iter().find(|it| !it.external_data.is_empty()).unwrap().clone();
    let copy = |name: &str| {
        let mut copy = weight.clone();
        copy.name = name.to_owned();
        // Another name of the same file.
        copy.external_data[0].value = "./weights.bin".to_owned();
        copy
    };
    weights.push(copy("second"));
    fs::write(&file, model.encode_to_vec()).unwrap();
    assert_eq!(load(&folder), (vec!["x".to_owned()], vec![]));
    model.graph.as_mut().unwrap().initializer.push(copy("third"));
    fs::write(&file, model.encode_to_vec()).unwrap();
    let error = refusal(&folder);
    assert!(error.contains("\"third\"") && error.contains("twice the bytes"), "{error}");
}

#[test]
fn a_model_that_becomes_a_link_to_nothing_stays_in_use() {
    let folder = folder("dangling");
    add(&folder.join("x"));
    let registry = ModelRegistry::from(LoadedModels::empty());
    let loader = ModelLoader::new(&folder, "x", Engine::default());
    loader.reload(&registry, true).unwrap();
    fs::remove_file(folder.join("x/model.onnx")).unwrap();
    symlink("nothing", folder.join("x/model.onnx")).unwrap();
    loader.reload(&registry, false).unwrap();
    let models = registry.current();
    assert!(models.get(Some("x")).is_ok());
    let kept: Vec<&str> = models.kept().map(|kept| kept.name.as_str()).collect();
    assert_eq!(kept, ["x"]);
}

#[test]
fn external_data_is_not_needed_after_loading() {
    let folder = folder("external-gone");
    with_external_data(&folder, "weights.bin");
    let models = LoadedModels::load(&folder, "x", &Engine::default()).unwrap();
    fs::remove_dir_all(folder.join("x")).unwrap();
    let explainer = models.get(Some("x")).unwrap().explainer();
    let gradient = explainer
        .gradient_model(&["conv2d_1"], Rules::GRADIENT, u64::MAX, &CancellationToken::never())
        .unwrap();
    let weights = gradient.model.graph().initializer.iter();
    assert!(weights.clone().all(|weight| weight.external_data.is_empty()));
    assert!(weights.map(|weight| weight.raw_data.len()).sum::<usize>() > 1 << 20);
}
