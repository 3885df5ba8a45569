//! Resizing equals Pillow's, pixel by pixel.

use convscope::config::Layout;
use convscope::preprocess::{Color, Crop, Preprocessing, Resize};

use super::{picture, reference};

/// The resizing alone, as bytes.
fn resized(preprocessing: Preprocessing) -> Vec<u8> {
    let preprocessing = Preprocessing { scale: 1.0, layout: Layout::Nhwc, ..preprocessing };
    preprocessing.check().unwrap();
    preprocessing.tensor(&picture("cat.png")).iter().map(|&value| value as u8).collect()
}

fn expected(name: &str, grey: bool) -> Vec<u8> {
    let picture = image::open(reference(&format!("resize/{name}.png"))).unwrap();
    if grey { picture.into_luma8().into_raw() } else { picture.into_rgb8().into_raw() }
}

#[test]
fn every_filter_equals_pillow() {
    for (name, resize) in
        [("nearest", Resize::Nearest), ("bilinear", Resize::Bilinear), ("bicubic", Resize::Bicubic)]
    {
        let preprocessing = Preprocessing { resize, ..Preprocessing::default() };
        for size in [[50, 50], [224, 60], [133, 71], [30, 240]] {
            let found = resized(Preprocessing { size, ..preprocessing.clone() });
            let file = format!("{name}_{}x{}", size[0], size[1]);
            assert!(found == expected(&file, false), "{file}");
        }
        let grey = Preprocessing { size: [50, 50], color: Color::Gray, ..preprocessing.clone() };
        assert!(resized(grey) == expected(&format!("{name}_grey_50x50"), true), "{name} grey");

        let (crop, resize_to) = (Crop::Center, Some(60));
        let found =
            resized(Preprocessing { size: [56, 56], crop, resize_to, ..preprocessing.clone() });
        assert!(found == expected(&format!("{name}_center_60_56"), false), "{name} center");
    }
}

#[test]
fn a_crop_without_resize_to_covers_the_size() {
    let preprocessing =
        Preprocessing { crop: Crop::Center, resize: Resize::Bilinear, ..Preprocessing::default() };
    let square = Preprocessing { size: [90, 90], ..preprocessing.clone() };
    let same = Preprocessing { resize_to: Some(90), ..square.clone() };
    assert!(resized(square) == resized(same));
    for size in [[10, 300], [300, 10], [1, 1], [133, 200]] {
        let found = resized(Preprocessing { size, ..preprocessing.clone() });
        assert_eq!(found.len(), size[0] * size[1] * 3);
        assert!(found.iter().any(|&value| value > 0));
    }
}

#[test]
fn values_that_are_not_valid_are_refused() {
    let good = Preprocessing::default();
    let cases = [
        (Preprocessing { size: [0, 4], ..good.clone() }, "size is [0, 4]"),
        (Preprocessing { scale: f32::NAN, ..good.clone() }, "scale is NaN"),
        (Preprocessing { std: [1.0, 0.0, 1.0], ..good.clone() }, "std is 0"),
        (
            Preprocessing { crop: Crop::Center, resize_to: Some(9), ..good.clone() },
            "resize_to is 9",
        ),
    ];
    for (preprocessing, expected) in cases {
        let error = preprocessing.check().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(good.check(), Ok(()));
}
