use std::fmt::Display;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::config::{MAX_VALUE_BYTES, MAX_VALUES, ParameterError, excerpt};
use crate::http::error::HttpError;
use crate::http::json_body::text;
use crate::http::json_entries::{EntriesError, for_each_item};

/// An inference request. Its other keys are ignored. The values are pieces of the body's text.
#[derive(Debug, Deserialize)]
pub(super) struct InferenceRequest<'b> {
    #[serde(borrow)]
    id: Option<&'b RawValue>,
    #[serde(borrow)]
    pub(super) inputs: &'b RawValue,
    #[serde(borrow)]
    outputs: Option<&'b RawValue>,
    parameters: Option<RequestParameters>,
}

#[derive(Debug, Deserialize)]
struct RequestParameters {
    /// Whether the outputs are sent as binary data, where they do not say so themselves.
    binary_data_output: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct RequestedOutput<'b> {
    #[serde(borrow)]
    name: &'b RawValue,
    parameters: Option<OutputParameters>,
}

#[derive(Debug, Deserialize)]
struct OutputParameters {
    binary_data: Option<bool>,
    // Triton's extensions. Without them the answer would not be what the request asks for.
    classification: Option<IgnoredAny>,
    shared_memory_region: Option<IgnoredAny>,
}

impl OutputParameters {
    /// Refuses the extensions that are not supported.
    fn check(&self) -> Result<(), HttpError> {
        let parameter = match self {
            it if it.classification.is_some() => "classification",
            it if it.shared_memory_region.is_some() => "shared_memory_region",
            _ => return Ok(()),
        };
        Err(HttpError::InvalidJson(format!(
            "the parameter {parameter} of an output is not supported; leave it out"
        )))
    }
}

/// An output of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChosenOutput {
    pub(super) name: &'static str,
    /// Whether its data are sent behind the JSON object.
    pub(super) is_binary: bool,
}

impl InferenceRequest<'_> {
    /// The id, which the answer repeats.
    ///
    /// # Errors
    /// [`HttpError::InvalidJson`].
    pub(super) fn id(&self) -> Result<Option<String>, HttpError> {
        let Some(id) = self.id else { return Ok(None) };
        match text(id) {
            Some(id) if id.len() <= MAX_VALUE_BYTES => Ok(Some(id.into_owned())),
            _ => Err(invalid("id", format!("send a string of at most {MAX_VALUE_BYTES} bytes"))),
        }
    }

    /// The outputs that the request asks for, each once; all of `known`, where it names none.
    ///
    /// # Errors
    /// [`HttpError::InvalidJson`], and [`ParameterError::TooMany`].
    pub(super) fn chosen_outputs(
        &self,
        known: &[&'static str],
    ) -> Result<Vec<ChosenOutput>, HttpError> {
        let all_binary = self.parameters.as_ref().and_then(|it| it.binary_data_output);
        let all_binary = all_binary.unwrap_or(false);
        let (mut chosen, mut times) = (Vec::new(), 0);
        for_each(self.outputs, "outputs", |output| {
            times += 1;
            if times > MAX_VALUES {
                return Err(ParameterError::TooMany.into());
            }
            let output = chosen_output(output, known, all_binary)?;
            let ChosenOutput { name, .. } = output;
            match chosen.iter().find(|it: &&ChosenOutput| it.name == name) {
                None => chosen.push(output),
                Some(known) if *known == output => {}
                Some(_) => {
                    let text = format!("the output {name} is asked for in JSON and in binary");
                    return Err(HttpError::InvalidJson(format!("{text}; ask for one of them")));
                }
            }
            Ok(())
        })?;
        if chosen.is_empty() {
            chosen.extend(known.iter().map(|name| ChosenOutput { name, is_binary: all_binary }));
        }
        Ok(chosen)
    }
}

/// One requested output, which is one of `known`.
fn chosen_output(
    output: &RawValue,
    known: &[&'static str],
    all_binary: bool,
) -> Result<ChosenOutput, HttpError> {
    let output: RequestedOutput<'_> = entries("an output", output.get().as_bytes())?;
    if let Some(parameters) = &output.parameters {
        parameters.check()?;
    }
    let given = text(output.name).unwrap_or_default();
    let Some(name) = known.iter().copied().find(|name| *name == given) else {
        let (name, known) = (excerpt(output.name.get()), known.join(", "));
        let text = format!("the model has no output {name}, only {known}");
        return Err(HttpError::InvalidJson(text));
    };
    let is_binary = output.parameters.and_then(|it| it.binary_data).unwrap_or(all_binary);
    Ok(ChosenOutput { name, is_binary })
}

/// Reads the keys of an object. `what` names it in error texts.
///
/// # Errors
/// [`HttpError::InvalidJson`].
pub(super) fn entries<'b, T: Deserialize<'b>>(what: &str, json: &'b [u8]) -> Result<T, HttpError> {
    match json.trim_ascii_start().first() {
        Some(b'{') => serde_json::from_slice(json).map_err(|error| invalid(what, error)),
        _ => Err(invalid(what, "it is not an object")),
    }
}

/// Calls `each` with every item of the list under `key`, if it is there.
///
/// # Errors
/// [`HttpError::InvalidJson`], and those of `each`.
pub(super) fn for_each<'b>(
    list: Option<&'b RawValue>,
    key: &str,
    each: impl FnMut(&'b RawValue) -> Result<(), HttpError>,
) -> Result<(), HttpError> {
    let Some(list) = list else { return Ok(()) };
    for_each_item(list, each).map_err(|error| match error {
        EntriesError::Refused(error) => error,
        _ => invalid(key, "it is not a list"),
    })
}

fn invalid(what: &str, error: impl Display) -> HttpError {
    HttpError::InvalidJson(format!("{what} is not that of an inference request: {error}"))
}
