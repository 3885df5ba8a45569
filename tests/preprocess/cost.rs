//! Files that would cost much more than their size suggests are refused or decoded without it, and
//! decoding stops when it is told to.

use std::cell::Cell;
use std::io::Cursor;

use convscope::config::ImageLimits;
use convscope::preprocess::{Picture, PictureError, decode, decode_while};
use image::{ImageFormat, RgbImage};

use super::{LIMITS, bytes, crc32};

/// The result of decoding with the default limits, and the seconds of processor that it took.
fn timed(file: &[u8]) -> (Result<Picture, PictureError>, f64) {
    let begun = processor_seconds();
    let result = decode(file, &ImageLimits::default());
    (result, processor_seconds() - begun)
}

/// The time for which this thread has run. Other tests do not count.
#[cfg(target_os = "linux")]
fn processor_seconds() -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    statistics.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

#[cfg(not(target_os = "linux"))]
fn processor_seconds() -> f64 {
    0.0
}

/// The most seconds of processor for a file of 10 MB. It is twice what docs/reliability.md says,
/// for slower machines.
const SECONDS: f64 = 4.0;

fn assert_unsupported(file: &[u8], expected: &str) {
    let (result, seconds) = timed(file);
    let error = result.unwrap_err();
    assert!(matches!(error, PictureError::UnsupportedFeature { .. }), "{error}");
    assert!(error.to_string().contains(expected), "{error}");
    assert!(seconds < SECONDS, "{expected}: {seconds} s");
}

/// A JPEG segment: marker, length, body.
fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], &length[..], body].concat()
}

/// A grey progressive JPEG of 31 megapixels with this many scans. Each scan refines coefficients
/// that are all zero, and so has only 38 runs of empty blocks.
fn scans(count: usize) -> Vec<u8> {
    const SIDE: u16 = 5600;
    let blocks = (usize::from(SIDE) / 8).pow(2);
    let [high, low] = SIDE.to_be_bytes();
    let table = |class, symbol| [&[class, 1][..], &[0; 15], &[symbol]].concat();
    let mut file = vec![0xff, 0xd8];
    file.extend(segment(0xdb, &[&[0][..], &[1; 64]].concat()));
    file.extend(segment(0xc2, &[8, high, low, high, low, 1, 1, 0x11, 0]));
    // The one symbol of the first table is "no difference", that of the second is "a run of 8192
    // to 16383 empty blocks", and both have the code 0.
    file.extend(segment(0xc4, &[table(0x00, 0x00), table(0x10, 0xd0)].concat()));
    file.extend(segment(0xda, &[1, 1, 0, 0, 0, 0]));
    file.extend(vec![0; blocks / 8]);
    // A run is the code and 13 bits, here 0: 8192 blocks.
    let runs = vec![0; (blocks.div_ceil(8192) * 14).div_ceil(8)];
    for _ in 1..count {
        file.extend(segment(0xda, &[1, 1, 0, 1, 63, 0x10]));
        file.extend(&runs);
    }
    file.extend([0xff, 0xd9]);
    file
}

#[test]
fn a_jpeg_has_at_most_50_scans() {
    let (picture, seconds) = timed(&scans(50));
    assert_eq!(picture.unwrap().width(), 5600);
    assert!(seconds < SECONDS, "{seconds} s");
    assert_unsupported(&scans(51), "51 scans");
    assert_unsupported(&scans(8000), "8000 scans");
}

#[test]
fn a_jpeg_has_at_most_1000_segments_of_metadata() {
    let picture = bytes("decode/plain_444.jpg");
    let with = |count: u32| {
        let mut file = picture[..2].to_vec();
        for offset in 0..count {
            let name = b"http://ns.adobe.com/xmp/extension/\0";
            let numbers = [u32::MAX.to_be_bytes(), offset.to_be_bytes()].concat();
            file.extend(segment(0xe1, &[&name[..], &[b'A'; 32], &numbers].concat()));
        }
        file.extend(&picture[2..]);
        file
    };
    assert!(decode(&with(1000), &LIMITS).is_ok());
    assert_unsupported(&with(100_000), "segments of metadata");
}

#[test]
fn the_text_of_a_png_is_decompressed_once_at_most() {
    let megabyte = fdeflate::compress_to_vec(&[0; 1 << 20]);
    let body = [b"zTXtRaw profile type exif\0\0", &megabyte[..]].concat();
    let length = u32::try_from(body.len() - 4).unwrap().to_be_bytes();
    let chunk = [&length[..], &body, &crc32(&body).to_be_bytes()].concat();
    let mut file = bytes("decode/rgb.png");
    // Behind the signature and IHDR.
    file.splice(33..33, chunk.repeat(9000));
    let (picture, seconds) = timed(&file);
    assert_eq!(picture.unwrap().pixels, decode(&bytes("decode/rgb.png"), &LIMITS).unwrap().pixels);
    assert!(seconds < SECONDS, "{seconds} s");
}

/// A TIFF of one black row a strip. The strips are the same bytes again and again.
fn overlapping_strips(compression: u32, strip: &[u8]) -> Vec<u8> {
    const ROWS: u32 = 16_000;
    let strip_length = u32::try_from(strip.len()).unwrap();
    let entries_end = 8 + 2 + 12 * 9 + 4;
    let (offsets, lengths) = (entries_end, entries_end + 4 * ROWS);
    let data = lengths + 4 * ROWS;
    let mut file = [&b"II*\0\x08\0\0\0"[..], &9u16.to_le_bytes()].concat();
    let entries = [
        (256, 1, 2000),
        (257, 1, ROWS),
        (258, 1, 8),
        (259, 1, compression),
        (262, 1, 1),
        (273, ROWS, offsets),
        (277, 1, 1),
        (278, 1, 1),
        (279, ROWS, lengths),
    ];
    for (tag, count, value) in entries {
        file.extend(u16::to_le_bytes(tag));
        file.extend(4u16.to_le_bytes());
        file.extend([count, value].map(u32::to_le_bytes).concat());
    }
    file.extend([0; 4]);
    for value in [data, strip_length] {
        file.extend(value.to_le_bytes().repeat(ROWS as usize));
    }
    file.extend(strip);
    file
}

