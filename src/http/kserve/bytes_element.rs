use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

/// One element of a tensor of datatype BYTES in JSON: a string, or a list of one string. A client
/// may write a tensor of the shape `[n, 1]` as nested lists.
#[derive(Debug)]
pub(super) struct BytesElement(pub(super) String);

impl<'de> Deserialize<'de> for BytesElement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor).map(Self)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of one string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<String, E> {
        Ok(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<String, A::Error> {
        let text = list.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        match list.next_element::<IgnoredAny>()? {
            None => Ok(text),
            Some(_) => Err(A::Error::invalid_length(2, &self)),
        }
    }
}
