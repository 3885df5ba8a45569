//! The 256 rows of every colour map are those of matplotlib, and of OpenCV for jet.

use convscope::render::{Colormap, UnknownColormap};

use crate::preprocess::reference;

#[test]
fn every_row_is_that_of_matplotlib_or_opencv() {
    for map in Colormap::ALL {
        let strip = image::open(reference(&format!("colormap_{map}.png"))).unwrap().into_rgb8();
        for (level, row) in map.rows().into_iter().enumerate() {
            assert_eq!(strip.get_pixel(level as u32, 3).0, row, "{map}, level {level}");
        }
    }
}

#[test]
fn maps_are_found_by_name() {
    for map in Colormap::ALL {
        assert_eq!(map.name().parse(), Ok(map));
    }
    let error = "Viridis".parse::<Colormap>().unwrap_err();
    assert_eq!(error, UnknownColormap("Viridis".to_owned()));
    for map in Colormap::ALL {
        assert!(error.to_string().contains(map.name()));
    }
}
