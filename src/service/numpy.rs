//! NumPy's file formats, and ZIP archives, of which one is NumPy's. NumPy's files are written at
//! once into memory of their size.

use std::io::{BufWriter, Cursor, Write};

use npyz::WriterBuilder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::ServiceError;

/// The most bytes of what surrounds the values of an array.
const HEADER_BYTES: u64 = 512;
/// The bytes between two calls of the archive's writer.
const BUFFER_BYTES: usize = 64 << 10;

/// An array of float32 under a name. The values are in C order.
pub(super) struct Array<I> {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) values: I,
}

/// The most bytes of a `.npy` file with `values` values.
pub(super) fn npy_bytes(values: usize) -> u64 {
    (values as u64).saturating_mul(size_of::<f32>() as u64).saturating_add(HEADER_BYTES)
}

/// The most bytes of an array in a `.npz` file. The archive has the name twice.
pub(super) fn npz_bytes(name: &str, values: usize) -> u64 {
    npy_bytes(values).saturating_add(2 * name.len() as u64 + HEADER_BYTES)
}

/// An array as `numpy.save` writes it.
///
/// # Errors
/// [`ServiceError::Internal`]. Writing to memory never fails.
pub(super) fn npy(
    shape: &[usize],
    values: impl Iterator<Item = f32>,
) -> Result<Vec<u8>, ServiceError> {
    let mut file = with_capacity(npy_bytes(shape.iter().product()));
    write_npy(&mut file, shape, values)?;
    Ok(file)
}

/// Arrays as `numpy.savez` writes them.
///
/// # Errors
/// As [`npy`].
pub(super) fn npz<I: Iterator<Item = f32>>(arrays: Vec<Array<I>>) -> Result<Vec<u8>, ServiceError> {
    let bytes = |array: &Array<I>| npz_bytes(&array.name, array.shape.iter().product());
    let memory = with_capacity(HEADER_BYTES + arrays.iter().map(bytes).sum::<u64>());
    let mut archive = ZipWriter::new(Cursor::new(memory));
    for array in arrays {
        let options = stored().large_file(bytes(&array) > u64::from(u32::MAX));
        archive
            .start_file(format!("{}.npy", array.name), options)
            .map_err(ServiceError::internal)?;
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, &mut archive);
        write_npy(&mut file, &array.shape, array.values)?;
        file.flush().map_err(ServiceError::internal)?;
    }
    Ok(archive.finish().map_err(ServiceError::internal)?.into_inner())
}

/// A ZIP archive of files.
///
/// # Errors
/// Those of `files`, and [`ServiceError::Internal`], which cannot happen in memory.
pub(super) fn stored_archive(
    files: impl Iterator<Item = Result<(String, Vec<u8>), ServiceError>>,
) -> Result<Vec<u8>, ServiceError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        let (name, bytes) = file?;
        archive.start_file(name, stored()).map_err(ServiceError::internal)?;
        archive.write_all(&bytes).map_err(ServiceError::internal)?;
    }
    Ok(archive.finish().map_err(ServiceError::internal)?.into_inner())
}

/// Files are stored without compression: deflate makes PNG files and float32 noise no smaller.
fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

fn with_capacity(bytes: u64) -> Vec<u8> {
    Vec::with_capacity(usize::try_from(bytes).unwrap_or_default())
}

fn write_npy(
    file: impl Write,
    shape: &[usize],
    values: impl Iterator<Item = f32>,
) -> Result<(), ServiceError> {
    let shape: Vec<u64> = shape.iter().map(|&dim| dim as u64).collect();
    let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
    let mut writer = options.writer(file).begin_nd().map_err(ServiceError::internal)?;
    writer.extend(values).map_err(ServiceError::internal)?;
    writer.finish().map_err(ServiceError::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_into_memory_of_their_size() {
        let array = |name: &str, values: usize| Array {
            name: name.to_owned(),
            shape: vec![1, values],
            values: (0..values).map(|value| value as f32),
        };
        let names = ["conv1".to_owned(), "é/".repeat(200)];
        let most: u64 = names.iter().map(|name| npz_bytes(name, 100_000)).sum();
        let file = npz(names.iter().map(|name| array(name, 100_000)).collect()).unwrap();
        assert!(file.len() > 800_000 && file.len() as u64 <= most, "{} {most}", file.len());
        assert_eq!(file.capacity() as u64, most + HEADER_BYTES);
        let shape = [1; 32];
        let file = npy(&shape, std::iter::once(1.0)).unwrap();
        assert_eq!((file.len() % 64, file.capacity() as u64), (4, npy_bytes(1)));
    }
}
