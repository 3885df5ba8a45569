use axum::http::HeaderMap;

/// The trace that a request belongs to, from the W3C header `traceparent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TraceParent {
    /// 32 hexadecimal digits.
    pub(super) trace: String,
    /// The caller's span, 16 hexadecimal digits.
    pub(super) span: String,
    /// Whether the caller records this trace.
    pub(super) sampled: bool,
}

impl TraceParent {
    /// Reads the header. A missing header gives none. So does an invalid one, which the
    /// specification says to ignore (<https://www.w3.org/TR/trace-context/#traceparent-header>).
    pub(super) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all("traceparent").iter();
        let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
        let mut fields = value.split('-');
        let version = digits(fields.next()?, 2)?;
        let trace = digits(fields.next()?, 32)?;
        let span = digits(fields.next()?, 16)?;
        let flags = digits(fields.next()?, 2)?;
        // Version ff is invalid. Version 00 has four fields, later versions may append more.
        let is_valid = version != "ff" && (version != "00" || fields.next().is_none());
        let is_zero = |digits: &str| digits.bytes().all(|digit| digit == b'0');
        if !is_valid || is_zero(trace) || is_zero(span) {
            return None;
        }
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self { trace: trace.to_owned(), span: span.to_owned(), sampled })
    }

    /// Does nothing: this build exports no traces.
    #[cfg(not(feature = "otlp"))]
    pub(super) fn set_as_parent_of(&self, _: &tracing::Span) {}

    /// Makes `span` a child of the caller's span.
    #[cfg(feature = "otlp")]
    pub(super) fn set_as_parent_of(&self, span: &tracing::Span) {
        use opentelemetry::trace::{
            SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
        };
        use tracing_opentelemetry::OpenTelemetrySpanExt;
        let ids = (TraceId::from_hex(&self.trace), SpanId::from_hex(&self.span));
        let (Ok(trace), Ok(parent)) = ids else { return };
        let flags = if self.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let remote = SpanContext::new(trace, parent, flags, true, TraceState::default());
        // This fails only for a span that is not exported.
        let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(remote));
    }
}

/// `text`, if it consists of `count` lower-case hexadecimal digits.
fn digits(text: &str, count: usize) -> Option<&str> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == count && text.bytes().all(is_digit)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_header_is_ignored() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let cases = [
            (format!("00-{trace}-00f067aa0ba902b7-01"), Some(true)),
            (format!("00-{trace}-00f067aa0ba902b7-00"), Some(false)),
            (format!("01-{trace}-00f067aa0ba902b7-01-more"), Some(true)),
            (format!("00-{trace}-00f067aa0ba902b7-01-more"), None),
            (format!("ff-{trace}-00f067aa0ba902b7-01"), None),
            (format!("00-{trace}-0000000000000000-01"), None),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), None),
            (format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()), None),
            (format!("00-{trace}-00f067aa0ba902b7"), None),
            (format!("00-{trace}0-00f067aa0ba902b7-01"), None),
            ("hello".to_owned(), None),
        ];
        for (value, sampled) in cases {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", value.parse().unwrap());
            let found = TraceParent::from_headers(&headers);
            assert_eq!(found.map(|parent| parent.sampled), sampled, "{value}");
        }
        assert_eq!(TraceParent::from_headers(&HeaderMap::new()), None);
    }
}
