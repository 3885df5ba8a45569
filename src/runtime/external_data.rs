//! Tensors that an ONNX file keeps in other files beside it.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::CatalogueError;
use super::model_files::{file_in, open};
use crate::onnx::Model;
use crate::onnx::pb::TensorProto;
use crate::onnx::pb::tensor_proto::{DataLocation, DataType};

/// How often the bytes of a file may be read: tensors may share them, as tied weights do. Without a
/// limit, a small file could ask for any amount of memory.
const MOST_READS: u64 = 2;

/// Reads the tensors that `model` keeps in other files of `folder` into the model.
///
/// # Errors
/// [`CatalogueError`] for a file that cannot be read or lies outside of `folder`, for a tensor that
/// is not within its file, and for tensors with too many bytes for their file.
pub(super) fn with_external_data(model: Model, folder: &Path) -> Result<Model, CatalogueError> {
    let mut read_bytes = HashMap::new();
    model.visit_tensors(|tensor| {
        if tensor.data_location != Some(DataLocation::External as i32) {
            return Ok(());
        }
        tensor.raw_data = read(tensor, folder, &mut read_bytes)?;
        tensor.data_location = None;
        tensor.external_data.clear();
        Ok(())
    })
}

/// Reads the data of one tensor. `read_bytes` has the bytes that were read of each file so far.
fn read(
    tensor: &TensorProto,
    folder: &Path,
    read_bytes: &mut HashMap<PathBuf, u64>,
) -> Result<Vec<u8>, CatalogueError> {
    let entry = |key: &str| {
        let entries = tensor.external_data.iter();
        entries.filter(|entry| entry.key == key).map(|entry| entry.value.as_str()).next()
    };
    let refuse = |path: &Path, cause: &str| {
        CatalogueError::refused(path, format!("tensor {:?}: {cause}", tensor.name))
    };
    let location = entry("location").unwrap_or_default();
    let path = file_in(folder, location).map_err(|error| match error {
        CatalogueError::Read { path, cause } if cause.kind() == ErrorKind::NotFound => {
            let cause = format!(
                "the weights are in a second file, which must lie beside the model under the name \
                 {location:?} (tensor {:?}); copy it there, or save the model as one file",
                tensor.name
            );
            CatalogueError::refused(&path, cause)
        }
        error => error,
    })?;
    let (mut file, length) = open(&path)?;
    let number = |key: &str| match entry(key).map(str::parse::<u64>) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => Err(refuse(&path, &format!("its {key} is not a number"))),
    };
    let offset = number("offset")?.unwrap_or(0);
    let rest = length.checked_sub(offset);
    let rest = rest.ok_or_else(|| refuse(&path, "its offset is behind the end of the file"))?;
    let bytes = number("length")?.unwrap_or(rest);
    if bytes > rest {
        return Err(refuse(&path, "it reaches beyond the end of the file"));
    }
    if size(tensor) != Some(bytes) {
        let dims = &tensor.dims;
        return Err(refuse(&path, &format!("its {bytes} bytes do not fill the shape {dims:?}")));
    }
    let resolved = path.canonicalize().map_err(CatalogueError::read(&path))?;
    let all = read_bytes.entry(resolved).or_default();
    *all += bytes;
    if *all > MOST_READS * length {
        return Err(refuse(&path, "the tensors up to this one have twice the bytes of the file"));
    }
    let mut data = vec![0; bytes as usize];
    let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut data));
    read.map_err(CatalogueError::read(&path))?;
    Ok(data)
}

/// The bytes of a tensor's elements. None for an unknown type or a shape that is not valid.
fn size(tensor: &TensorProto) -> Option<u64> {
    let size: u64 = match DataType::try_from(tensor.data_type).ok()? {
        DataType::Bool | DataType::Int8 | DataType::Uint8 => 1,
        DataType::Float16 | DataType::Bfloat16 | DataType::Int16 | DataType::Uint16 => 2,
        DataType::Float | DataType::Int32 | DataType::Uint32 => 4,
        DataType::Double | DataType::Int64 | DataType::Uint64 => 8,
        _ => return None,
    };
    tensor.dims.iter().try_fold(size, |size, &dim| size.checked_mul(u64::try_from(dim).ok()?))
}
