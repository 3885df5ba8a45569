use crate::onnx::lacks_data;
use crate::onnx::pb::TensorProto;
use crate::onnx::pb::tensor_proto::DataType;

/// Turns the weight of a convolution into the weight of its adjoint, which is also a convolution.
/// Every kernel is reversed and, within each group, input and output channels are exchanged. Each
/// group has `outputs` × `inputs` kernels of `taps` elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Flip {
    pub(super) group: usize,
    pub(super) outputs: usize,
    pub(super) inputs: usize,
    pub(super) taps: usize,
}

impl Flip {
    /// Whether `weight` is stored in a form that can be flipped.
    pub(super) fn fits(&self, weight: &TensorProto) -> bool {
        let count = self.group * self.outputs * self.inputs * self.taps;
        let raw = weight.raw_data.len();
        match DataType::try_from(weight.data_type) {
            _ if count == 0 => false,
            // Numbers are left out only if they were stored as raw data.
            Ok(DataType::Float | DataType::Float16 | DataType::Double) if lacks_data(weight) => {
                true
            }
            Ok(DataType::Float) => raw == 4 * count || weight.float_data.len() == count,
            Ok(DataType::Float16) => raw == 2 * count,
            Ok(DataType::Double) => raw == 8 * count,
            _ => false,
        }
    }

    /// Flips the numbers of `weight` in start. It must [fit](Self::fits).
    pub(super) fn apply(&self, weight: &mut TensorProto) {
        weight.float_data = self.reorder(&weight.float_data);
        let raw = &weight.raw_data;
        weight.raw_data = match DataType::try_from(weight.data_type) {
            Ok(DataType::Float16) => self.reorder(raw.as_chunks::<2>().0).into_flattened(),
            Ok(DataType::Double) => self.reorder(raw.as_chunks::<8>().0).into_flattened(),
            _ => self.reorder(raw.as_chunks::<4>().0).into_flattened(),
        };
    }

    fn reorder<T: Copy + Default>(&self, source: &[T]) -> Vec<T> {
        let mut flipped = vec![T::default(); source.len()];
        let Self { group, outputs, inputs, taps } = *self;
        let kernels = source.chunks_exact(taps).take(group * outputs * inputs);
        for (kernel, values) in kernels.enumerate() {
            let (row, input) = (kernel / inputs, kernel % inputs);
            let (group, output) = (row / outputs, row % outputs);
            let start = ((group * inputs + input) * outputs + output) * taps;
            for (to, from) in flipped[start..start + taps].iter_mut().zip(values.iter().rev()) {
                *to = *from;
            }
        }
        flipped
    }
}
