use crate::config::{ParameterError, Parameters, excerpt};

/// A parameter of a method. The row says which values it takes; checking, `--help` and
/// `GET /methods` read it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MethodParameter {
    /// A whole number.
    Integer(Integer),
    /// A number.
    Number(Number),
    /// One of several words.
    Word(Word),
    /// A class of the model.
    Class(Class),
}

/// A parameter whose value is a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integer {
    /// Its name.
    pub name: &'static str,
    /// The smallest and the largest value.
    pub range: [usize; 2],
    /// The default. Without one, it depends on the model, and `help` states it.
    pub default: Option<usize>,
    /// What it does.
    pub help: &'static str,
}

/// A parameter whose value is a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// Its name.
    pub name: &'static str,
    /// The smallest and the largest value.
    pub range: [f64; 2],
    /// The default.
    pub default: f64,
    /// What it does.
    pub help: &'static str,
}

/// A parameter whose value is one of several words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// Its name.
    pub name: &'static str,
    /// The words.
    pub words: &'static [&'static str],
    /// The default.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// A parameter that names a class. Without it there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub help: &'static str,
}

impl MethodParameter {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Integer(row) => row.name,
            Self::Number(row) => row.name,
            Self::Word(row) => row.name,
            Self::Class(row) => row.name,
        }
    }

    /// What it does.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Integer(row) => row.help,
            Self::Number(row) => row.help,
            Self::Word(row) => row.help,
            Self::Class(row) => row.help,
        }
    }

    /// What a value looks like, for usage lines.
    #[must_use]
    pub fn values(&self) -> String {
        match self {
            Self::Integer(Integer { range: [low, high], .. }) => format!("{low}..={high}"),
            Self::Number(Number { range: [low, high], .. }) => format!("{low:?}..={high:?}"),
            Self::Word(row) => row.words.join("|"),
            Self::Class(_) => "INDEX|LABEL|ID".to_owned(),
        }
    }

    /// The default as text, where there is one.
    #[must_use]
    pub fn default(&self) -> Option<String> {
        match self {
            Self::Integer(row) => row.default.map(|default| default.to_string()),
            Self::Number(row) => Some(row.default.to_string()),
            Self::Word(row) => Some(row.default.to_owned()),
            Self::Class(_) => None,
        }
    }

    /// Whether both rows take the same values. Their defaults may differ.
    #[must_use]
    pub fn takes_same_values(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.values() == other.values()
    }

    /// The value that was given.
    fn read<E: From<ParameterError>>(
        &self,
        given: &Parameters,
        class: impl Fn(&str) -> Result<usize, E>,
    ) -> Result<Option<Value>, E> {
        Ok(match self {
            Self::Integer(Integer { name, range: [low, high], .. }) => {
                given.number(name, *low..=*high)?.map(Value::Integer)
            }
            Self::Number(Number { name, range: [low, high], .. }) => {
                given.decimal(name, *low..=*high)?.map(Value::Number)
            }
            Self::Word(row) => given.text(row.name).map(|text| row.read(text)).transpose()?,
            Self::Class(row) => given.text(row.name).map(class).transpose()?.map(Value::Class),
        })
    }
}

impl Word {
    fn read(&self, text: &str) -> Result<Value, ParameterError> {
        let found = self.words.iter().find(|word| **word == text);
        found.map(|word| Value::Word(word)).ok_or_else(|| ParameterError::Invalid {
            name: self.name,
            value: excerpt(text),
            expected: format!("one of {}", self.words.join(", ")),
        })
    }
}

/// A value that was given for a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Integer(usize),
    Number(f64),
    Word(&'static str),
    Class(usize),
}

/// The checked values of a method's parameters. A parameter that was not given has its default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    given: Vec<(&'static str, Value)>,
}

