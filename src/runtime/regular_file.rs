//! Files that an operator names: how they are opened, and how much of them is read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Opens a regular file, and returns its length. Opening a device, a FIFO or a socket could wait
/// for ever.
///
/// # Errors
/// The operating system's, and one for another kind of file.
pub(super) fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok((File::open(path)?, metadata.len()))
}

/// The bytes of a regular file of at most `limit` bytes, also if it grows meanwhile.
///
/// # Errors
/// As `open_regular`, and one for a larger file.
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let (file, length) = open_regular(path)?;
    let mut bytes = Vec::with_capacity(length.min(limit) as usize);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(io::Error::other(format!("it has more than {limit} bytes"))),
        false => Ok(bytes),
    }
}
