use std::collections::HashSet;
use std::fmt::Display;
use std::str::FromStr;

use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};

use super::{did_you_mean, excerpt, nearest};

/// One parameter of a use case: the query string, form fields, JSON keys and command-line flags
/// all have these names.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What a value looks like, for usage lines.
    pub value: &'static str,
    /// What it does, and its default.
    pub help: &'static str,
    /// Whether it may be given several times.
    pub repeatable: bool,
}

/// The most values of one request, and the most numbers of one parameter, those between commas
/// counted one by one.
pub const MAX_VALUES: usize = 1024;
/// The most bytes of a name or a value.
pub const MAX_VALUE_BYTES: usize = 4096;

/// What can be wrong with a parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The request has more than [`MAX_VALUES`] values.
    #[error("the request has more than {MAX_VALUES} parameter values; send fewer in each request")]
    TooMany,
    /// A name or a value has more than [`MAX_VALUE_BYTES`] bytes.
    #[error("the parameter {name:?} is longer than {MAX_VALUE_BYTES} bytes; send a shorter one")]
    TooLong {
        /// The start of its name.
        name: String,
    },
    /// No parameter has this name.
    #[error(
        "there is no parameter {name:?} here{}; there are: {}",
        did_you_mean(.nearest.as_slice()),
        .known.join(", ")
    )]
    Unknown {
        /// The name that was given.
        name: String,
        /// The parameter that was probably meant.
        nearest: Option<&'static str>,
        /// The parameters that exist.
        known: Vec<&'static str>,
    },
    /// A parameter that is not repeatable was given several times.
    #[error("{name} was given {times} times; give it once")]
    Repeated {
        /// The parameter.
        name: &'static str,
        /// How often it was given.
        times: usize,
    },
    /// A value is not one that the parameter takes.
    #[error("{name} = {value:?} is not valid: {expected}")]
    Invalid {
        /// The parameter.
        name: &'static str,
        /// The value that was given.
        value: String,
        /// What it takes.
        expected: String,
    },
}

/// The parameters of one request, by name and in the order given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
    /// Names given without a value, as JSON can: `"layer": []`.
    bare: Vec<String>,
}

impl Parameters {
    /// Adds a value of a parameter.
    ///
    /// # Errors
    /// [`ParameterError::TooMany`] and [`ParameterError::TooLong`].
    pub fn push(
        &mut self,
        name: impl AsRef<str> + Into<String>,
        value: impl AsRef<str> + Into<String>,
    ) -> Result<(), ParameterError> {
        self.check_room(name.as_ref(), value.as_ref())?;
        self.pairs.push((name.into(), value.into()));
        Ok(())
    }

