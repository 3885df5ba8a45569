/// The side that an enlarged array comes close to, in pixels.
const SIDE: usize = 400;

/// The whole number that enlarges an array to about [`SIDE`] pixels. `longest` is its longer side.
pub(super) fn convenient_zoom(longest: usize) -> usize {
    ((SIDE + longest / 2) / longest).max(1)
}
