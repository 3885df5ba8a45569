//! What a file is that bears the name of an ONNX model but is none.

/// The beginnings of such files, what they are, and what helps.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (
        b"version https://git-lfs",
        "a Git LFS pointer and not the model itself; run git lfs pull in the repository, or \
         download the file again",
    ),
    (
        b"PK\x03\x04",
        "a ZIP archive, as PyTorch's checkpoints and Keras' .keras files are; export it to ONNX",
    ),
    (b"\x89HDF", "an HDF5 file of Keras; export it with models/export/export_keras.py"),
    (b"\x80\x02", "a pickle of Python, as old checkpoints of PyTorch are; export it to ONNX"),
    (b"<!DOCTYPE", "a web page and not the model itself; download the file again"),
    (b"<html", "a web page and not the model itself; download the file again"),
    (b"\x1f\x8b", "compressed with gzip; decompress it"),
];

/// What the file with these bytes is, and what helps. None for a file that begins as ONNX may.
pub(super) fn foreign_file(bytes: &[u8]) -> Option<&'static str> {
    if bytes.is_empty() {
        return Some("empty; copy or download it again");
    }
    // These formats have their mark behind the length of the first table.
    match bytes.get(4..8) {
        Some(b"TFL3") => return Some("a TFLite file; convert it with tf2onnx --tflite"),
        Some(b"ORTM") => {
            return Some("in ONNX Runtime's own format; use the .onnx file that it was made from");
        }
        _ => {}
    }
    let found = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning));
    found.map(|(_, what)| *what)
}
