use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::binary_tensor;
use super::inference::check_count;
use super::inference_request::{entries, for_each};
use crate::config::excerpt;
use crate::http::app_state::AppState;
use crate::http::error::HttpError;
use crate::http::json_body::{decode_base64, text};

/// The name of the one input: picture files, in JSON as base64.
pub(super) const INPUT: &str = "image";

/// An input of an inference request. The values are pieces of the body's text.
#[derive(Debug, Deserialize)]
struct Input<'b> {
    #[serde(borrow)]
    name: &'b RawValue,
    #[serde(borrow)]
    datatype: &'b RawValue,
    #[serde(borrow)]
    shape: &'b RawValue,
    parameters: Option<InputParameters>,
    #[serde(borrow)]
    data: Option<&'b RawValue>,
}

#[derive(Debug, Deserialize)]
struct InputParameters {
    /// The data are binary and have this length.
    binary_data_size: Option<u64>,
}

/// The pictures in the one input of `inputs`. `binary` is what follows the JSON object.
///
/// # Errors
/// [`HttpError::InvalidJson`], [`HttpError::InvalidTensor`] and [`HttpError::TooManyPictures`].
pub(super) fn pictures(
    state: &AppState,
    inputs: &RawValue,
    binary: Bytes,
) -> Result<Vec<Bytes>, HttpError> {
    let input = one_input(inputs)?;
    if text(input.name).as_deref() != Some(INPUT) {
        return Err(invalid(format!("the model has no input {}", excerpt(input.name.get()))));
    }
    if text(input.datatype).as_deref() != Some("BYTES") {
        return Err(invalid(format!("the datatype is {}", excerpt(input.datatype.get()))));
    }
    let count = count(input.shape)?;
    check_count(state, "the input", count)?;
    let size = input.parameters.and_then(|it| it.binary_data_size);
    if size.unwrap_or(0) != binary.len() as u64 {
        return Err(HttpError::InvalidTensor(format!(
            "binary_data_size is {}, but {} bytes follow the JSON object; the header \
             inference-header-content-length has the length of the JSON object",
            size.unwrap_or(0),
            binary.len()
        )));
    }
    match (input.data, size) {
        (None, Some(_)) => binary_tensor::elements(binary, count),
        (Some(data), None) => json_elements(data, input.shape, count),
        (Some(_), Some(_)) => {
            Err(invalid("the input has both data and binary_data_size".to_owned()))
        }
        (None, None) => Err(invalid("the input has no data".to_owned())),
    }
}

fn one_input(inputs: &RawValue) -> Result<Input<'_>, HttpError> {
    let (mut first, mut times) = (None, 0);
    for_each(Some(inputs), "inputs", |input| {
        first.get_or_insert(input);
        times += 1;
        Ok(())
    })?;
    match (first, times) {
        (Some(input), 1) => entries("the input", input.get().as_bytes()),
        _ => Err(invalid(format!("the request has {times} inputs"))),
    }
}

/// The number of pictures of a shape, which is `[n]` or `[n, 1]`.
fn count(shape: &RawValue) -> Result<usize, HttpError> {
    let vector = serde_json::from_str(shape.get()).map(|[count]: [u64; 1]| count).ok();
    let count = vector.or_else(|| match serde_json::from_str(shape.get()) {
        Ok::<[u64; 2], _>([count, 1]) => Some(count),
        _ => None,
    });
    let count = count.ok_or_else(|| invalid("the shape is neither [n] nor [n, 1]".to_owned()))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// The `count` pictures of a list of base64. None is decoded if there are more or fewer.
fn json_elements(data: &RawValue, shape: &RawValue, count: usize) -> Result<Vec<Bytes>, HttpError> {
    let mut given = 0;
    for_each(Some(data), "data", |_| {
        given += 1;
        Ok(())
    })?;
    if given != count {
        let shape = excerpt(shape.get());
        return Err(invalid(format!("the shape {shape} is not that of {given} pictures")));
    }
    let mut pictures = Vec::with_capacity(count);
    for_each(Some(data), "data", |element| {
        let no_text = || invalid("an element is no string and no list of one string".to_owned());
        let picture = element_text(element).ok_or_else(no_text);
        let picture = picture.and_then(|text| decode_base64(&text));
        pictures.push(picture.map_err(|error| error.of_instance(pictures.len()))?);
        Ok(())
    })?;
    Ok(pictures)
}

/// The text of an element of datatype BYTES: a string, or a list of one string. A client may write
/// a tensor of the shape `[n, 1]` as nested lists.
fn element_text(element: &RawValue) -> Option<Cow<'_, str>> {
    text(element).or_else(|| {
        let [nested] = serde_json::from_str::<[&RawValue; 1]>(element.get()).ok()?;
        text(nested)
    })
}

fn invalid(what: String) -> HttpError {
    HttpError::InvalidJson(format!(
        "{what}; send one input: {{\"name\": \"image\", \"datatype\": \"BYTES\", \"shape\": [n], \
         \"data\": [n picture files as base64]}}"
    ))
}
