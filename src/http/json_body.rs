use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::error::HttpError;
use crate::config::Parameters;
use crate::service::PictureFile;

/// Standard base64, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The expected shape of a JSON body, for error texts.
const EXPECTED: &str = "expected an object with the picture as base64 under \"image\"";

/// Parses a body as a JSON object.
///
/// # Errors
/// [`HttpError::InvalidJson`].
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, HttpError> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        HttpError::InvalidJson(format!("the body is not JSON: {error}; {EXPECTED}"))
    })?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(HttpError::InvalidJson(format!("the body is not an object; {EXPECTED}"))),
    }
}

/// The picture, which is base64 under `image`. The other keys are added to `parameters`; their
/// values are strings, numbers, booleans or lists of these.
///
/// # Errors
/// [`HttpError::InvalidJson`] and [`HttpError::NoImage`].
pub(super) fn picture(
    object: Map<String, Value>,
    parameters: &mut Parameters,
) -> Result<PictureFile, HttpError> {
    let mut image = None;
    for (name, value) in object {
        match value {
            Value::String(text) if name == "image" => image = Some(decode_base64(&text)?),
            _ if name == "image" => {
                return Err(HttpError::InvalidJson("image is not a string of base64".to_owned()));
            }
            Value::Array(values) => {
                parameters.mention(name.as_str());
                for value in values {
                    let value = scalar(&name, value)?;
                    parameters.push(name.as_str(), value);
                }
            }
            Value::Null => parameters.mention(name),
            value => {
                let value = scalar(&name, value)?;
                parameters.push(name, value);
            }
        }
    }
    match image {
        None => Err(HttpError::NoImage("the object has no key image")),
        Some(image) if image.is_empty() => Err(HttpError::NoImage("image is empty")),
        Some(image) => Ok(PictureFile(image)),
    }
}

/// One of several pictures in a JSON body, with its parameters. `value` is an object as in
/// [`picture`], where the picture may also be `{"b64": "…"}`, as in TensorFlow Serving.
///
/// # Errors
/// [`HttpError::InvalidJson`] and [`HttpError::NoImage`].
pub(super) fn instance(
    value: Value,
    parameters: &mut Parameters,
) -> Result<PictureFile, HttpError> {
    let Value::Object(mut object) = value else {
        return Err(HttpError::InvalidJson(format!("the instance is not an object; {EXPECTED}")));
    };
    if let Some(Value::Object(image)) = object.get_mut("image")
        && let (Some(text), 1) = (image.get_mut("b64").map(Value::take), image.len())
    {
        object.insert("image".to_owned(), text);
    }
    picture(object, parameters)
}

fn scalar(name: &str, value: Value) -> Result<String, HttpError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => {
            let text =
                format!("{name} is neither a string, a number or a boolean nor a list of these");
            Err(HttpError::InvalidJson(text))
        }
    }
}

/// Decodes plain base64, or a `data:` URL.
///
/// # Errors
/// [`HttpError::InvalidJson`].
pub(super) fn decode_base64(text: &str) -> Result<Bytes, HttpError> {
    let payload = match text.strip_prefix("data:") {
        Some(url) => url.split_once(";base64,").map_or(url, |(_, payload)| payload),
        None => text,
    };
    BASE64
        .decode(payload.trim())
        .map(Bytes::from)
        .map_err(|error| HttpError::InvalidJson(format!("image is not base64: {error}")))
}
