//! The export of traces over OTLP. It is part of builds with the feature `otlp`, and runs when
//! `OTEL_EXPORTER_OTLP_ENDPOINT` is set.

use super::error::CliError;

/// The export of traces. Dropping it sends the traces that are still in memory.
pub(super) struct Traces {
    #[cfg(feature = "otlp")]
    provider: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

impl Drop for Traces {
    fn drop(&mut self) {
        #[cfg(feature = "otlp")]
        if let Some(provider) = &self.provider
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "some traces could not be sent");
        }
    }
}

/// No layer: this build exports no traces.
#[cfg(not(feature = "otlp"))]
pub(super) fn layer() -> Result<(Option<tracing_subscriber::layer::Identity>, Traces), CliError> {
    Ok((None, Traces {}))
}

/// A layer that exports spans, configured by OpenTelemetry's environment variables.
///
/// # Errors
/// [`CliError::Server`] where the endpoint is not valid.
#[cfg(feature = "otlp")]
pub(super) fn layer<S>() -> Result<(Option<impl tracing_subscriber::Layer<S>>, Traces), CliError>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::Layer;
    use tracing_subscriber::filter::{LevelFilter, Targets};
    let is_set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    if !ENDPOINTS.iter().any(is_set) {
        return Ok((None, Traces { provider: None }));
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build();
    let exporter = exporter.map_err(|error| CliError::Server(error.to_string()))?;
    let provider = SdkTracerProvider::builder()
        .with_resource(resource())
        .with_batch_exporter(exporter)
        .build();
    // Stages become spans when they are over, which only OpenTelemetry's own interface can do.
    opentelemetry::global::set_tracer_provider(provider.clone());
    let own = env!("CARGO_PKG_NAME");
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(own))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target(own, LevelFilter::INFO));
    Ok((Some(layer), Traces { provider: Some(provider) }))
}

/// The variables with the endpoint. Without one of them, no traces are exported.
#[cfg(feature = "otlp")]
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The name of the service, from `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES`, or else the
/// name of this package; and the version.
#[cfg(feature = "otlp")]
fn resource() -> opentelemetry_sdk::Resource {
    use opentelemetry::{Key, KeyValue};
    use opentelemetry_sdk::Resource;
    let given = Resource::builder().build().get(&Key::from_static_str("service.name"));
    let is_named = given.is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attribute(version);
    let own = env!("CARGO_PKG_NAME");
    if is_named { resource.build() } else { resource.with_service_name(own).build() }
}
