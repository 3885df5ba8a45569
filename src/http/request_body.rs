use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body::Body as _;
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

/// A body that holds a picture.
#[derive(Debug)]
pub enum PictureBody {
    /// The picture itself.
    File(PictureFile),
    /// A JSON object. It is not parsed yet.
    Json(Bytes),
}

impl PictureBody {
    /// The picture. The parameters in a JSON object are added to `parameters`. This is work for a
    /// worker.
    ///
    /// # Errors
    /// The body is malformed, has no picture, or has too many or too long values.
    pub(super) fn parse(self, parameters: &mut Parameters) -> Result<PictureFile, HttpError> {
        match self {
            Self::File(picture) => Ok(picture),
            Self::Json(body) => json_body::picture(&body, parameters),
        }
    }
}

/// Reads a body of at most `limit` bytes, and adds the parameters in a form to `parameters`. The
/// content type tells which of three forms the body has: a multipart form, a JSON object, or the
/// picture itself.
///
/// # Errors
/// The body is too large, or malformed, or has no picture.
pub(super) async fn read_picture(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    parameters: &mut Parameters,
) -> Result<PictureBody, HttpError> {
    let content_type = content_type(headers);
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let limited = Limited::new(body, limit);
    match essence.as_str() {
        "multipart/form-data" => {
            let boundary = multer::parse_boundary(&content_type)
                .map_err(|_| HttpError::ContentType { given: content_type })?;
            multipart::read_form(limited, boundary, limit, parameters).await.map(PictureBody::File)
        }
        "application/json" => collect(limited, limit).await.map(PictureBody::Json),
        "" | "application/octet-stream" => read_raw(limited, limit).await,
        _ if essence.starts_with("image/") => read_raw(limited, limit).await,
        _ => Err(HttpError::ContentType { given: content_type }),
    }
}

/// Reads a body of at most `limit` bytes, whatever its content type.
///
/// # Errors
/// The body is too large or cannot be read.
pub(super) async fn read_body(request: Request, limit: usize) -> Result<Bytes, HttpError> {
    collect(Limited::new(request.into_body(), limit), limit).await
}

fn content_type(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE).map(|given| given.as_bytes());
    String::from_utf8_lossy(given.unwrap_or_default()).into_owned()
}

/// The body is the picture.
async fn read_raw(body: Limited<Body>, limit: usize) -> Result<PictureBody, HttpError> {
    let picture = collect(body, limit).await?;
    if picture.is_empty() {
        return Err(HttpError::NoImage("the body is empty"));
    }
    Ok(PictureBody::File(PictureFile(picture)))
}

/// Reads a body into one piece of memory, which is made at once where the length is announced.
/// Other connections get their turn after every piece, so that a short request does not wait for
/// many large bodies.
async fn collect(mut body: Limited<Body>, limit: usize) -> Result<Bytes, HttpError> {
    let announced = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    let mut collected = Vec::with_capacity(announced.unwrap_or(0).min(limit));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| body_error(error.as_ref(), limit))?;
        if let Some(data) = frame.data_ref() {
            collected.extend_from_slice(data);
        }
        tokio::task::yield_now().await;
    }
    Ok(collected.into())
}
