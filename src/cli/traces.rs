//! Traces over OTLP, where they are compiled in (the feature `otlp`) and `OTEL_EXPORTER_OTLP_ENDPOINT`
//! tells where to send them.

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
pub(super) fn layer() -> Result<(tracing_subscriber::layer::Identity, Traces), CliError> {
    Ok((tracing_subscriber::layer::Identity::new(), Traces {}))
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
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    if std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_none() {
        return Ok((None, Traces { provider: None }));
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build();
    let exporter = exporter.map_err(|error| CliError::Server(error.to_string()))?;
    let name = env!("CARGO_PKG_NAME");
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name(name).build())
        .with_batch_exporter(exporter)
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(name));
    Ok((Some(layer), Traces { provider: Some(provider) }))
}
