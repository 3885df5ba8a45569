//! The HTTP service: connections, routes, request bodies, answers and problems. Only this module
//! knows status codes.

mod accept;
mod access;
mod admission;
mod app_state;
mod connection_limit;
mod connection_state;
mod connections;
mod error;
mod event_stream;
mod guarded_body;
mod handler;
mod info;
mod json_body;
mod kserve;
mod lingering_close;
mod metrics;
mod metrics_route;
mod middleware;
mod model_name;
mod models;
mod multipart;
mod outcome;
mod page;
mod phase;
mod probes;
mod problem;
mod query;
mod request_body;
mod request_id;
mod request_input;
mod request_log;
mod request_span;
mod routes;
mod security_headers;
mod timeout_stream;
mod trace_context;

pub use access::{Access, AccessError};
pub use app_state::AppState;
pub use connections::serve;
pub use error::HttpError;
pub use handler::{streaming_use_case, use_case};
pub use middleware::with_middleware;
pub use phase::Phase;
pub use request_input::{RequestInput, UseCaseRequest};
pub use routes::router;