#[test]
fn the_strips_of_a_tiff_share_no_bytes() {
    let error = decode(&overlapping_strips(1, &[0; 2000]), &LIMITS).unwrap_err();
    assert!(error.to_string().contains("overlap"), "{error}");
}

#[test]
fn a_tiff_with_jpeg_compression_is_refused_by_name() {
    assert_unsupported(&overlapping_strips(7, &bytes("decode/grey.jpg")), "JPEG compression");
}

#[derive(Debug, PartialEq)]
enum Ended {
    Picture(PictureError),
    Told,
}

impl From<PictureError> for Ended {
    fn from(error: PictureError) -> Self {
        Self::Picture(error)
    }
}

#[test]
fn decoding_stops_when_it_is_told_to() {
    // Noise, so that each file has hundreds of kilobytes.
    let noise =
        |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503 << 12)) >> 7;
    let picture = RgbImage::from_fn(512, 512, |x, y| {
        image::Rgb([0, 8, 16].map(|shift| (noise(x, y) >> shift) as u8))
    });
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::WebP,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
    ] {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, format).unwrap();
        let file = file.into_inner();
        assert!(file.len() > 100 << 10, "{format:?}: {}", file.len());

        let calls = Cell::new(0);
        let count = || {
            calls.set(calls.get() + 1);
            Ok::<_, Ended>(())
        };
        assert!(decode_while(&file, &LIMITS, count).is_ok(), "{format:?}");
        let all = calls.get();
        assert!(all >= file.len() / (40 << 10), "{format:?}: asked {all} times");

        calls.set(0);
        let told_at_third = || {
            calls.set(calls.get() + 1);
            if calls.get() < 3 { Ok(()) } else { Err(Ended::Told) }
        };
        assert_eq!(decode_while(&file, &LIMITS, told_at_third).unwrap_err(), Ended::Told);
        // The last call is after decoding.
        assert!(calls.get() <= 4, "{format:?}: went on after it was told to stop");
    }
}

/// Bits of a lossless WebP stream, the lowest of each byte first.
#[derive(Default, Clone)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: usize, count: usize) {
        self.0.extend((0..count).map(|bit| value >> bit & 1 == 1));
    }

    /// A code of one symbol.
    fn single(&mut self, symbol: usize) {
        self.put(0b101, 3);
        self.put(symbol, 8);
    }

    fn bytes(&self) -> Vec<u8> {
        let byte =
            |bits: &[bool]| bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
        self.0.chunks(8).map(byte).collect()
    }
}

/// A lossless WebP of 16 × 16 pixels with this many groups of five codes. The codes have eleven
/// symbols with lengths up to ten, and so tables of 1,024 entries.
fn groups(count: usize) -> Vec<u8> {
    // The lengths of the code of code lengths: 3 for 1 to 6, 4 for 7 to 10. Their codes, reversed.
    let order = [0, 0, 0, 3, 3, 3, 3, 3, 0, 3, 4, 4, 4, 4];
    let codes = [0b000, 0b100, 0b010, 0b110, 0b001, 0b101, 0b0011, 0b1011, 0b0111, 0b1111];
    let mut group = Bits::default();
    for _ in 0..5 {
        group.put(0, 1);
        group.put(order.len() - 4, 4);
        order.iter().for_each(|&length| group.put(length, 3));
        // Eleven symbols follow.
        group.put(1, 1);
        group.put(1, 3);
        group.put(9, 4);
        for length in (1..=10).chain([10]) {
            group.put(codes[length - 1], if length < 7 { 3 } else { 4 });
        }
    }
    let mut bits = Bits::default();
    bits.put(0x2f, 8);
    bits.put(15, 14);
    bits.put(15, 14);
    // No alpha, version 0, no transform, no color cache; a picture of groups of one pixel.
    bits.put(0, 1 + 3 + 1 + 1);
    bits.put(1, 1);
    bits.put(0, 3 + 1);
    for symbol in [(count - 1) & 255, (count - 1) >> 8, 0, 255, 0] {
        bits.single(symbol);
    }
    (0..count).for_each(|_| bits.0.extend(&group.0));
    bits.put(0, 64);
    (0..64).for_each(|_| bits.put(0, 64));
    let data = bits.bytes();
    let padded = [&data[..], &[0][..data.len() % 2]].concat();
    let chunk = [b"VP8L", &(data.len() as u32).to_le_bytes()[..], &padded].concat();
    [b"RIFF", &(chunk.len() as u32 + 4).to_le_bytes()[..], b"WEBP", &chunk].concat()
}

#[test]
fn a_small_webp_with_tables_of_a_gigabyte_is_refused() {
    assert_eq!(timed(&groups(500)).0.unwrap().width(), 16);
    for count in [8000, 65536] {
        let (result, seconds) = timed(&groups(count));
        let error = result.unwrap_err();
        assert!(matches!(error, PictureError::TooMuchMemory { .. }), "{count}: {error}");
        assert!(seconds < 0.5, "{count}: {seconds} s");
    }
}
