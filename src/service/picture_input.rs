use crate::config::Layout;
use crate::onnx::{self, Model, Topology, pb};

/// The picture input as the graph declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PictureInput {
    pub(super) name: String,
    pub(super) layout: Layout,
    pub(super) channels: usize,
    /// Height and width, where the graph fixes them.
    pub(super) size: [Option<usize>; 2],
}

impl PictureInput {
    /// Reads the one input that a classifier of pictures has.
    pub(super) fn of(model: &Model, topology: &Topology) -> Result<Self, String> {
        let inputs = model.inputs();
        let &[input] = inputs.as_slice() else {
            let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
            return Err(format!(
                "the graph has {} inputs ({}); an image classifier has one",
                names.len(),
                names.join(", ")
            ));
        };
        let dims = declared_dims(input).ok_or_else(|| {
            format!(
                "input {:?} is not a four-dimensional tensor; a picture is batch × channels × \
                 height × width, or batch × height × width × channels",
                input.name
            )
        })?;
        let layout = onnx::input_layout(&input.name, dims, topology)
            .ok_or_else(|| format!("input {:?}: cannot tell NCHW from NHWC", input.name))?;
        let [channels, height, width] = match layout {
            Layout::Nchw => [dims[1], dims[2], dims[3]],
            Layout::Nhwc => [dims[3], dims[1], dims[2]],
        };
        let channels = channels.unwrap_or(3);
        if !matches!(channels, 1 | 3) {
            return Err(format!("input {:?} has {channels} channels, not 1 or 3", input.name));
        }
        Ok(Self { name: input.name.clone(), layout, channels, size: [height, width] })
    }
}

fn declared_dims(input: &pb::ValueInfoProto) -> Option<[Option<usize>; 4]> {
    use pb::tensor_shape_proto::dimension::Value::DimValue;
    let pb::type_proto::Value::TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
    let dims = tensor.shape.as_ref()?.dim.iter().map(|dim| match dim.value {
        Some(DimValue(value)) => usize::try_from(value).ok().filter(|&value| value > 0),
        _ => None,
    });
    dims.collect::<Vec<_>>().try_into().ok()
}
