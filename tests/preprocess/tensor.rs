//! The model's input equals Keras's.

use convscope::config::Layout;
use convscope::preprocess::{Color, Crop, Preprocessing};
use ndarray::{Array3, Axis};

use super::{bytes, picture, reference};

/// A float32 array of `tests/reference/pictures` and its shape.
pub(crate) fn array(name: &str) -> (Vec<usize>, Vec<f32>) {
    let file = bytes(name);
    let array = npyz::NpyFile::new(&file[..]).unwrap();
    let shape = array.shape().iter().map(|&side| side as usize).collect();
    (shape, array.into_vec().unwrap())
}

fn preprocessing(mode: &str) -> Preprocessing {
    let preprocessing =
        Preprocessing { size: [24, 32], layout: Layout::Nhwc, ..Preprocessing::default() };
    match mode {
        "caffe" => {
            let mean = [103.939, 116.779, 123.68];
            Preprocessing { color: Color::Bgr, scale: 1.0, mean, ..preprocessing }
        }
        "tf" => Preprocessing { scale: 1.0 / 127.5, mean: [1.0; 3], ..preprocessing },
        _ => Preprocessing {
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
            ..preprocessing
        },
    }
}

#[test]
fn every_mode_of_keras_is_a_preprocessing() {
    for mode in ["caffe", "tf", "torch"] {
        let (shape, expected) = array(&format!("tensors/{mode}.npy"));
        let found = preprocessing(mode).tensor(&picture("cat.png"));
        assert_eq!(found.shape(), shape);
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() <= 1e-5, "{mode}: {found} {expected}");
        }
    }
}

#[test]
fn channels_first_holds_the_same_values() {
    let picture = picture("cat.png");
    let last = preprocessing("caffe").tensor(&picture);
    let first = Preprocessing { layout: Layout::Nchw, ..preprocessing("caffe") }.tensor(&picture);
    assert_eq!(first.shape(), [1, 3, 24, 32]);
    assert_eq!(first.permuted_axes([0, 2, 3, 1]), last);
}

/// torchvision's `Resize(256)` and `CenterCrop(224)` of a picture of 451 × 300: it is resized to
/// 384 × 256, and 224 × 224 pixels from (80, 16) are cut out.
#[test]
fn the_window_is_what_torchvision_cuts_out() {
    let (width, height) = (451, 300);
    let pixels = image::RgbImage::new(width, height);
    let picture = convscope::preprocess::Picture { pixels, ..picture("cat.png") };
    let preprocessing = Preprocessing {
        size: [224, 224],
        crop: Crop::Center,
        resize_to: Some(256),
        ..Preprocessing::default()
    };
    let expected = [80.0 / 384.0, 16.0 / 256.0, 224.0 / 384.0, 224.0 / 256.0];
    assert_eq!(preprocessing.window(&picture), expected);
    let whole = Preprocessing { crop: Crop::None, ..preprocessing };
    assert_eq!(whole.window(&picture), [0.0, 0.0, 1.0, 1.0]);
}

/// The picture of the tensor is the one that Pillow resized.
#[test]
fn a_tensor_becomes_the_resized_picture_again() {
    let expected = image::open(reference("resize/nearest_50x50.png")).unwrap().into_rgb8();
    for mode in ["caffe", "tf", "torch"] {
        for layout in [Layout::Nchw, Layout::Nhwc] {
            let preprocessing = Preprocessing { size: [50, 50], layout, ..preprocessing(mode) };
            let tensor = preprocessing.tensor(&picture("cat.png"));
            let view = tensor.index_axis(Axis(0), 0);
            let channels = match layout {
                Layout::Nchw => view,
                Layout::Nhwc => view.permuted_axes([2, 0, 1]),
            };
            assert_eq!(preprocessing.picture(channels), expected, "{mode}");
        }
    }
    let grey = Preprocessing {
        size: [50, 50],
        color: Color::Gray,
        mean: [0.1307; 3],
        std: [0.3081; 3],
        ..Preprocessing::default()
    };
    let expected = image::open(reference("resize/nearest_grey_50x50.png")).unwrap().into_rgb8();
    let tensor = grey.tensor(&picture("cat.png"));
    assert_eq!(grey.picture(tensor.index_axis(Axis(0), 0)), expected);
}

#[test]
fn a_value_that_is_not_finite_is_black() {
    let tensor = Array3::from_elem((3, 1, 1), f32::NAN);
    let picture = Preprocessing::default().picture(tensor.view());
    assert_eq!(picture.get_pixel(0, 0).0, [0; 3]);
}
