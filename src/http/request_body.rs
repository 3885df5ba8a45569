use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};

use super::body_error::body_error;
use super::error::HttpError;
use super::json_body;
use super::multipart;
use crate::config::Parameters;
use crate::service::PictureFile;

/// Checks what the headers tell about the body, before it is read.
///
/// # Errors
/// [`HttpError::ContentEncoding`] and [`HttpError::BodyTooLarge`].
pub(super) fn check_headers(headers: &HeaderMap, limit: usize) -> Result<(), HttpError> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|it| *it != "identity") {
        let given = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
        return Err(HttpError::ContentEncoding { given });
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    match length.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > limit as u64 => Err(HttpError::BodyTooLarge { limit }),
        _ => Ok(()),
    }
}

/// Reads a picture from a body of at most `limit` bytes, and adds the parameters in the body to
/// `parameters`. The content type tells which of three forms the body has: a multipart form, a JSON
/// object, or the picture itself.
///
/// # Errors
/// The body is too large, malformed, or has no picture.
pub(super) async fn read_picture(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    parameters: &mut Parameters,
) -> Result<PictureFile, HttpError> {
    let content_type = content_type(headers);
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let limited = Limited::new(body, limit);
    match essence.as_str() {
        "multipart/form-data" => {
            let boundary = multer::parse_boundary(&content_type)
                .map_err(|_| HttpError::ContentType { given: content_type })?;
            multipart::read_form(limited, boundary, limit, parameters).await
        }
        "application/json" => {
            let object = json_body::object(&collect(limited, limit).await?)?;
            json_body::picture(object, parameters)
        }
        "" | "application/octet-stream" => read_raw(limited, limit).await,
        _ if essence.starts_with("image/") => read_raw(limited, limit).await,
        _ => Err(HttpError::ContentType { given: content_type }),
    }
}

/// Reads a body of at most `limit` bytes, whatever its content type.
///
/// # Errors
/// The body is too large or cannot be read.
pub(super) async fn read_bytes(request: Request, limit: usize) -> Result<Bytes, HttpError> {
    collect(Limited::new(request.into_body(), limit), limit).await
}

fn content_type(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE).map(|given| given.as_bytes());
    String::from_utf8_lossy(given.unwrap_or_default()).into_owned()
}

/// The body is the picture.
async fn read_raw(body: Limited<Body>, limit: usize) -> Result<PictureFile, HttpError> {
    let picture = collect(body, limit).await?;
    if picture.is_empty() {
        return Err(HttpError::NoImage("the body is empty"));
    }
    Ok(PictureFile(picture))
}

async fn collect(body: Limited<Body>, limit: usize) -> Result<Bytes, HttpError> {
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(body_error(error.as_ref(), limit)),
    }
}
