//! Traces over OTLP, where they are compiled in (the feature `otlp`) and
//! `OTEL_EXPORTER_OTLP_ENDPOINT` tells where to send them.

use super::CliError;

/// Sends what is left when it is dropped.
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
            tracing::warn!(%error, "some traces were not sent");
        }
    }
}

/// No traces are compiled in.
#[cfg(not(feature = "otlp"))]
pub(super) fn layer() -> Result<(Option<tracing_subscriber::layer::Identity>, Traces), CliError> {
    Ok((None, Traces {}))
}

/// A layer that sends spans, as the variables of OpenTelemetry have it.
///
/// # Errors
/// [`CliError::Server`] where the endpoint is none.
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
    // Stages are told when they are over, which only OpenTelemetry's own interface can.
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

/// Where traces go; without one of these they go nowhere.
#[cfg(feature = "otlp")]
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// What the operator calls this process, by `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES`, or
/// its own name.
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
