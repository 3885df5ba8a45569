use std::collections::HashMap;

/// The element types that convscope distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// 64-bit float.
    F64,
    /// Any integer.
    Int,
    /// Boolean.
    Bool,
    /// Anything else.
    Other,
}

impl Element {
    /// The most bytes that a stored element takes in an ONNX file. The numbers of half precision
    /// may be stored as single precision.
    #[must_use]
    pub fn most_stored_bytes(self) -> u64 {
        match self {
            Self::F32 | Self::F16 => 4,
            Self::F64 | Self::Bool => 8,
            Self::Int | Self::Other => 10,
        }
    }
}

/// The value of a constant of at most [`Facts::CONSTANT_LIMIT`] elements.
#[derive(Debug, Clone, PartialEq)]
pub enum Constant {
    /// Integers of any width, row-major.
    Ints(Vec<i64>),
    /// Floats of any width, row-major.
    Floats(Vec<f32>),
}

/// What is known of one value of a graph, for a batch of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Element type.
    pub element: Element,
    /// The extent of every dimension.
    pub shape: Vec<usize>,
    /// The value itself, if it does not depend on the picture and has at most
    /// [`Facts::CONSTANT_LIMIT`] elements.
    pub constant: Option<Constant>,
}

/// Shape, type and constant value of every value of a graph, by ONNX name.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    by_name: HashMap<String, Fact>,
}

impl Facts {
    /// Constants of more elements are known by shape only.
    pub const CONSTANT_LIMIT: usize = 4096;

    /// Records what is known of `name`.
    pub fn insert(&mut self, name: impl Into<String>, fact: Fact) {
        self.by_name.insert(name.into(), fact);
    }

    /// What is known of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.by_name.get(name)
    }

    /// A value of more than `elements` elements, if there is one.
    #[must_use]
    pub fn larger_than(&self, elements: usize) -> Option<(&str, &Fact)> {
        let is_larger = |fact: &Fact| {
            let count = fact.shape.iter().try_fold(1usize, |count, &dim| count.checked_mul(dim));
            count.is_none_or(|count| count > elements)
        };
        let found = self.by_name.iter().find(|(_, fact)| is_larger(fact));
        found.map(|(name, fact)| (name.as_str(), fact))
    }

    /// The shape of `name`.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.get(name).map(|fact| fact.shape.as_slice())
    }

    /// The integers that the constant `name` holds.
    #[must_use]
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.get(name)?.constant.as_ref()? {
            Constant::Ints(values) => Some(values),
            Constant::Floats(_) => None,
        }
    }

    /// The floats that the constant `name` holds.
    #[must_use]
    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        match self.get(name)?.constant.as_ref()? {
            Constant::Floats(values) => Some(values),
            Constant::Ints(_) => None,
        }
    }
}
