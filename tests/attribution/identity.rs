//! Where global average pooling and a linear layer follow the explained layer, Grad-CAM is class
//! activation mapping (Zhou et al. 2016): the class's weights times the activations. The network is
//! EfficientNet-Lite0, whose weights are stored as float16.

use std::path::Path;

use convscope::onnx::Model;
use convscope::service::{Activations, Context, Explain, GradCam, OutputFormat};
use ndarray::{Array2, Array3, ArrayD, Axis, Ix3};

use crate::convnet::{ask, context, largest, npy, npz};

const CLASSES: usize = 1000;

/// The value of a finite float16 (IEEE 754-2008, binary16), from its bits.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    match exponent {
        0 => sign * fraction * 2f64.powi(-14),
        _ => sign * (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

/// The last layer's weights, channels × classes.
fn kernel() -> Array2<f64> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/efficientnet_lite0");
    let model = Model::decode(&std::fs::read(folder.join("model.onnx")).unwrap()).unwrap();
    let stored = |name: &str| name == "predictions/kernel/float16";
    let tensor = model.graph().initializer.iter().find(|tensor| stored(&tensor.name)).unwrap();
    let (bits, _) = tensor.raw_data.as_chunks::<2>();
    let values = bits.iter().map(|&bits| half(u16::from_le_bytes(bits))).collect();
    Array2::from_shape_vec((tensor.dims[0] as usize, CLASSES), values).unwrap()
}

#[test]
fn gradcam_before_global_average_pooling_is_class_activation_mapping() {
    let context = context("efficientnet_lite0");
    let activations = activations(&context);
    let (channels, height, width) = activations.dim();
    let kernel = kernel();
    for class in [281, 3, 999] {
        let index = class.to_string();
        let asked = [("class", index.as_str()), ("score", "logit")];
        let found = npy(&ask::<GradCam>(&context, OutputFormat::Npy, &asked).body);
        // The gradient is the weight divided by the number of positions. The book's map is a mean
        // over channels.
        let scale = 1.0 / (channels * height * width) as f64;
        let weights = kernel.column(class).to_owned() * scale;
        let weighted = activations.outer_iter().zip(&weights).map(|(channel, &w)| &channel * w);
        let expected: ArrayD<f64> =
            weighted.fold(Array2::zeros((height, width)), |sum, channel| sum + channel).into_dyn();
        assert_eq!(found.shape(), expected.shape());
        let error = largest(&(&found - &expected)) / largest(&expected);
        assert!(error < 1e-5, "class {class}: {error:e}");
        assert!(expected.lanes(Axis(0)).into_iter().any(|row| row[0] != row[1]));
    }
}

/// The activations of the last layer before global average pooling, channels × height × width.
fn activations(context: &Context) -> Array3<f64> {
    let layer = [("layer", "top_activation")];
    let activations = npz(&ask::<Activations>(context, OutputFormat::Npz, &layer).body);
    activations["top_activation"].clone().into_dimensionality::<Ix3>().unwrap()
}

#[test]
fn ablation_before_global_average_pooling_weighs_by_the_channels_part_of_the_logit() {
    let context = context("efficientnet_lite0");
    let activations = activations(&context);
    let kernel = kernel();
    let asked = [("method", "ablationcam"), ("class", "281"), ("score", "logit")];
    let json = ask::<Explain>(&context, OutputFormat::Json, &asked).body;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let logit = json["maps"][0]["logit"].as_f64().unwrap();
    let weights = activations.outer_iter().zip(kernel.column(281));
    let weights = weights.map(|(a, w)| a.mean().unwrap() * w / logit.abs());
    let expected = activations.outer_iter().zip(weights).map(|(a, weight)| &a * weight);
    let expected = expected.reduce(|sum, a| sum + a).unwrap().into_dyn();
    let found = npy(&ask::<Explain>(&context, OutputFormat::Npy, &asked).body);
    let error = largest(&(&found - &expected)) / largest(&expected);
    assert!(error < 1e-4, "{error:e}");
    let live = activations.outer_iter().filter(|a| a.iter().any(|&a| a != 0.0)).count();
    assert_eq!(json["maps"][0]["passes"], live, "dead channels take no pass");
}

