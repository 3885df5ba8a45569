//! FullGrad of small networks against its authors' decomposition in float64
//! (`tests/reference/methods/fullgrad/make_references.py`).

use std::path::Path;

use convscope::service::{Explain, OutputFormat};
use ndarray::Axis;

use crate::convnet::{ask_about, context_of, largest, npz};

const CLASSES: [&str; 2] = ["1", "3"];
const PICTURES: [&str; 2] = ["0.png", "1.png"];
const NETWORKS: [&str; 3] = ["vgg", "resnet", "mobilenet"];

/// As a part of the largest value, unless the reference states a larger one.
const TOLERANCE: f64 = 2e-4;

#[test]
fn maps_and_sums_are_those_of_the_authors() {
    let methods = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/methods");
    let references = npz(&std::fs::read(methods.join("fullgrad/maps.npz")).unwrap());
    let mut wrong = Vec::new();
    for network in NETWORKS {
        let context = context_of(&methods.join("cams").join(network));
        for rescale in ["layer", "channel"] {
            let key = format!("{network}/{rescale}");
            let expected = &references[&key];
            let stated = references[&format!("tolerance/{key}")].iter().copied().next().unwrap();
            let mut asked = vec![("method", "fullgrad"), ("score", "logit"), ("rescale", rescale)];
            asked.extend(CLASSES.map(|class| ("class", class)));
            let mut error = 0.0f64;
            for (index, expected) in expected.axis_iter(Axis(0)).enumerate() {
                let path = methods.join("cams").join(PICTURES[index]);
                let ask = |format| ask_about::<Explain>(&context, &path, format, &asked).body;
                let found = npz(&ask(OutputFormat::Npz));
                for (class, expected) in CLASSES.iter().zip(expected.axis_iter(Axis(0))) {
                    let found = &found[&format!("fullgrad/{class}")];
                    error = error.max(largest(&(found - &expected)));
                }
                let json: serde_json::Value =
                    serde_json::from_slice(&ask(OutputFormat::Json)).unwrap();
                for class in 0..CLASSES.len() {
                    let stated = &json["maps"][class]["completeness"];
                    let figure = |name: &str| stated[name].as_f64().unwrap();
                    let of = |name: &str| references[&format!("{network}/{name}")][[index, class]];
                    let residue = of("logits") - of("sums");
                    let pairs = [("sum", of("sums")), ("difference", of("logits"))];
                    for (name, expected) in [pairs[0], pairs[1], ("residue", residue)] {
                        if (figure(name) - expected).abs() > 1e-4 {
                            wrong.push(format!("{key}: {name} is {stated}, not {expected}"));
                        }
                    }
                }
            }
            let error = error / largest(expected);
            if error > stated.max(TOLERANCE) {
                wrong.push(format!("{key}: {error:.1e}, allowed {:.1e}", stated.max(TOLERANCE)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