    /// Adds a name without a value. It counts as not given, but [`check`](Self::check) refuses it
    /// if no parameter has this name.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn mention(&mut self, name: impl AsRef<str> + Into<String>) -> Result<(), ParameterError> {
        self.check_room(name.as_ref(), "")?;
        self.bare.push(name.into());
        Ok(())
    }

    fn check_room(&self, name: &str, value: &str) -> Result<(), ParameterError> {
        if self.pairs.len() + self.bare.len() >= MAX_VALUES {
            return Err(ParameterError::TooMany);
        }
        if name.len().max(value.len()) > MAX_VALUE_BYTES {
            return Err(ParameterError::TooLong { name: excerpt(name) });
        }
        Ok(())
    }

    /// The parameters that have one of `names`.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        let is_named = |(key, _): &&(String, String)| names.contains(&key.as_str());
        let pairs = self.pairs.iter().filter(is_named).cloned().collect();
        Self { pairs, bare: Vec::new() }
    }

    /// Refuses a name that is not in `table`, and the repetition of a parameter that is not
    /// repeatable.
    ///
    /// # Errors
    /// [`ParameterError::Unknown`] and [`ParameterError::Repeated`].
    pub fn check(&self, table: &[Parameter]) -> Result<(), ParameterError> {
        let find = |name: &str| {
            let found = table.iter().position(|parameter| parameter.name == name);
            found.ok_or_else(|| {
                let known: Vec<&str> = table.iter().map(|parameter| parameter.name).collect();
                let nearest = nearest(name, known.iter().copied()).into_iter().next();
                ParameterError::Unknown { name: excerpt(name), nearest, known }
            })
        };
        let mut times = vec![0; table.len()];
        for (name, _) in &self.pairs {
            times[find(name)?] += 1;
        }
        for name in &self.bare {
            find(name)?;
        }
        let repeated = table.iter().zip(times).find(|(it, times)| *times > 1 && !it.repeatable);
        match repeated {
            Some((parameter, times)) => {
                Err(ParameterError::Repeated { name: parameter.name, times })
            }
            None => Ok(()),
        }
    }

    /// Every value of `name`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The different values of `name`, in the order given.
    #[must_use]
    pub fn distinct<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        let mut seen = HashSet::new();
        self.all(name).filter(|value| seen.insert(*value)).collect()
    }

    /// The value of `name`, where it was given.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name` read as a word of an enumeration, where it was given.
    ///
    /// # Errors
    /// [`ParameterError::Invalid`] with the words of the enumeration.
    pub fn word<T: DeserializeOwned>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, ParameterError> {
        let read = |value: &str| {
            let word = IntoDeserializer::<ValueError>::into_deserializer(value);
            T::deserialize(word).map_err(|error| invalid(name, value, error.to_string()))
        };
        self.text(name).map(read).transpose()
    }

    /// The value of `name` as its type reads it, where it was given.
    ///
    /// # Errors
    /// [`ParameterError::Invalid`] with the error text of the type.
    pub fn parsed<T>(&self, name: &'static str) -> Result<Option<T>, ParameterError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let read = |value: &str| {
            value.parse().map_err(|error: T::Err| invalid(name, value, error.to_string()))
        };
        self.text(name).map(read).transpose()
    }

    /// The value of `name` as a whole number of `range`, where it was given.
    ///
    /// # Errors
    /// [`ParameterError::Invalid`].
    pub fn number(
        &self,
        name: &'static str,
        range: std::ops::RangeInclusive<usize>,
    ) -> Result<Option<usize>, ParameterError> {
        let read = |value: &str| match value.parse::<usize>() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => {
                let (low, high) = (range.start(), range.end());
                Err(invalid(name, value, format!("a whole number from {low} to {high}")))
            }
        };
        self.text(name).map(read).transpose()
    }

    /// The value of `name` as a number from 0 to 1, where it was given.
    ///
    /// # Errors
    /// [`ParameterError::Invalid`].
    pub fn fraction(&self, name: &'static str) -> Result<Option<f64>, ParameterError> {
        self.decimal(name, 0.0..=1.0)
    }

    /// The value of `name` as a number of `range`, where it was given.
    ///
    /// # Errors
    /// [`ParameterError::Invalid`].
    pub fn decimal(
        &self,
        name: &'static str,
        range: std::ops::RangeInclusive<f64>,
    ) -> Result<Option<f64>, ParameterError> {
        let read = |value: &str| match value.parse::<f64>() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => {
                let (low, high) = (range.start(), range.end());
                Err(invalid(name, value, format!("a number from {low} to {high}")))
            }
        };
        self.text(name).map(read).transpose()
    }

    /// The value of `name` as a boolean, where it was given.
    ///
    /// # Errors
    /// [`ParameterError::Invalid`].
    pub fn switch(&self, name: &'static str) -> Result<Option<bool>, ParameterError> {
        let read = |value: &str| match value {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(invalid(name, value, "true or false".to_owned())),
        };
        self.text(name).map(read).transpose()
    }

    /// The different whole numbers, given one by one or separated by commas, in the order given.
    ///
    /// # Errors
    /// [`ParameterError::Invalid`] and [`ParameterError::TooMany`].
    pub fn numbers(&self, name: &'static str) -> Result<Vec<usize>, ParameterError> {
        let expected = "whole numbers, one or several with commas";
        let given =
            self.all(name).flat_map(|value| value.split(',').map(move |number| (value, number)));
        let (mut numbers, mut seen) = (Vec::new(), HashSet::new());
        for (times, (value, number)) in given.enumerate() {
            if times == MAX_VALUES {
                return Err(ParameterError::TooMany);
            }
            let number = number.trim().parse();
            let number = number.map_err(|_| invalid(name, value, expected.to_owned()))?;
            if seen.insert(number) {
                numbers.push(number);
            }
        }
        Ok(numbers)
    }
}

fn invalid(name: &'static str, value: &str, expected: String) -> ParameterError {
    ParameterError::Invalid { name, value: excerpt(value), expected }
}
