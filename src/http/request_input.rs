use axum::extract::Request;
use axum::http::HeaderMap;

use super::error::HttpError;
use super::query::path_and_query_parameters;
use super::request_body::{PictureBody, check_headers, read_picture};
use crate::config::Parameters;
use crate::service::{FilterStart, PictureFile};

/// What a request gives to a use case.
#[derive(Debug, Clone)]
pub struct UseCaseRequest<I> {
    /// The input: a picture, or nothing. Before a body is parsed, the body.
    pub input: I,
    /// The parameters from the path, the query string and the body, in this order.
    pub parameters: Parameters,
}

/// The input of a use case, as it is read from a request.
pub trait RequestInput: Send + Sized + 'static {
    /// The body that it is in.
    type Body: Send + 'static;

    /// Checks the headers before the body is read. `body_limit` is in bytes.
    ///
    /// # Errors
    /// The body is compressed or too large.
    fn check_headers(headers: &HeaderMap, body_limit: usize) -> Result<(), HttpError>;

    /// Reads a request whose body has at most `body_limit` bytes. This runs on the network's
    /// threads, so it waits and does no work.
    ///
    /// # Errors
    /// What is wrong with the query string, or with how the body arrives.
    fn read(
        request: Request,
        body_limit: usize,
    ) -> impl Future<Output = Result<UseCaseRequest<Self::Body>, HttpError>> + Send;

    /// Parses the body. This runs on a worker.
    ///
    /// # Errors
    /// What is wrong with the body.
    fn parse(request: UseCaseRequest<Self::Body>) -> Result<UseCaseRequest<Self>, HttpError>;
}

/// The body is the picture, or holds it.
impl RequestInput for PictureFile {
    type Body = PictureBody;

    fn check_headers(headers: &HeaderMap, body_limit: usize) -> Result<(), HttpError> {
        check_headers(headers, body_limit)
    }

    async fn read(
        request: Request,
        body_limit: usize,
    ) -> Result<UseCaseRequest<PictureBody>, HttpError> {
        let (mut parts, body) = request.into_parts();
        let mut parameters = path_and_query_parameters(&mut parts).await?;
        let input = read_picture(&parts.headers, body, body_limit, &mut parameters).await?;
        Ok(UseCaseRequest { input, parameters })
    }

    fn parse(request: UseCaseRequest<PictureBody>) -> Result<UseCaseRequest<Self>, HttpError> {
        let UseCaseRequest { input, mut parameters } = request;
        let input = input.parse(&mut parameters)?;
        Ok(UseCaseRequest { input, parameters })
    }
}

/// The body is not read.
impl RequestInput for () {
    type Body = ();

    fn check_headers(_: &HeaderMap, _: usize) -> Result<(), HttpError> {
        Ok(())
    }

    async fn read(request: Request, _: usize) -> Result<UseCaseRequest<Self>, HttpError> {
        let (mut parts, _) = request.into_parts();
        let parameters = path_and_query_parameters(&mut parts).await?;
        Ok(UseCaseRequest { input: (), parameters })
    }

    fn parse(request: UseCaseRequest<()>) -> Result<UseCaseRequest<()>, HttpError> {
        Ok(request)
    }
}

/// The body is not read: over HTTP, every ascent starts from random numbers.
impl RequestInput for FilterStart {
    type Body = ();

    fn check_headers(_: &HeaderMap, _: usize) -> Result<(), HttpError> {
        Ok(())
    }

    async fn read(request: Request, limit: usize) -> Result<UseCaseRequest<()>, HttpError> {
        <() as RequestInput>::read(request, limit).await
    }

    fn parse(request: UseCaseRequest<()>) -> Result<UseCaseRequest<Self>, HttpError> {
        let parameters = request.parameters;
        Ok(UseCaseRequest { input: Self::default(), parameters })
    }
}
