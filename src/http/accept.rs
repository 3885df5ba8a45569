use axum::http::{HeaderMap, header};

use super::HttpError;
use crate::service::OutputFormat;

/// The form that the caller likes best of those `offered`, whose first is the default
/// (RFC 9110 §12.5.1).
///
/// # Errors
/// [`HttpError::NotAcceptable`].
pub(super) fn negotiate(
    headers: &HeaderMap,
    offered: &[OutputFormat],
) -> Result<OutputFormat, HttpError> {
    let ranges: Vec<(String, f32)> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(range)
        .collect();
    let refused = || HttpError::NotAcceptable {
        offered: offered.iter().map(|form| form.media_type()).collect(),
    };
    if ranges.is_empty() {
        return offered.first().copied().ok_or_else(refused);
    }
    let mut best = None;
    let mut best_quality = 0.0;
    for &form in offered {
        let quality = quality(form.media_type(), &ranges);
        if quality > best_quality {
            (best, best_quality) = (Some(form), quality);
        }
    }
    best.ok_or_else(refused)
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

    fn chosen(accept: &str) -> Option<OutputFormat> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        negotiate(&headers, &[OutputFormat::Png, OutputFormat::Json, OutputFormat::Npz]).ok()
    }

    #[test]
    fn the_most_specific_range_and_the_highest_quality_win() {
        let cases = [
            ("*/*", Some(OutputFormat::Png)),
            ("application/json", Some(OutputFormat::Json)),
            ("application/*", Some(OutputFormat::Json)),
            ("application/*, application/json;q=0.1", Some(OutputFormat::Npz)),
            ("image/png;q=0.5, application/json", Some(OutputFormat::Json)),
            ("text/html, */*;q=0.1", Some(OutputFormat::Png)),
            ("image/png;q=0, */*", Some(OutputFormat::Json)),
            ("IMAGE/PNG", Some(OutputFormat::Png)),
            ("text/html", None),
            ("image/png;q=0", None),
        ];
        for (accept, expected) in cases {
            assert_eq!(chosen(accept), expected, "{accept}");
        }
    }
}