#[test]
fn reciprocam_before_global_average_pooling_is_class_activation_mapping_and_the_bias() {
    let context = context("efficientnet_lite0");
    let activations = activations(&context);
    let positions = (activations.dim().1 * activations.dim().2) as f64;
    let asked = [("method", "reciprocam"), ("class", "281"), ("score", "logit")];
    let found = npy(&ask::<Explain>(&context, OutputFormat::Npy, &asked).body);
    let kernel = kernel();
    let weighted = activations.outer_iter().zip(kernel.column(281)).map(|(a, &w)| &a * w);
    let expected = weighted.reduce(|sum, a| sum + a).unwrap().into_dyn() / positions;
    // The bias is the same everywhere.
    let bias = (&found - &expected).mean().unwrap();
    let error = largest(&(&found - &expected - bias)) / largest(&expected);
    assert!(error < 1e-4, "{error:e}");
}

#[test]
fn cam_is_the_classs_weights_times_the_activations() {
    let context = context("efficientnet_lite0");
    let activations = activations(&context);
    let kernel = kernel();
    let asked = [("method", "cam"), ("class", "281"), ("score", "logit")];
    let found = npy(&ask::<Explain>(&context, OutputFormat::Npy, &asked).body);
    let weighted = activations.outer_iter().zip(kernel.column(281)).map(|(a, &w)| &a * w);
    let expected = weighted.reduce(|sum, a| sum + a).unwrap().into_dyn();
    let error = largest(&(&found - &expected)) / largest(&expected);
    assert!(error < 1e-5, "{error:e}");
    let json = ask::<Explain>(&context, OutputFormat::Json, &asked).body;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["maps"][0]["same_as"], "gradcam");
}

#[test]
fn xgradcam_before_global_average_pooling_is_the_same_as_cam() {
    let context = context("efficientnet_lite0");
    let both = [("class", "281"), ("score", "logit"), ("method", "cam"), ("method", "xgradcam")];
    let maps = npz(&ask::<Explain>(&context, OutputFormat::Npz, &both).body);
    let (cam, xgradcam) = (&maps["cam/281"], &maps["xgradcam/281"]);
    // The gradient of the mean over 49 positions.
    let error = largest(&(&(xgradcam * 49.0) - cam)) / largest(cam);
    assert!(error < 1e-5, "{error:e}");
}

#[test]
fn hirescam_before_global_average_pooling_is_the_same_as_gradcam() {
    let context = context("efficientnet_lite0");
    let asked = [("class", "281"), ("score", "logit"), ("layer", "top_activation")];
    let gradcam = npy(&ask::<GradCam>(&context, OutputFormat::Npy, &asked).body);
    let both = [asked.as_slice(), &[("method", "gradcam"), ("method", "hirescam")]].concat();
    let maps = npz(&ask::<Explain>(&context, OutputFormat::Npz, &both).body);
    assert_eq!(maps["gradcam/281"], gradcam);
    // HiResCAM sums over the 1280 channels where the book takes their mean.
    let expected = &gradcam * 1280.0;
    let error = largest(&(&maps["hirescam/281"] - &expected)) / largest(&expected);
    assert!(error < 1e-5, "{error:e}");
    let json = ask::<Explain>(&context, OutputFormat::Json, &both).body;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["maps"][0].get("same_as"), None);
    assert_eq!(json["maps"][1]["same_as"], "gradcam");
    // Two layers earlier the gradient differs from place to place.
    let early = [("class", "281"), ("method", "hirescam"), ("layer", "block7a_project_bn")];
    let json = ask::<Explain>(&context, OutputFormat::Json, &early).body;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["maps"][0].get("same_as"), None);
}
