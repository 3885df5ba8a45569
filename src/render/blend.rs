//! Blends a heat map's colours with the picture.

/// The level of a heat 0..=1: `np.uint8(255 * heat)`.
pub(super) fn level(heat: f32) -> usize {
    usize::from((255.0 * heat) as u8)
}

/// The level of a signed heat −1..=1: matplotlib's `Normalize(-1, 1)` and `Colormap.__call__`. Zero
/// has level 128.
pub(super) fn signed_level(heat: f32) -> usize {
    usize::from(((heat + 1.0) * 128.0) as u8)
}

/// `alpha · colour + picture` for every pair of values, rounded to 8 bits as `cv2.imwrite` rounds a
/// float64: halves to even, then saturated.
pub(super) struct AdditiveBlend(Box<[u8; 1 << 16]>);

impl AdditiveBlend {
    pub(super) fn new(alpha: f64) -> Self {
        let mut sums = Box::new([0; 1 << 16]);
        for (color, sums) in sums.as_chunks_mut::<256>().0.iter_mut().enumerate() {
            for (pixel, sum) in sums.iter_mut().enumerate() {
                // Adding 2⁵² rounds to a whole number, which is then in the lowest bits, since
                // floats of this size are 1 apart.
                let rounded = alpha * color as f64 + pixel as f64 + 4_503_599_627_370_496.0;
                *sum = (rounded.to_bits() as u32).min(255) as u8;
            }
        }
        Self(sums)
    }

    pub(super) fn blend(&self, color: [u8; 3], pixel: [u8; 3]) -> [u8; 3] {
        std::array::from_fn(|c| self.0[usize::from(u16::from_be_bytes([color[c], pixel[c]]))])
    }
}

/// `opacity · colour + (1 − opacity) · picture`, rounded.
pub(super) fn blend_by_opacity(color: [u8; 3], pixel: [u8; 3], opacity: f32) -> [u8; 3] {
    std::array::from_fn(|c| {
        let (color, pixel) = (f32::from(color[c]), f32::from(pixel[c]));
        (pixel + opacity * (color - pixel)).round() as u8
    })
}

/// The picture, darkened to a quarter where there is no heat: `picture · (0.25 + 0.75 · heat)`.
pub(super) fn darken(pixel: [u8; 3], heat: f32) -> [u8; 3] {
    pixel.map(|value| (f32::from(value) * (0.25 + 0.75 * heat)).round() as u8)
}
