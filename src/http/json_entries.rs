//! The entries of a JSON object and the items of a list, one by one.
//!
//! Their values are pieces of the body's text. No tree of values is built, so reading a body takes
//! little more memory than the body itself, whatever is in it.

use std::fmt::{Formatter, Result as FmtResult};

use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::HttpError;

/// Why an object or a list was not read to its end.
pub(super) enum EntriesError {
    /// The text is not JSON.
    Syntax(serde_json::Error),
    /// The text is no object, or no list.
    Kind,
    /// An entry was refused.
    Refused(HttpError),
}

/// Calls `each` with every key of a JSON object and its value, until it fails.
///
/// # Errors
/// [`EntriesError`].
pub(super) fn for_each_entry<'j>(
    json: &'j [u8],
    each: impl FnMut(String, &'j RawValue) -> Result<(), HttpError>,
) -> Result<(), EntriesError> {
    read(json, b'{', each)
}

/// Calls `each` with every item of a JSON list, until it fails.
///
/// # Errors
/// [`EntriesError`].
pub(super) fn for_each_item<'j>(
    json: &'j RawValue,
    mut each: impl FnMut(&'j RawValue) -> Result<(), HttpError>,
) -> Result<(), EntriesError> {
    read(json.get().as_bytes(), b'[', |_, item| each(item))
}

/// Reads an object or a list that begins with `bracket`. The key of an item is empty.
fn read<'j>(
    json: &'j [u8],
    bracket: u8,
    each: impl FnMut(String, &'j RawValue) -> Result<(), HttpError>,
) -> Result<(), EntriesError> {
    if json.trim_ascii_start().first() != Some(&bracket) {
        return Err(EntriesError::Kind);
    }
    let mut refused = None;
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = reader.deserialize_any(Entries { each, refused: &mut refused });
    match (read.and_then(|()| reader.end()), refused) {
        (_, Some(refused)) => Err(EntriesError::Refused(refused)),
        (Err(error), None) => Err(EntriesError::Syntax(error)),
        (Ok(()), None) => Ok(()),
    }
}

/// serde's errors are texts. The error of `each` is kept in `refused`.
struct Entries<'r, F> {
    each: F,
    refused: &'r mut Option<HttpError>,
}

impl<'j, F: FnMut(String, &'j RawValue) -> Result<(), HttpError>> Visitor<'j> for Entries<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'j>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry()? {
            (self.each)(key, value).map_err(|error| refuse(self.refused, error))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'j>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            (self.each)(String::new(), item).map_err(|error| refuse(self.refused, error))?;
        }
        Ok(())
    }
}

fn refuse<E: Error>(refused: &mut Option<HttpError>, error: HttpError) -> E {
    *refused = Some(error);
    E::custom("refused")
}
