use ndarray::{ArrayBase, Axis, Ix3, IxDyn, RawData, Slice};
use serde::Serialize;

use super::Grid;

/// The kind of a layer, in the terms of the frameworks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A convolution, after its batch norm and activation.
    Convolution,
    /// A max, average or global pool.
    Pooling,
    /// The end of parallel branches: an addition, a concatenation, a gate.
    Merge,
    /// A layer normalization.
    Normalization,
    /// A fully connected layer, after its activation.
    Dense,
    /// A reshape from feature maps to a vector.
    Flatten,
    /// Dropout, or the identity that an exporter wrote in its place.
    Dropout,
    /// Any other value of the graph, requested by its ONNX name.
    Value,
}

/// A value of the forward graph that a person would name.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The ONNX value's name.
    pub value: String,
    /// The layer's module in the original network, where the file tells it.
    pub module: Option<String>,
    /// What the layer is.
    pub kind: Kind,
    /// The value's shape, batch (1) included, as ONNX has it.
    pub shape: Vec<usize>,
    /// The order of the axes. `None` for a value without height and width.
    pub grid: Option<Grid>,
    /// Whether the logits depend on it through its prefix tokens alone, so that the gradient at the
    /// patches is zero.
    pub only_prefix_is_read: bool,
    /// The number of weights of this layer and of the unlisted nodes before it.
    pub parameters: usize,
}

impl Layer {
    /// The name by which the layer is shown: its module, otherwise the ONNX value's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.module.as_deref().unwrap_or(&self.value)
    }

    /// Channels, height and width of a layer with a grid.
    #[must_use]
    pub fn extents(&self) -> Option<[usize; 3]> {
        self.grid?.extents(&self.shape)
    }

    /// The number of channels of a layer with a grid, otherwise of elements.
    #[must_use]
    pub fn channel_count(&self) -> usize {
        self.extents().map_or_else(|| self.shape.iter().product(), |[channels, ..]| channels)
    }

    /// Whether the layer has several positions. A map of a layer with one position shows nothing.
    #[must_use]
    pub fn has_positions(&self) -> bool {
        self.extents().is_some_and(|[_, height, width]| height * width > 1)
    }

    /// Channels, height and width with which the layer is drawn. A layer without a grid is drawn
    /// too: a vector and a 1 × 1 feature map as one row, a matrix as one channel. `None` if the
    /// value is empty or has more dimensions.
    #[must_use]
    pub fn drawn_extents(&self) -> Option<[usize; 3]> {
        if let Some(Grid::Tokens { .. }) = self.grid {
            return self.extents().filter(|extents| !extents.contains(&0));
        }
        let ones = self.shape.iter().take_while(|&&dim| dim == 1).count();
        let ones = ones.min(self.shape.len().saturating_sub(3).max(1));
        let shape = self.shape.get(ones..).unwrap_or_default();
        let is_vector = shape.iter().filter(|&&dim| dim > 1).count() <= 1;
        match (shape, self.grid) {
            _ if shape.contains(&0) => None,
            _ if is_vector => Some([1, 1, shape.iter().product()]),
            (&[height, width, channels], Some(Grid::Nhwc)) => Some([channels, height, width]),
            (&[channels, height, width], _) => Some([channels, height, width]),
            (&[height, width], _) => Some([1, height, width]),
            _ => None,
        }
    }

    /// The layer's value as channels × height × width, without a copy, whatever the memory order.
    /// The extents are those of [`drawn_extents`](Self::drawn_extents). This is the one place where
    /// a value becomes channels with positions.
    #[must_use]
    pub fn channels<S: RawData<Elem = f32>>(
        &self,
        value: ArrayBase<S, IxDyn>,
    ) -> Option<ArrayBase<S, Ix3>> {
        let [channels, height, width] = self.drawn_extents()?;
        if let Some(Grid::Tokens { prefix, .. }) = self.grid {
            let tokens = (prefix + height * width, channels);
            let mut tokens = value.into_shape_with_order(tokens).ok()?;
            tokens.slice_axis_inplace(Axis(0), Slice::from(prefix..));
            let positions = tokens.into_shape_with_order((height, width, channels)).ok()?;
            return Some(positions.permuted_axes([2, 0, 1]));
        }
        let (stored, permuted) = match self.grid {
            Some(Grid::Nhwc) if height > 1 || width > 1 => ((height, width, channels), [2, 0, 1]),
            _ => ((channels, height, width), [0, 1, 2]),
        };
        let view = value.into_shape_with_order(stored).ok()?;
        Some(view.permuted_axes(permuted))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;

    fn layer(shape: &[usize], grid: Option<Grid>) -> Layer {
        let (value, kind, parameters) = ("a".to_owned(), Kind::Value, 0);
        let (shape, only_prefix_is_read) = (shape.to_vec(), false);
        Layer { value, module: None, kind, shape, grid, only_prefix_is_read, parameters }
    }

    #[test]
    fn every_shape_is_drawn_or_refused() {
        let (nchw, nhwc) = (Some(Grid::Nchw), Some(Grid::Nhwc));
        let cases = [
            (&[1, 3, 4, 5][..], nchw, Some([3, 4, 5])),
            (&[1, 4, 5, 3], nhwc, Some([3, 4, 5])),
            (&[1, 7, 1, 1], nchw, Some([1, 1, 7])),
            (&[1, 1, 1, 7], nhwc, Some([1, 1, 7])),
            (&[1, 1000], None, Some([1, 1, 1000])),
            (&[1, 50, 64], None, Some([1, 50, 64])),
            (&[1, 8, 50, 50], None, Some([8, 50, 50])),
            (&[1, 2, 3, 4, 5], None, None),
            (&[1, 0, 4, 5], nchw, None),
            (&[1], None, Some([1, 1, 1])),
            (&[1, 7, 5], Some(Grid::Tokens { prefix: 1, height: 2, width: 3 }), Some([5, 2, 3])),
        ];
        for (shape, grid, expected) in cases {
            assert_eq!(layer(shape, grid).drawn_extents(), expected, "{shape:?}");
        }
    }

    #[test]
    fn both_memory_orders_give_the_same_channels() {
        let value = |c: usize, y: usize, x: usize| (100 * c + 10 * y + x) as f32;
        let nchw = ArrayD::from_shape_fn(IxDyn(&[1, 2, 3, 4]), |i| value(i[1], i[2], i[3]));
        let nhwc = ArrayD::from_shape_fn(IxDyn(&[1, 3, 4, 2]), |i| value(i[3], i[1], i[2]));
        let first = layer(&[1, 2, 3, 4], Some(Grid::Nchw));
        let last = layer(&[1, 3, 4, 2], Some(Grid::Nhwc));
        assert_eq!(first.channels(nchw.view()).unwrap(), last.channels(nhwc.view()).unwrap());
        assert_eq!(first.channels(nchw.view()).unwrap()[[1, 2, 3]], 123.0);
        let tokens = ArrayD::from_shape_fn(IxDyn(&[14, 1, 2]), |i| match i[0].checked_sub(2) {
            Some(position) => value(i[2], position / 4, position % 4),
            None => f32::NAN,
        });
        let grid = Some(Grid::Tokens { prefix: 2, height: 3, width: 4 });
        let mut of_tokens = layer(&[14, 1, 2], grid).channels(tokens).unwrap();
        assert_eq!(of_tokens, first.channels(nchw.view()).unwrap());
        of_tokens[[1, 2, 3]] = 0.0;
    }
}
