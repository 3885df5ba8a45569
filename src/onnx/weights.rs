//! Weights on demand: a model without its large tensors, and single tensors from the file that has
//! them.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Seek};

use prost::Message;

use super::Model;
use super::pb::TensorProto;
use super::pb::tensor_proto::DataLocation;

/// Data of at least this many bytes is left out.
const MIN_OMITTED_BYTES: usize = 4096;

/// The field numbers of `ModelProto`, `GraphProto` and `TensorProto` in onnx.proto3.
const GRAPH: u64 = 7;
const INITIALIZER: u64 = 5;
const NAME: u64 = 8;

impl Model {
    /// The same graph without the data of its large initializers. Afterwards
    /// [`without_data`](Self::without_data) lists them.
    #[must_use]
    pub fn without_weights(self) -> Self {
        self.map_initializers(|tensor| match tensor.raw_data.len() {
            MIN_OMITTED_BYTES.. => TensorProto { raw_data: Vec::new(), ..tensor },
            _ => tensor,
        })
    }

    /// The names of the initializers whose data was left out.
    #[must_use]
    pub fn without_data(&self) -> HashSet<String> {
        let without_data = self.graph().initializer.iter().filter(|tensor| lacks_data(tensor));
        without_data.map(|tensor| tensor.name.clone()).collect()
    }

    /// The same graph with `tensors` in place of the initializers of their names.
    #[must_use]
    pub fn with_weights(self, mut tensors: HashMap<String, TensorProto>) -> Self {
        self.map_initializers(|tensor| tensors.remove(&tensor.name).unwrap_or(tensor))
    }
}

/// Whether a tensor has elements but no data, neither here nor in another file.
#[must_use]
pub fn lacks_data(tensor: &TensorProto) -> bool {
    let empty = tensor.raw_data.is_empty()
        && tensor.float_data.is_empty()
        && tensor.double_data.is_empty()
        && tensor.int32_data.is_empty()
        && tensor.int64_data.is_empty()
        && tensor.uint64_data.is_empty()
        && tensor.string_data.is_empty();
    let is_here = tensor.data_location != Some(DataLocation::External as i32);
    empty && is_here && tensor.dims.iter().product::<i64>() > 0
}

/// Reads the initializers called `names` of the model in `file`. Everything else in the file is
/// skipped.
///
/// # Errors
/// The operating system's error, and [`io::ErrorKind::InvalidData`] if the file is not an ONNX
/// model.
pub fn read_tensors(
    file: &mut (impl Read + Seek),
    names: &HashSet<String>,
) -> io::Result<HashMap<String, TensorProto>> {
    let mut found = HashMap::new();
    let end = length(file)?;
    while let Some(field) = Field::next(file, end)? {
        if field.number != GRAPH {
            field.skip(file)?;
            continue;
        }
        while let Some(field) = Field::next(file, field.end)? {
            if field.number == INITIALIZER {
                let name = name_of(file, &field)?;
                if names.contains(&name) {
                    let mut bytes = vec![0; (field.end - field.start) as usize];
                    file.seek(io::SeekFrom::Start(field.start))?;
                    file.read_exact(&mut bytes)?;
                    let tensor = TensorProto::decode(bytes.as_slice()).map_err(io::Error::other)?;
                    found.insert(name, tensor);
                }
            }
            field.skip(file)?;
        }
    }
    Ok(found)
}

fn length(file: &mut impl Seek) -> io::Result<u64> {
    let end = file.seek(io::SeekFrom::End(0))?;
    file.seek(io::SeekFrom::Start(0))?;
    Ok(end)
}

fn name_of(file: &mut (impl Read + Seek), tensor: &Field) -> io::Result<String> {
    while let Some(field) = Field::next(file, tensor.end)? {
        if field.number == NAME {
            let mut name = String::new();
            file.take(field.end - field.start).read_to_string(&mut name)?;
            return Ok(name);
        }
        field.skip(file)?;
    }
    Ok(String::new())
}

/// A field of a protobuf message: its number, and the positions in the file where its payload
/// starts and ends.
struct Field {
    number: u64,
    start: u64,
    end: u64,
}

impl Field {
    /// Reads the header of the field at the position of `file`. `None` at the message's `end`.
    fn next(file: &mut (impl Read + Seek), end: u64) -> io::Result<Option<Self>> {
        if file.stream_position()? >= end {
            return Ok(None);
        }
        let key = varint(file)?;
        let length = match key & 7 {
            0 => {
                let start = file.stream_position()?;
                varint(file)?;
                return Self::within(key >> 3, start, file.stream_position()? - start, end);
            }
            1 => 8,
            2 => varint(file)?,
            5 => 4,
            _ => return Err(malformed()),
        };
        Self::within(key >> 3, file.stream_position()?, length, end)
    }

    fn within(number: u64, start: u64, length: u64, limit: u64) -> io::Result<Option<Self>> {
        let end = start.checked_add(length).filter(|&end| end <= limit).ok_or_else(malformed)?;
        Ok(Some(Self { number, start, end }))
    }

    /// Moves `file` to the end of the payload.
    fn skip(&self, file: &mut impl Seek) -> io::Result<()> {
        let here = file.stream_position()?;
        file.seek_relative(self.end as i64 - here as i64)
    }
}

fn varint(file: &mut impl Read) -> io::Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        value |= u64::from(byte[0] & 127) << shift;
        if byte[0] < 128 {
            return Ok(value);
        }
    }
    Err(malformed())
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not an ONNX model")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{Builder, Element, float_tensor};

    fn model() -> Model {
        let builder = Builder::default();
        let mut value = builder.input("x", Element::F32, &[1, 2000]);
        for name in ["a", "b", "c"] {
            let weight = float_tensor(name, &[1, 2000], &[f32::from(name.as_bytes()[0]); 2000]);
            let weight = builder.initializer(weight, Element::F32);
            value = builder.node("Mul", &[&value, &weight], &[], Element::F32, &[1, 2000]);
        }
        builder.output("y", &value);
        builder.finish("graph").unwrap()
    }

    #[test]
    fn weights_read_from_the_file_give_the_same_model() {
        let bytes = model().encode();
        let without = model().without_weights();
        assert_eq!(without.without_data().len(), 3);
        assert!(without.encode().len() < bytes.len() / 10);
        let names = HashSet::from(["b".to_owned(), "nothing".to_owned()]);
        let found = read_tensors(&mut io::Cursor::new(&bytes), &names).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["b"]);
        let tensors = read_tensors(&mut io::Cursor::new(&bytes), &without.without_data()).unwrap();
        assert_eq!(without.with_weights(tensors).encode(), bytes);
    }

    #[test]
    fn a_file_that_is_cut_short_or_no_model_is_an_error() {
        let bytes = model().encode();
        let names = model().without_weights().without_data();
        for length in [1, 30, bytes.len() / 2, bytes.len() - 1] {
            assert!(read_tensors(&mut io::Cursor::new(&bytes[..length]), &names).is_err());
        }
        assert!(read_tensors(&mut io::Cursor::new(b"not a model at all"), &names).is_err());
    }
}
