use axum::RequestPartsExt;
use axum::extract::RawPathParams;
use axum::http::Uri;
use axum::http::request::Parts;

use super::error::HttpError;
use crate::config::Parameters;
use crate::service::ServiceError;

/// The parameters in the query string.
///
/// # Errors
/// [`HttpError::InvalidQuery`].
pub(super) fn query_parameters(uri: &Uri) -> Result<Parameters, HttpError> {
    let mut parameters = Parameters::default();
    for (name, value) in pairs(uri)? {
        parameters.push(name, value);
    }
    Ok(parameters)
}

/// The parameters in the path, such as `{model}`, and in the query string.
///
/// # Errors
/// [`HttpError::NoRoute`] where the path is not UTF-8, [`HttpError::InvalidQuery`].
pub(super) async fn path_and_query_parameters(parts: &mut Parts) -> Result<Parameters, HttpError> {
    let in_path = parts.extract::<RawPathParams>().await;
    let in_path = in_path.map_err(|_| HttpError::NoRoute { path: parts.uri.path().to_owned() })?;
    let mut parameters = Parameters::default();
    for (name, value) in &in_path {
        parameters.push(name, value);
    }
    for (name, value) in pairs(&parts.uri)? {
        parameters.push(name, value);
    }
    Ok(parameters)
}

/// Refuses every parameter, for routes that have none.
///
/// # Errors
/// The first parameter is unknown; or [`HttpError::InvalidQuery`].
pub(super) fn refuse_parameters(uri: &Uri) -> Result<(), HttpError> {
    Ok(query_parameters(uri)?.check(&[]).map_err(ServiceError::from)?)
}

fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, HttpError> {
    serde_urlencoded::from_str(uri.query().unwrap_or_default())
        .map_err(|error| HttpError::InvalidQuery(error.to_string()))
}
