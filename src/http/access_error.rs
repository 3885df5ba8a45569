/// The fewest characters of an API key.
pub(super) const MIN_KEY_LENGTH: usize = 16;

/// An API key or an origin of the configuration is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// A key is short enough to guess.
    #[error(
        "API key {number} has {length} characters, but at least {MIN_KEY_LENGTH} are needed; \
         `openssl rand -hex 16` makes a good one"
    )]
    ShortKey {
        /// The position of the key, from 1.
        number: usize,
        /// Its length in characters.
        length: usize,
    },
    /// The text is not an origin.
    #[error("{0:?} is not an origin; write it as https://example.org, or * for every origin")]
    Origin(String),
}
