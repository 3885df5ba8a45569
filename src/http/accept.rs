use axum::http::{HeaderMap, header};

use super::error::HttpError;
use crate::service::OutputFormat;

/// A form in which an answer can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Representation {
    /// A file.
    File(OutputFormat),
    /// Server-sent events: the progress of the computation, then its result.
    EventStream,
}

impl Representation {
    fn media_type(self) -> &'static str {
        match self {
            Self::File(format) => format.media_type(),
            Self::EventStream => "text/event-stream",
        }
    }
}

/// The representation in `offered` that the `Accept` header prefers (RFC 9110 §12.5.1). The first
/// one is the default.
///
/// # Errors
/// [`HttpError::NotAcceptable`].
pub(super) fn negotiate(
    headers: &HeaderMap,
    offered: &[Representation],
) -> Result<Representation, HttpError> {
    let ranges: Vec<(String, f32)> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(range)
        .collect();
    let not_acceptable = || HttpError::NotAcceptable {
        offered: offered.iter().map(|representation| representation.media_type()).collect(),
    };
    if ranges.is_empty() {
        return offered.first().copied().ok_or_else(not_acceptable);
    }
    let mut best = None;
    let mut best_quality = 0.0;
    for &representation in offered {
        let quality = quality(representation.media_type(), &ranges);
        if quality > best_quality {
            (best, best_quality) = (Some(representation), quality);
        }
    }
    best.ok_or_else(not_acceptable)
}

/// A media range and its quality.
fn range(text: &str) -> Option<(String, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next().filter(|media| !media.is_empty())?.to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |quality| {
        quality.parse::<f32>().ok().filter(|quality| (0.0..=1.0).contains(quality))
    })?;
    Some((media, quality))
}

/// The quality of the most specific range that covers `media`.
fn quality(media: &str, ranges: &[(String, f32)]) -> f32 {
    let family = media.split('/').next().unwrap_or_default();
    let specificity = |range: &str| match range {
        _ if range == media => Some(2),
        _ if range.strip_suffix("/*") == Some(family) => Some(1),
        "*/*" => Some(0),
        _ => None,
    };
    let covering = ranges.iter().filter_map(|(range, quality)| {
        specificity(range).map(|specificity| (specificity, *quality))
    });
    covering.max_by_key(|(specificity, _)| *specificity).map_or(0.0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: Representation = Representation::File(OutputFormat::Png);
    const JSON: Representation = Representation::File(OutputFormat::Json);
    const NPZ: Representation = Representation::File(OutputFormat::Npz);

    fn chosen(accept: &str) -> Option<Representation> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        negotiate(&headers, &[PNG, JSON, NPZ, Representation::EventStream]).ok()
    }

    #[test]
    fn the_most_specific_range_and_the_highest_quality_win() {
        let cases = [
            ("*/*", Some(PNG)),
            ("application/json", Some(JSON)),
            ("application/*", Some(JSON)),
            ("application/*, application/json;q=0.1", Some(NPZ)),
            ("image/png;q=0.5, application/json", Some(JSON)),
            ("text/html, */*;q=0.1", Some(PNG)),
            ("image/png;q=0, */*", Some(JSON)),
            ("IMAGE/PNG", Some(PNG)),
            ("text/event-stream", Some(Representation::EventStream)),
            ("application/json, text/event-stream;q=0.9", Some(JSON)),
            ("application/json;q=0.9, text/event-stream", Some(Representation::EventStream)),
            ("text/html", None),
            ("image/png;q=0", None),
        ];
        for (accept, expected) in cases {
            assert_eq!(chosen(accept), expected, "{accept}");
        }
    }
}
