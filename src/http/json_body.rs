use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::HttpError;
use super::json_entries::{EntriesError, for_each_entry, for_each_item};
use crate::config::{Parameters, excerpt};
use crate::service::PictureFile;

/// Standard base64, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The expected shape of a JSON body, for error texts.
const EXPECTED: &str = "expected an object with the picture as base64 under \"image\"";

/// The picture in a JSON object, which is base64 under `image`. The other keys are added to
/// `parameters`; their values are strings, numbers, booleans or lists of these.
///
/// # Errors
/// [`HttpError::InvalidJson`] and [`HttpError::NoImage`]; too many or too long values.
pub(super) fn picture(body: &[u8], parameters: &mut Parameters) -> Result<PictureFile, HttpError> {
    picture_in("the body", body, parameters, text)
}

/// One of several pictures in a JSON body, with its parameters. `value` is an object as in
/// [`picture`], where the picture may also be `{"b64": "…"}`, as in TensorFlow Serving. `value` may
/// also be this `{"b64": "…"}` alone, because a model has one input, whose name may be left out.
///
/// # Errors
/// As [`picture`].
pub(super) fn instance(
    value: &RawValue,
    parameters: &mut Parameters,
) -> Result<PictureFile, HttpError> {
    if let Some(image) = b64(value) {
        return picture_of(image, text).and_then(not_empty);
    }
    let base64 = |image| text(image).or_else(|| b64(image).and_then(text));
    picture_in("the instance", value.get().as_bytes(), parameters, base64)
}

/// Calls `each` with every key of the object `json` and its value, until it fails. `what` names the
/// object in error texts.
///
/// # Errors
/// [`HttpError::InvalidJson`], and those of `each`.
pub(super) fn object<'j>(
    what: &str,
    json: &'j [u8],
    each: impl FnMut(String, &'j RawValue) -> Result<(), HttpError>,
) -> Result<(), HttpError> {
    for_each_entry(json, each).map_err(|error| match error {
        EntriesError::Syntax(error) => {
            HttpError::InvalidJson(format!("{what} is not JSON: {error}; {EXPECTED}"))
        }
        EntriesError::Kind => {
            HttpError::InvalidJson(format!("{what} is not an object; {EXPECTED}"))
        }
        EntriesError::Refused(error) => error,
    })
}

fn picture_in<'j>(
    what: &str,
    json: &'j [u8],
    parameters: &mut Parameters,
    base64: impl Fn(&'j RawValue) -> Option<Cow<'j, str>>,
) -> Result<PictureFile, HttpError> {
    let mut image = None;
    object(what, json, |key, value| {
        if key != "image" {
            return add(&key, value, parameters);
        }
        match image.replace(picture_of(value, &base64)?) {
            None => Ok(()),
            Some(_) => {
                let text = "image is given twice; send one picture in each object";
                Err(HttpError::InvalidJson(text.to_owned()))
            }
        }
    })?;
    image.ok_or(HttpError::NoImage("the object has no key image")).and_then(not_empty)
}

fn picture_of<'j>(
    value: &'j RawValue,
    base64: impl Fn(&'j RawValue) -> Option<Cow<'j, str>>,
) -> Result<Bytes, HttpError> {
    let invalid = || HttpError::InvalidJson("image is not a string of base64".to_owned());
    decode_base64(&base64(value).ok_or_else(invalid)?)
}

fn not_empty(image: Bytes) -> Result<PictureFile, HttpError> {
    if image.is_empty() {
        return Err(HttpError::NoImage("image is empty"));
    }
    Ok(PictureFile(image))
}

/// Adds the values of one key to `parameters`.
fn add(name: &str, value: &RawValue, parameters: &mut Parameters) -> Result<(), HttpError> {
    let mut is_empty = true;
    let items = for_each_item(value, |item| {
        is_empty = false;
        Ok(parameters.push(name, scalar(name, item)?)?)
    });
    match items {
        Ok(()) if is_empty => Ok(parameters.mention(name)?),
        Ok(()) => Ok(()),
        Err(EntriesError::Refused(error)) => Err(error),
        Err(_) if value.get() == "null" => Ok(parameters.mention(name)?),
        Err(_) => Ok(parameters.push(name, scalar(name, value)?)?),
    }
}

/// The text of a string, a number or a boolean.
fn scalar<'j>(name: &str, value: &'j RawValue) -> Result<Cow<'j, str>, HttpError> {
    let text = match value.get().as_bytes().first() {
        Some(b'[' | b'{' | b'n') => None,
        Some(b'"') => text(value),
        _ => Some(Cow::Borrowed(value.get())),
    };
    text.ok_or_else(|| {
        let name = excerpt(name);
        let text = format!("{name} is neither a string, a number or a boolean nor a list of these");
        HttpError::InvalidJson(text)
    })
}

/// A string. It is copied only where it has escapes.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'j>(#[serde(borrow)] Cow<'j, str>);
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
}

/// The value of an object whose one key is `b64`.
fn b64(value: &RawValue) -> Option<&RawValue> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Encoded<'j> {
        #[serde(borrow)]
        b64: &'j RawValue,
    }
    let object = Some(value.get()).filter(|text| text.starts_with('{'))?;
    serde_json::from_str::<Encoded<'_>>(object).ok().map(|encoded| encoded.b64)
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
