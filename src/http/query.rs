use axum::RequestPartsExt;
use axum::extract::RawPathParams;
use axum::http::Uri;
use axum::http::request::Parts;

use super::error::HttpError;
use crate::config::{ParameterError, Parameters};

/// The parameters in the query string.
///
/// # Errors
/// There are too many values, or one is too long.
pub(super) fn query_parameters(uri: &Uri) -> Result<Parameters, HttpError> {
    let mut parameters = Parameters::default();
    add_query(uri, &mut parameters)?;
    Ok(parameters)
}

/// The parameters in the path, such as `{model}`, and in the query string.
///
/// # Errors
/// [`HttpError::NoRoute`] where the path is not UTF-8. There are too many values, or one is too
/// long.
pub(super) async fn path_and_query_parameters(parts: &mut Parts) -> Result<Parameters, HttpError> {
    let in_path = parts.extract::<RawPathParams>().await;
    let in_path = in_path.map_err(|_| HttpError::NoRoute { path: parts.uri.path().to_owned() })?;
    let mut parameters = Parameters::default();
    for (name, value) in &in_path {
        parameters.push(name, value)?;
    }
    add_query(&parts.uri, &mut parameters)?;
    Ok(parameters)
}

/// Refuses every parameter, for routes that have none.
///
/// # Errors
/// The first parameter is unknown, or as [`query_parameters`].
pub(super) fn refuse_parameters(uri: &Uri) -> Result<(), HttpError> {
    Ok(query_parameters(uri)?.check(&[])?)
}

fn add_query(uri: &Uri, parameters: &mut Parameters) -> Result<(), ParameterError> {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .try_for_each(|(name, value)| parameters.push(name, value))
}
