//! The binary tensor data extension of the Open Inference Protocol: a tensor's data stand behind
//! the JSON object in the same body.

use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use bytes::{Buf, Bytes};

use crate::http::error::HttpError;

/// The header with the length of the JSON object, in requests and answers.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// The length of the JSON object. Without it the whole body is JSON.
///
/// # Errors
/// [`HttpError::InvalidTensor`].
pub(super) fn json_length(headers: &HeaderMap) -> Result<Option<usize>, HttpError> {
    let Some(value) = headers.get(JSON_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    let invalid = || HttpError::InvalidTensor(format!("{JSON_LENGTH} is not a number of bytes"));
    length.map(Some).ok_or_else(invalid)
}

/// The JSON object of `json_length` bytes, and the binary data behind it.
///
/// # Errors
/// [`HttpError::InvalidTensor`].
pub(super) fn split(
    mut body: Bytes,
    json_length: Option<usize>,
) -> Result<(Bytes, Bytes), HttpError> {
    let (length, given) = (json_length.unwrap_or(body.len()), body.len());
    if length > given {
        let text = format!("{JSON_LENGTH} is {length}, but the body has {given} bytes");
        return Err(HttpError::InvalidTensor(text));
    }
    let data = body.split_off(length);
    Ok((body, data))
}

/// The `count` elements of a tensor of datatype BYTES. Each is its length, four bytes with the
/// least significant first, and that many bytes.
///
/// # Errors
/// [`HttpError::InvalidTensor`].
pub(super) fn elements(mut tensor: Bytes, count: usize) -> Result<Vec<Bytes>, HttpError> {
    let mut elements = Vec::new();
    for index in 0..count {
        let cut_short = || {
            let text = format!(
                "the binary data end within element {index} of {count}; send each element as its \
                 length, a little-endian 32-bit number, and its bytes"
            );
            HttpError::InvalidTensor(text)
        };
        let length = tensor.try_get_u32_le().map_err(|_| cut_short())? as usize;
        if length > tensor.len() {
            return Err(cut_short());
        }
        elements.push(tensor.split_to(length));
    }
    if !tensor.is_empty() {
        let text = format!("{} bytes follow the {count} elements of the shape", tensor.len());
        return Err(HttpError::InvalidTensor(text));
    }
    Ok(elements)
}

/// The binary data of a tensor of datatype FP32.
pub(super) fn float32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The answer whose body is `json` and the binary data behind it.
pub(super) fn response(mut json: Vec<u8>, data: &[u8]) -> Response {
    let length = json.len();
    json.extend_from_slice(data);
    let media_type = [(header::CONTENT_TYPE, "application/octet-stream")];
    (media_type, [(JSON_LENGTH, length)], json).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements_of(tensor: &'static [u8], count: usize) -> Result<Vec<Bytes>, String> {
        elements(Bytes::from_static(tensor), count).map_err(|error| error.to_string())
    }

    #[test]
    fn elements_have_a_little_endian_length_before_them() {
        let found = elements_of(b"\x03\0\0\0abc\0\0\0\0\x01\0\0\0d", 3).unwrap();
        assert_eq!(found, ["abc", "", "d"]);
        assert_eq!(elements_of(b"", 0).unwrap(), Vec::<Bytes>::new());
    }

    #[test]
    fn elements_that_do_not_fit_the_data_are_refused() {
        let cases: [(&[u8], usize, &str); 6] = [
            (b"", 1, "element 0 of 1"),
            (b"\x01\0\0", 1, "element 0 of 1"),
            (b"\x02\0\0\0a", 1, "element 0 of 1"),
            (b"\xff\xff\xff\xffa", 1, "element 0 of 1"),
            (b"\x01\0\0\0a", usize::MAX, "element 1 of"),
            (b"\x01\0\0\0ab", 1, "1 bytes follow"),
        ];
        for (tensor, count, says) in cases {
            let error = elements_of(tensor, count).unwrap_err();
            assert!(error.contains(says), "{tensor:?}: {error}");
        }
    }

    #[test]
    fn a_body_is_split_where_the_header_says() {
        let body = Bytes::from_static(b"{}data");
        let parts = |length| split(body.clone(), length).unwrap();
        assert_eq!(parts(Some(2)), ("{}".into(), "data".into()));
        assert_eq!(parts(Some(6)), ("{}data".into(), "".into()));
        assert_eq!(parts(None), ("{}data".into(), "".into()));
        assert!(split(body.clone(), Some(7)).is_err());
    }
}
