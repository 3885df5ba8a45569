use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::HttpError;
use crate::config::Parameters;
use crate::service::PictureFile;

/// A picture and the parameters sent with it.
#[derive(Debug, Clone)]
pub(super) struct Submission {
    pub(super) image: PictureFile,
    pub(super) parameters: Parameters,
}

/// Bytes of one form field that is not the picture.
const FIELD_BYTES: usize = 4096;
/// For who sends the picture under another name.
const ONE_FILE: &str = "; the picture is the part named image (curl -F image=@photo.jpg)";
/// Parameters in one request.
const FIELDS: usize = 1024;

/// Standard base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Submission {
    /// Reads the query string and the body, in whichever of the three forms it comes.
    ///
    /// # Errors
    /// What the caller got wrong.
    pub(super) async fn read(request: Request, body_limit: usize) -> Result<Self, HttpError> {
        let (parts, body) = request.into_parts();
        let parameters = query(parts.uri.query())?;
        let content_type = content_type(&parts.headers);
        let essence =
            content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let body = Limited::new(body, body_limit);
        match essence.as_str() {
            "multipart/form-data" => {
                let boundary = multer::parse_boundary(&content_type)
                    .map_err(|_| HttpError::ContentType { given: content_type })?;
                multipart(body, boundary, parameters, body_limit).await
            }
            "application/json" => submission(parse(&collect(body, body_limit).await?)?, parameters),
            "" | "application/octet-stream" => raw(body, parameters, body_limit).await,
            _ if essence.starts_with("image/") => raw(body, parameters, body_limit).await,
            _ => Err(HttpError::ContentType { given: content_type }),
        }
    }
}

/// What the headers alone tell.
pub(super) fn refuse_early(headers: &HeaderMap, body_limit: usize) -> Result<(), HttpError> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|it| *it != "identity") {
        let given = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
        return Err(HttpError::ContentEncoding { given });
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    match length.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > body_limit as u64 => {
            Err(HttpError::BodyTooLarge { limit: body_limit })
        }
        _ => Ok(()),
    }
}

fn content_type(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE).map(|given| given.as_bytes());
    String::from_utf8_lossy(given.unwrap_or_default()).into_owned()
}

pub(super) fn query(query: Option<&str>) -> Result<Parameters, HttpError> {
    let mut parameters = Parameters::default();
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query.unwrap_or_default())
        .map_err(|error| HttpError::Query(error.to_string()))?;
    for (name, value) in pairs {
        parameters.push(name, value);
    }
    Ok(parameters)
}

async fn raw(
    body: Limited<Body>,
    parameters: Parameters,
    limit: usize,
) -> Result<Submission, HttpError> {
    let image = collect(body, limit).await?;
    if image.is_empty() {
        return Err(HttpError::NoImage("the body is empty"));
    }
    Ok(Submission { image: PictureFile(image), parameters })
}

async fn collect(body: Limited<Body>, limit: usize) -> Result<Bytes, HttpError> {
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(HttpError::BodyTooLarge { limit }),
        Err(error) => Err(HttpError::Body(error.to_string())),
    }
}

async fn multipart(
    body: Limited<Body>,
    boundary: String,
    mut parameters: Parameters,
    limit: usize,
) -> Result<Submission, HttpError> {
    let failed = |error: multer::Error| multipart_error(&error, limit);
    let mut parts = multer::Multipart::new(body.into_data_stream(), boundary);
    let mut image = None;
    let mut fields = 0;
    while let Some(mut field) = parts.next_field().await.map_err(failed)? {
        fields += 1;
        if fields > FIELDS {
            return Err(HttpError::Body(format!("there are more than {FIELDS} parts")));
        }
        let name = field.name().unwrap_or_default().to_owned();
        if name == "image" {
            let bytes = field.bytes().await.map_err(failed)?;
            if image.replace(bytes).is_some() {
                return Err(HttpError::SeveralImages);
            }
            continue;
        }
        let mut value = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(failed)? {
            value.extend_from_slice(&chunk);
            if value.len() > FIELD_BYTES {
                let text = format!("part {name:?} is longer than {FIELD_BYTES} bytes{ONE_FILE}");
                return Err(HttpError::Body(text));
            }
        }
        let value = String::from_utf8(value)
            .map_err(|_| HttpError::Body(format!("part {name:?} is not UTF-8 text{ONE_FILE}")))?;
        parameters.push(name, value);
    }
    match image {
        None => {
            Err(HttpError::NoImage("the form has no part named image (curl -F image=@photo.jpg)"))
        }
        Some(image) if image.is_empty() => Err(HttpError::NoImage("the part named image is empty")),
        Some(image) => Ok(Submission { image: PictureFile(image), parameters }),
    }
}

fn multipart_error(error: &multer::Error, limit: usize) -> HttpError {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return HttpError::BodyTooLarge { limit };
        }
        cause = error.source();
    }
    HttpError::Body(error.to_string())
}

/// What a JSON body should be.
const OBJECT: &str = "expected an object with the picture as base64 under \"image\"";

fn parse(body: &[u8]) -> Result<Map<String, Value>, HttpError> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| HttpError::Json(format!("the body is not JSON: {error}; {OBJECT}")))?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(HttpError::Json(format!("the body is not an object; {OBJECT}"))),
    }
}

/// The body as a JSON object, whatever type it says it has.
pub(super) async fn collect_json(
    request: Request,
    body_limit: usize,
) -> Result<Map<String, Value>, HttpError> {
    let body = Limited::new(request.into_body(), body_limit);
    parse(&collect(body, body_limit).await?)
}

/// One of several pictures in a JSON body, with its parameters: the same object as `POST /predict`
/// takes, in which the picture may also be TensorFlow Serving's `{"b64": "…"}`.
pub(super) fn instance(value: Value, model: &str) -> Result<Submission, HttpError> {
    let Value::Object(mut object) = value else {
        return Err(HttpError::Json(format!("the instance is not an object; {OBJECT}")));
    };
    if let Some(Value::Object(image)) = object.get_mut("image")
        && let (Some(text), 1) = (image.get_mut("b64").map(Value::take), image.len())
    {
        object.insert("image".to_owned(), text);
    }
    let mut parameters = Parameters::default();
    parameters.push("model", model);
    submission(object, parameters)
}

/// The picture as base64 under `image`, the parameters as strings, numbers, booleans or lists.
fn submission(
    object: Map<String, Value>,
    mut parameters: Parameters,
) -> Result<Submission, HttpError> {
    let mut image = None;
    for (name, value) in object {
        match value {
            Value::String(text) if name == "image" => image = Some(decode_base64(&text)?),
            _ if name == "image" => {
                return Err(HttpError::Json("image is not a string of base64".to_owned()));
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
        Some(image) => Ok(Submission { image: PictureFile(image), parameters }),
    }
}

fn scalar(name: &str, value: Value) -> Result<String, HttpError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(HttpError::Json(format!("{name} is neither a value nor a list of values"))),
    }
}

/// Plain base64, or a `data:` URL.
pub(super) fn decode_base64(text: &str) -> Result<Bytes, HttpError> {
    let payload = match text.strip_prefix("data:") {
        Some(url) => url.split_once(";base64,").map_or(url, |(_, payload)| payload),
        None => text,
    };
    BASE64
        .decode(payload.trim())
        .map(Bytes::from)
        .map_err(|error| HttpError::Json(format!("image is not base64: {error}")))
}
