use axum::body::Body;
use http_body_util::{BodyExt, Limited};
use multer::Multipart;

use super::body_error::body_error;
use super::error::HttpError;
use crate::config::Parameters;
use crate::service::PictureFile;

/// The most bytes of a part that is a parameter.
const MAX_PARAMETER_BYTES: usize = 4096;
/// The most parts of a form.
const MAX_PARTS: usize = 1024;
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
            let text = format!("the form has more than {MAX_PARTS} parts");
            return Err(HttpError::UnreadableBody(text));
        }
        let name = part.name().unwrap_or_default().to_owned();
        if name == "image" {
            let bytes = part.bytes().await.map_err(error)?;
            if image.replace(bytes).is_some() {
                return Err(HttpError::SeveralImages);
            }
            continue;
        }
        let mut value = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(error)? {
            value.extend_from_slice(&chunk);
            if value.len() > MAX_PARAMETER_BYTES {
                let text = format!("part {name:?} is longer than {MAX_PARAMETER_BYTES} bytes");
                return Err(HttpError::UnreadableBody(text + REMEDY));
            }
        }
        let value = String::from_utf8(value).map_err(|_| {
            HttpError::UnreadableBody(format!("part {name:?} is not UTF-8 text{REMEDY}"))
        })?;
        parameters.push(name, value);
    }
    match image {
        None => {
            Err(HttpError::NoImage("the form has no part named image (curl -F image=@photo.jpg)"))
        }
        Some(image) if image.is_empty() => Err(HttpError::NoImage("the part named image is empty")),
        Some(image) => Ok(PictureFile(image)),
    }
}
