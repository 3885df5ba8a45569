//! Derives a gradient graph. With `--run` it also runs the graph, for comparison with other
//! engines.
//!
//!     derive model.onnx gradient.onnx LOGITS LAYER…
//!     derive model.onnx gradient.onnx LOGITS LAYER… --run FOLDER
//!
//! FOLDER must hold `input.npy` and `seed.npy`, both float32 or both float64, like the model. The
//! results are written there: `grad0.npy`, `grad1.npy`, …, one for each layer. Timings go to
//! standard error.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use convscope::gradient;
use convscope::onnx::pb::{TypeProto, tensor_shape_proto::dimension, type_proto};
use convscope::runtime::{CancellationToken, Engine, Graph, Source};
use ndarray::{ArrayD, ArrayViewD, IxDyn};
use npyz::{AutoSerialize, NpyFile, WriterBuilder};
use tract_onnx::prelude::{DatumType, IntoTValue, IntoTensor, TValue, Tensor};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let run = arguments.iter().position(|argument| argument == "--run");
    let folder = run.map(|at| arguments.split_off(at)).and_then(|rest| rest.get(1).cloned());
    let [model_path, gradient_path, logits, layers @ ..] = arguments.as_slice() else {
        return Err("derive model.onnx gradient.onnx LOGITS LAYER… [--run FOLDER]".into());
    };
    let model = Source::open(Path::new(model_path))?.read()?;
    let shapes: Vec<Vec<usize>> =
        model.inputs().iter().map(|value| shape(value.r#type.as_ref())).collect();
    let start = Instant::now();
    let facts = Graph::read(&model, &shapes)?.facts();
    let inferred = Instant::now();
    let layers: Vec<&str> = layers.iter().map(String::as_str).collect();
    let derived = gradient::derive(&model, &facts, &layers, logits, gradient::Rules::GRADIENT)?;
    eprintln!("facts {:?}, derive {:?}", inferred - start, inferred.elapsed());
    let tensors = model.tensors(&derived.weights(|_| false));
    let gradient = derived.embed(tensors, |_| false)?;
    fs::write(gradient_path, gradient.model.encode())?;
    let Some(folder) = folder else { return Ok(()) };
    let engine = Engine::default();

    let picture = model.inputs()[0].name.clone();
    let mut wanted = gradient.residuals.clone();
    wanted.retain(|name| *name != picture);
    wanted.push(logits.clone());
    let forward = Graph::read(&model, &shapes)?.compile(&wanted, &engine)?;
    let start = Instant::now();
    let given = load(&folder, "input.npy")?;
    let mut values = forward.run(vec![given.clone()], &CancellationToken::default())?;
    eprintln!("forward {:?}", start.elapsed());
    values.insert(&picture, given);
    let mut inputs = vec![load(&folder, "seed.npy")?];
    for name in &gradient.residuals {
        inputs.push(values.handle(name)?);
    }
    let shapes: Vec<Vec<usize>> = inputs.iter().map(|value| value.shape().to_vec()).collect();
    let outputs: Vec<String> = layers.iter().map(|layer| format!("grad/{layer}")).collect();
    let backward = Graph::read(&gradient.model, &shapes)?;
    let backward = backward.compile(&outputs, &engine)?;
    let start = Instant::now();
    let cotangents = backward.run(inputs, &CancellationToken::default())?;
    eprintln!("backward {:?}", start.elapsed());
    for (index, output) in outputs.iter().enumerate() {
        save(&folder, &format!("grad{index}.npy"), &cotangents.handle(output)?)?;
    }
    Ok(())
}

/// The declared shape, with 1 for every dimension that is not fixed.
fn shape(declared: Option<&TypeProto>) -> Vec<usize> {
    let Some(type_proto::Value::TensorType(tensor)) = declared.and_then(|t| t.value.as_ref())
    else {
        return Vec::new();
    };
    let dims = tensor.shape.iter().flat_map(|shape| &shape.dim);
    dims.map(|dim| match dim.value {
        Some(dimension::Value::DimValue(value)) => value.max(1) as usize,
        _ => 1,
    })
    .collect()
}

fn load(folder: &str, name: &str) -> Result<TValue, Box<dyn Error>> {
    let file = NpyFile::new(fs::File::open(Path::new(folder).join(name))?)?;
    let shape: Vec<usize> = file.shape().iter().map(|&dim| dim as usize).collect();
    let is_wide = file.dtype().descr().contains("f8");
    let tensor: Tensor = if is_wide {
        ArrayD::from_shape_vec(IxDyn(&shape), file.into_vec::<f64>()?)?.into_tensor()
    } else {
        ArrayD::from_shape_vec(IxDyn(&shape), file.into_vec::<f32>()?)?.into_tensor()
    };
    Ok(tensor.into_tvalue())
}

fn save(folder: &str, name: &str, value: &TValue) -> Result<(), Box<dyn Error>> {
    let path = Path::new(folder).join(name);
    if value.datum_type() == DatumType::F64 {
        write(&path, value.to_plain_array_view::<f64>()?)
    } else {
        write(&path, value.to_plain_array_view::<f32>()?)
    }
}

fn write<T: AutoSerialize>(path: &Path, array: ArrayViewD<T>) -> Result<(), Box<dyn Error>> {
    let shape: Vec<u64> = array.shape().iter().map(|&dim| dim as u64).collect();
    let file = fs::File::create(path)?;
    let mut writer =
        npyz::WriteOptions::new().default_dtype().shape(&shape).writer(file).begin_nd()?;
    writer.extend(array.iter())?;
    Ok(writer.finish()?)
}
