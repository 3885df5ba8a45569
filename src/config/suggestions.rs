//! Callers' texts in messages, and suggestions for misspelt names.

/// A caller's text, cut to 80 characters for an error message.
#[must_use]
pub fn excerpt(text: &str) -> String {
    truncated(text, 80)
}

/// `text`, or its first `limit` characters and `…`.
#[must_use]
pub fn truncated(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The candidates most similar to `name`, best first, at most five. Candidates that contain `name`
/// come before candidates that are only spelled similarly.
#[must_use]
pub fn nearest<'c>(name: &str, candidates: impl Iterator<Item = &'c str>) -> Vec<&'c str> {
    let name = excerpt(name).to_lowercase();
    let mut scored: Vec<(f64, &str)> = candidates
        .map(|candidate| (similarity(&name, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score > 0.0)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(5).map(|(_, candidate)| candidate).collect()
}

/// The end of an error about a name: `, did you mean a, b?`, or nothing without candidates.
#[must_use]
pub fn did_you_mean<T: AsRef<str>>(nearest: &[T]) -> String {
    let names: Vec<&str> = nearest.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { String::new() } else { format!(", did you mean {}?", names.join(", ")) }
}

/// From 1 to 2 where `candidate` contains `name`, higher the less text surrounds it. From 0 to 1
/// where it is spelled similarly. Otherwise 0.
fn similarity(name: &str, candidate: &str) -> f64 {
    const THRESHOLD: f64 = 0.72;
    if !name.is_empty() && candidate.contains(name) {
        return 1.0 + name.len() as f64 / candidate.len() as f64;
    }
    Some(strsim::jaro_winkler(name, candidate)).filter(|&score| score > THRESHOLD).unwrap_or(0.0)
}