impl Options {
    /// Reads the parameters in `rows`. `class` gives the index of a named class.
    ///
    /// # Errors
    /// [`ParameterError::Invalid`], and what `class` returns.
    pub fn read<E: From<ParameterError>>(
        given: &Parameters,
        rows: &[MethodParameter],
        class: impl Fn(&str) -> Result<usize, E>,
    ) -> Result<Self, E> {
        let mut options = Self::default();
        for row in rows {
            let value = row.read(given, &class)?;
            options.given.extend(value.map(|value| (row.name(), value)));
        }
        Ok(options)
    }

    fn value(&self, name: &str) -> Option<Value> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| *value)
    }

    /// The value of a whole number, or its default. None where it has neither.
    #[must_use]
    pub fn integer_or_none(&self, row: &Integer) -> Option<usize> {
        match self.value(row.name) {
            Some(Value::Integer(value)) => Some(value),
            _ => row.default,
        }
    }

    /// The value of a whole number, or its default. The smallest value where it has neither.
    #[must_use]
    pub fn integer(&self, row: &Integer) -> usize {
        self.integer_or_none(row).unwrap_or(row.range[0])
    }

    /// The value of a number, or its default.
    #[must_use]
    pub fn number(&self, row: &Number) -> f64 {
        match self.value(row.name) {
            Some(Value::Number(value)) => value,
            _ => row.default,
        }
    }

    /// The word that was given, or the default.
    #[must_use]
    pub fn word(&self, row: &Word) -> &'static str {
        match self.value(row.name) {
            Some(Value::Word(value)) => value,
            _ => row.default,
        }
    }

    /// The index of the class that was named.
    #[must_use]
    pub fn class(&self, row: &Class) -> Option<usize> {
        match self.value(row.name) {
            Some(Value::Class(value)) => Some(value),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: Integer = Integer { name: "steps", range: [1, 9], default: Some(5), help: "" };
    const SIDE: Integer = Integer { name: "side", range: [2, 9], default: None, help: "" };
    const NOISE: Number = Number { name: "noise", range: [0.0, 1.0], default: 0.25, help: "" };
    const FILL: Word = Word { name: "fill", words: &["zero", "mean"], default: "zero", help: "" };
    const AGAINST: Class = Class { name: "against", help: "" };

    const ROWS: &[MethodParameter] = &[
        MethodParameter::Integer(STEPS),
        MethodParameter::Integer(SIDE),
        MethodParameter::Number(NOISE),
        MethodParameter::Word(FILL),
        MethodParameter::Class(AGAINST),
    ];

    fn read(pairs: &[(&str, &str)]) -> Result<Options, ParameterError> {
        let mut given = Parameters::default();
        pairs.iter().for_each(|(name, value)| given.push(*name, *value).unwrap());
        Options::read(&given, ROWS, |label| Ok(label.len()))
    }

    #[test]
    fn values_are_read_and_the_rest_has_its_default() {
        let none = read(&[]).unwrap();
        assert_eq!((none.integer(&STEPS), none.integer_or_none(&SIDE)), (5, None));
        assert_eq!(
            (none.number(&NOISE), none.word(&FILL), none.class(&AGAINST)),
            (0.25, "zero", None)
        );
        let some =
            [("steps", "9"), ("side", "2"), ("noise", "1"), ("fill", "mean"), ("against", "cat")];
        let some = read(&some).unwrap();
        assert_eq!((some.integer(&STEPS), some.integer_or_none(&SIDE)), (9, Some(2)));
        assert_eq!(
            (some.number(&NOISE), some.word(&FILL), some.class(&AGAINST)),
            (1.0, "mean", Some(3))
        );
    }

    #[test]
    fn values_out_of_range_are_refused_with_the_range() {
        let cases = [
            ("steps", "0", "1 to 9"),
            ("steps", "10", "1 to 9"),
            ("side", "1", "2 to 9"),
            ("noise", "1.5", "0 to 1"),
            ("noise", "NaN", "0 to 1"),
            ("fill", "grey", "one of zero, mean"),
        ];
        for (name, value, expected) in cases {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(expected), "{error}");
        }
    }
}
