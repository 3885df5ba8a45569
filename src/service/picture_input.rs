use crate::config::Layout;
use crate::onnx::{self, Model, Topology, pb};

/// The picture input as the graph declares it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PictureInput {
    pub(super) name: String,
    pub(super) layout: Layout,
    pub(super) channels: usize,
    /// Height and width, where the graph fixes them.
    pub(super) size: [Option<usize>; 2],
    /// The form in which the file takes it.
    pub(super) form: InputForm,
}

/// In which form a file takes the picture, before it was rewritten.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct InputForm {
    /// What is subtracted from a pixel of 0 to 255, where the graph takes 8-bit integers.
    pub(super) pixel_offset: Option<f32>,
    /// Whether it is a vector of numbers.
    pub(super) is_vector: bool,
}

impl PictureInput {
    /// Reads the one input that a classifier of pictures has.
    pub(super) fn of(model: &Model, topology: &Topology) -> Result<Self, String> {
        let inputs = model.inputs();
        let &[input] = inputs.as_slice() else {
            let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
            return Err(format!(
                "the graph has {} inputs ({}), but an image classifier has one; export the part of \
                 the model that takes the picture alone",
                names.len(),
                names.join(", ")
            ));
        };
        let dims = declared_dims(input).ok_or_else(|| {
            format!(
                "input {:?} {}, but a picture is batch × channels × height × width, or batch × \
                 height × width × channels; export the model with such an input{}",
                input.name,
                declared(input),
                match rank(input) {
                    Some(2) => {
                        ", or give the picture's height and width as input.size in model.toml"
                    }
                    _ => "",
                }
            )
        })?;
        let layout = onnx::input_layout(&input.name, dims, topology).ok_or_else(|| {
            format!(
                "input {:?} {}: nothing tells which axis has the channels; export the model \
                     with a fixed number of channels",
                input.name,
                declared(input)
            )
        })?;
        let [channels, height, width] = match layout {
            Layout::Nchw => [dims[1], dims[2], dims[3]],
            Layout::Nhwc => [dims[3], dims[1], dims[2]],
        };
        let channels = channels.unwrap_or(3);
        if !matches!(channels, 1 | 3) {
            return Err(format!(
                "input {:?} has {channels} channels; a picture has 3 (RGB or BGR) or 1 (grey). \
                 Export the model with a first step that makes {channels} channels of these",
                input.name
            ));
        }
        Ok(Self {
            name: input.name.clone(),
            layout,
            channels,
            size: [height, width],
            form: InputForm::default(),
        })
    }
}

/// The number of dimensions that an input declares.
fn rank(input: &pb::ValueInfoProto) -> Option<usize> {
    let pb::type_proto::Value::TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
    Some(tensor.shape.as_ref()?.dim.len())
}

/// The shape of an input, in words.
fn declared(input: &pb::ValueInfoProto) -> String {
    use pb::tensor_shape_proto::dimension::Value::{DimParam, DimValue};
    let dims = input.r#type.as_ref().and_then(|it| match it.value.as_ref()? {
        pb::type_proto::Value::TensorType(tensor) => Some(&tensor.shape.as_ref()?.dim),
    });
    let text = |dim: &pb::tensor_shape_proto::Dimension| match &dim.value {
        Some(DimValue(value)) => value.to_string(),
        Some(DimParam(name)) => name.clone(),
        None => "?".to_owned(),
    };
    match dims {
        Some(dims) => {
            format!("has shape [{}]", dims.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        None => "has no declared shape".to_owned(),
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
