//! NumPy's file formats, and ZIP archives, of which one is NumPy's.

use std::io::{Cursor, Write};

use ndarray::{ArrayBase, Data, Dimension};
use npyz::WriterBuilder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::ServiceError;

/// A float32 array as `numpy.save` writes it, in C order.
///
/// # Errors
/// [`ServiceError::Internal`]. Writing to memory never fails.
pub(super) fn npy<S, D>(array: &ArrayBase<S, D>) -> Result<Vec<u8>, ServiceError>
where
    S: Data<Elem = f32>,
    D: Dimension,
{
    let shape: Vec<u64> = array.shape().iter().map(|&dim| dim as u64).collect();
    let mut file = Vec::with_capacity(array.len() * size_of::<f32>() + 128);
    let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
    let mut writer = options.writer(&mut file).begin_nd().map_err(ServiceError::internal)?;
    writer.extend(array.iter().copied()).map_err(ServiceError::internal)?;
    writer.finish().map_err(ServiceError::internal)?;
    Ok(file)
}

/// Arrays of float32 under their names, as NumPy's `savez` writes them.
///
/// # Errors
/// [`ServiceError::Internal`], which cannot happen in memory.
pub(super) fn npz<S, D>(
    arrays: impl Iterator<Item = (String, ArrayBase<S, D>)>,
) -> Result<Vec<u8>, ServiceError>
where
    S: Data<Elem = f32>,
    D: Dimension,
{
    stored_archive(arrays.map(|(name, array)| Ok((format!("{name}.npy"), npy(&array)?))))
}

/// A ZIP archive of files, which are stored without compression: deflate makes PNG files and
/// float32 noise no smaller.
///
/// # Errors
/// Those of `files`, and [`ServiceError::Internal`], which cannot happen in memory.
pub(super) fn stored_archive(
    files: impl Iterator<Item = Result<(String, Vec<u8>), ServiceError>>,
) -> Result<Vec<u8>, ServiceError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for file in files {
        let (name, bytes) = file?;
        archive.start_file(name, stored).map_err(ServiceError::internal)?;
        archive.write_all(&bytes).map_err(ServiceError::internal)?;
    }
    Ok(archive.finish().map_err(ServiceError::internal)?.into_inner())
}
