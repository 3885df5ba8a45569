//! Class activation maps of four small networks against pytorch-grad-cam and NumPy in float64
//! (`tests/reference/methods/cams/make_references.py`).

use std::path::{Path, PathBuf};

use convscope::service::{Explain, OutputFormat};
use ndarray::Axis;

use crate::convnet::{ask_about, context_of, largest, npz};

/// The classes and the pictures that are explained.
const CLASSES: [&str; 2] = ["1", "3"];
const PICTURES: [&str; 2] = ["0.png", "1.png"];

/// The smallest tolerance, as a part of the largest value. Where the peer's own map in float32
/// moves more when its weights are moved a little, the reference states a larger one.
const TOLERANCE: f64 = 2e-4;

/// The largest tolerance with which a comparison says something.
const LARGEST_TOLERANCE: f64 = 0.05;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/methods/cams")
}

#[test]
fn maps_are_those_of_the_peers() {
    let references = npz(&std::fs::read(folder().join("maps.npz")).unwrap());
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for network in ["vgg", "resnet", "mobilenet", "swin"] {
        let context = context_of(&folder().join(network));
        for (key, expected) in &references {
            // network/layer/score/method, perhaps with a parameter.
            let words: Vec<&str> = key.splitn(5, '/').collect();
            if words[0] != network {
                continue;
            }
            let stated = references[&format!("tolerance/{key}")].iter().copied().next().unwrap();
            if stated > LARGEST_TOLERANCE {
                continue;
            }
            let mut asked = vec![("layer", words[1]), ("score", words[2]), ("method", words[3])];
            asked.extend(CLASSES.map(|class| ("class", class)));
            asked.extend(words.get(4).map(|parameter| (*parameter, "true")));
            let mut error = 0.0f64;
            for (picture, expected) in PICTURES.iter().zip(expected.axis_iter(Axis(0))) {
                let path = folder().join(picture);
                let found =
                    npz(&ask_about::<Explain>(&context, &path, OutputFormat::Npz, &asked).body);
                for (class, expected) in CLASSES.iter().zip(expected.axis_iter(Axis(0))) {
                    let found = &found[&format!("{}/{class}", words[3])];
                    error = error.max(largest(&(found - &expected)));
                }
            }
            compared += 1;
            let error = error / largest(expected);
            if error > stated.max(TOLERANCE) {
                wrong.push(format!("{key}: {error:.1e}, allowed {:.1e}", stated.max(TOLERANCE)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared > 150, "{compared} maps were compared");
}
