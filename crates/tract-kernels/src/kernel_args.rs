use crate::epilogue::Epilogue;
use crate::geometry::Geometry;
use crate::shared_output::SharedOutput;

/// What a convolution or a pool computes for one image.
#[derive(Clone, Copy)]
pub(crate) struct KernelArgs<'a> {
    /// Input channels × height × width.
    pub(crate) image: &'a [f32],
    pub(crate) geometry: Geometry,
    pub(crate) epilogue: Epilogue<'a>,
    /// Receives the maximum of every 2×2 clipped outputs. Only Winograd's algorithm writes it.
    pub(crate) pooled: Option<SharedOutput<'a>>,
}
