//! The figures tell a broken method and a broken network from sound ones.

use std::fs;
use std::path::{Path, PathBuf};

use convscope::evaluation::{random_weights, weighted_nodes};
use convscope::onnx::Model;
use serde_json::Value;

use super::{evaluation, value};
use crate::convnet::context_of;

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name)
}

fn photo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/photos/cat.png")
}

fn control<'j>(class: &'j Value, name: &str) -> &'j Value {
    let controls = class["controls"].as_array().unwrap();
    controls.iter().find(|it| it["control"] == name).unwrap()
}

#[test]
fn a_random_map_is_told_from_the_map_of_a_sound_method() {
    let mut wrong = Vec::new();
    for (name, figures) in [
        ("cats_and_dogs_small_1", &["deletion", "insertion", "road"][..]),
        ("efficientnet_lite0", &["road"]),
    ] {
        let asked: Vec<_> = figures.iter().map(|figure| ("figure", *figure)).collect();
        let found = evaluation(&context_of(&model(name)), &photo(), &asked);
        let class = &found["classes"][0];
        let (map, random) = (&class["maps"][0], control(class, "random"));
        for figure in figures {
            let better_than = &super::figure(map, figure)["better_than"];
            if !better_than.as_array().unwrap().contains(&"random".into()) {
                wrong.push(format!("{name}: {figure} is no better than that of the random map"));
            }
        }
        let (sound, broken) = (value(map, "road"), value(random, "road"));
        if sound < broken + 0.03 {
            wrong.push(format!("{name}: road {sound}, that of the random map {broken}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_network_with_random_weights_is_told_from_the_trained_one() {
    let folder = std::env::temp_dir().join(format!("convscope-random-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let trained = model("cats_and_dogs_small_1");
    for file in ["model.toml", "labels.json"] {
        fs::copy(trained.join(file), folder.join(file)).unwrap();
    }
    let graph = Model::decode(&fs::read(trained.join("model.onnx")).unwrap()).unwrap();
    let nodes = weighted_nodes(&graph).unwrap().len();
    let graph = random_weights(graph, nodes, 0).unwrap();
    fs::write(folder.join("model.onnx"), graph.encode()).unwrap();
    let asked = [("figure", "deletion"), ("figure", "insertion"), ("figure", "road")];
    let found = |folder: &Path| {
        let class = evaluation(&context_of(folder), &photo(), &asked)["classes"][0].clone();
        let map = &class["maps"][0];
        (value(map, "insertion") - value(map, "deletion"), value(map, "road"))
    };
    let (sound, broken) = (found(&trained), found(&folder));
    fs::remove_dir_all(&folder).unwrap();
    assert!(sound.0 > broken.0 + 0.2, "{sound:?} {broken:?}");
    assert!(sound.1 > broken.1 + 0.05, "{sound:?} {broken:?}");
}

#[test]
fn randomization_tells_maps_that_do_not_depend_on_the_weights() {
    let asked = [("method", "gradcam"), ("figure", "randomization"), ("depths", "2")];
    let found = evaluation(&context_of(&model("cats_and_dogs_small_1")), &photo(), &asked);
    let class = &found["classes"][0];
    assert!(value(&class["maps"][0], "randomization").abs() < 0.5, "{class}");
    assert_eq!(value(control(class, "gaussian"), "randomization"), 1.0);
}
