use axum::body::Body;
use http_body_util::{BodyExt, Limited};
use multer::Multipart;

use super::body_error::body_error;
use super::error::HttpError;
use crate::config::{MAX_VALUE_BYTES, MAX_VALUES, ParameterError, Parameters, excerpt};
use crate::service::PictureFile;

/// The most parts of a form: its parameters, and the picture.
const MAX_PARTS: usize = MAX_VALUES + 1;
/// The remedy for callers that send the picture under another name.
const REMEDY: &str = "; the picture is the part named image (curl -F image=@photo.jpg)";

/// Reads a `multipart/form-data` body. The picture is the part `image`. Every other part is added
/// to `parameters`.
///
/// # Errors
/// The form is malformed or too large, has no picture, or has several.
pub(super) async fn read_form(
    body: Limited<Body>,
    boundary: String,
    limit: usize,
    parameters: &mut Parameters,
) -> Result<PictureFile, HttpError> {
    let error = |error: multer::Error| body_error(&error, limit);
    let mut form = Multipart::new(body.into_data_stream(), boundary);
    let mut image = None;
    let mut parts = 0;
    while let Some(mut part) = form.next_field().await.map_err(error)? {
        parts += 1;
        if parts > MAX_PARTS {
            return Err(ParameterError::TooMany.into());
        }
        let name = part.name().unwrap_or_default().to_owned();
        if name == "image" {
            if image.is_some() {
                return Err(HttpError::SeveralImages);
            }
            image = Some(part.bytes().await.map_err(error)?);
            continue;
        }
        let mut value = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(error)? {
            value.extend_from_slice(&chunk);
            if value.len() > MAX_VALUE_BYTES {
                let name = excerpt(&name);
                let text = format!("part {name:?} is longer than {MAX_VALUE_BYTES} bytes");
                return Err(HttpError::UnreadableBody(text + REMEDY));
            }
        }
        let value = String::from_utf8(value).map_err(|_| {
            let name = excerpt(&name);
            HttpError::UnreadableBody(format!("part {name:?} is not UTF-8 text{REMEDY}"))
        })?;
        parameters.push(name, value)?;
    }
    match image {
        None => {
            Err(HttpError::NoImage("the form has no part named image (curl -F image=@photo.jpg)"))
        }
        Some(image) if image.is_empty() => Err(HttpError::NoImage("the part named image is empty")),
        Some(image) => Ok(PictureFile(image)),
    }
}
