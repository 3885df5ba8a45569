use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use subtle::ConstantTimeEq;

use super::access_error::{AccessError, MIN_KEY_LENGTH};

/// The most characters of a key's name.
const MAX_NAME_LENGTH: usize = 64;

/// An API key, and the name under which the log shows who used it.
#[derive(Clone)]
pub(super) struct ApiKey {
    pub(super) name: String,
    key: Box<[u8]>,
}

/// Prints the name and never the key.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.name)
    }
}

impl ApiKey {
    /// Reads `NAME:KEY`, `NAME = KEY` or `KEY`. `number` is its position, from 1. A key without a
    /// name is shown by 32 bits of its hash.
    ///
    /// # Errors
    /// [`AccessError::ShortKey`].
    pub(super) fn parse(text: &str, number: usize) -> Result<Self, AccessError> {
        let named = text.split_once(" = ").or_else(|| text.split_once(':'));
        let named = named.map(|(name, key)| (name.trim(), key.trim()));
        let (name, key) = match named.filter(|(name, _)| is_name(name)) {
            Some((name, key)) => (name.to_owned(), key),
            None => (label(text), text),
        };
        if key.len() < MIN_KEY_LENGTH {
            return Err(AccessError::ShortKey { number, length: key.len() });
        }
        Ok(Self { name, key: key.as_bytes().into() })
    }

    /// Whether `given` is this key. It takes the same time wherever they differ, so that response
    /// times reveal nothing but lengths.
    pub(super) fn is(&self, given: &[u8]) -> bool {
        self.key.ct_eq(given).into()
    }
}

fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    (1..=MAX_NAME_LENGTH).contains(&text.len()) && text.bytes().all(is_allowed)
}

fn label(key: &str) -> String {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    format!("key-{:08x}", hasher.finish() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef";

    #[test]
    fn a_key_has_the_name_before_it_or_a_label() {
        for (text, name) in [
            ("alice:0123456789abcdef", "alice"),
            ("alice: 0123456789abcdef", "alice"),
            ("ci-2.eu = 0123456789abcdef", "ci-2.eu"),
        ] {
            let key = ApiKey::parse(text, 1).unwrap();
            assert!(key.name == name && key.is(KEY.as_bytes()), "{text}: {key:?}");
        }
        let label = ApiKey::parse(KEY, 1).unwrap().name;
        assert!(label.len() == 12 && label.starts_with("key-"), "{label}");
        assert_ne!(ApiKey::parse("0123456789abcdeg", 1).unwrap().name, label);
        // What cannot be a name is part of the key.
        for text in ["two words:0123456789abcdef", ":0123456789abcdef", "MDEyMzQ1Njc4OWFiYw=="] {
            assert!(ApiKey::parse(text, 1).unwrap().is(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_short_key_is_refused_with_or_without_a_name() {
        for (text, length) in [("short", 5), ("a-long-name-for-it:short", 5), ("", 0)] {
            let error = ApiKey::parse(text, 3).unwrap_err();
            assert_eq!(error, AccessError::ShortKey { number: 3, length }, "{text}");
        }
    }
}
