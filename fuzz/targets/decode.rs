//! Decodes a picture file. The decoder must keep the limits of pixels and memory, or refuse the
//! file.

#![no_main]

mod panics;

use convscope::config::ImageLimits;
use convscope::preprocess::decode;
use libfuzzer_sys::fuzz_target;

const LIMITS: ImageLimits = ImageLimits { pixels: 1 << 20, side: 4096, decode_bytes: 16 << 20 };

fuzz_target!(init: panics::print_panics(), |bytes: &[u8]| {
    if let Ok(picture) = decode(bytes, &LIMITS) {
        let pixels = u64::from(picture.width()) * u64::from(picture.height());
        assert!(pixels > 0 && pixels <= LIMITS.pixels);
        assert_eq!(picture.pixels.as_raw().len() as u64, 3 * pixels);
    }
});
