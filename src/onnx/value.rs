use std::rc::Rc;

use super::Element;
use super::builder::{Attribute, Builder, data_type};

mod arithmetic;
mod shaping;

/// A value of a graph that is being written. Arithmetic on it writes nodes.
///
/// Shapes are not checked here. An operation on shapes that do not fit is a mistake of the caller
/// and gives a graph that the engine refuses.
#[derive(Debug, Clone)]
pub struct Value {
    builder: Builder,
    name: Rc<str>,
    element: Element,
    shape: Rc<[usize]>,
}

impl Value {
    pub(super) fn new(builder: Builder, name: &str, element: Element, shape: &[usize]) -> Self {
        Self { builder, name: name.into(), element, shape: shape.into() }
    }

    /// The value's ONNX name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The element type.
    #[must_use]
    pub fn element(&self) -> Element {
        self.element
    }

    /// The shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of dimensions.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The graph this value belongs to.
    #[must_use]
    pub fn builder(&self) -> &Builder {
        &self.builder
    }

    /// The scalar `value` in this value's element type.
    #[must_use]
    pub fn constant(&self, value: f32) -> Self {
        self.builder.scalar(value, self.element)
    }

    fn unary(&self, operator: &str, attributes: &[(&str, Attribute)]) -> Self {
        self.builder.node(operator, &[self], attributes, self.element, &self.shape)
    }

    fn shaped(&self, operator: &str, attributes: &[(&str, Attribute)], shape: &[usize]) -> Self {
        self.builder.node(operator, &[self], attributes, self.element, shape)
    }

    fn binary(&self, operator: &str, other: &Self, element: Element) -> Self {
        let shape = broadcast(&self.shape, &other.shape);
        self.builder.node(operator, &[self, other], &[], element, &shape)
    }

    /// The same numbers in another element type.
    #[must_use]
    pub fn cast(&self, element: Element) -> Self {
        if element == self.element {
            return self.clone();
        }
        let to = Attribute::Int(data_type(element) as i64);
        self.builder.node("Cast", &[self], &[("to", to)], element, &self.shape)
    }

    /// eˣ.
    #[must_use]
    pub fn exp(&self) -> Self {
        self.unary("Exp", &[])
    }

    /// ln x.
    #[must_use]
    pub fn log(&self) -> Self {
        self.unary("Log", &[])
    }

    /// √x.
    #[must_use]
    pub fn sqrt(&self) -> Self {
        self.unary("Sqrt", &[])
    }

    /// tanh x.
    #[must_use]
    pub fn tanh(&self) -> Self {
        self.unary("Tanh", &[])
    }

    /// 1 / (1 + e⁻ˣ).
    #[must_use]
    pub fn sigmoid(&self) -> Self {
        self.unary("Sigmoid", &[])
    }

    /// ln(1 + eˣ).
    #[must_use]
    pub fn softplus(&self) -> Self {
        self.unary("Softplus", &[])
    }

    /// sin x.
    #[must_use]
    pub fn sin(&self) -> Self {
        self.unary("Sin", &[])
    }

    /// cos x.
    #[must_use]
    pub fn cos(&self) -> Self {
        self.unary("Cos", &[])
    }

    /// The error function.
    #[must_use]
    pub fn erf(&self) -> Self {
        self.unary("Erf", &[])
    }

    /// |x|.
    #[must_use]
    pub fn abs(&self) -> Self {
        self.unary("Abs", &[])
    }

    /// max(x, 0).
    #[must_use]
    pub fn relu(&self) -> Self {
        self.unary("Relu", &[])
    }

    /// The largest integer that is at most x.
    #[must_use]
    pub fn floor(&self) -> Self {
        self.unary("Floor", &[])
    }

    /// The nearest integer; of two, the even one.
    #[must_use]
    pub fn round(&self) -> Self {
        self.unary("Round", &[])
    }

    /// x, limited to `low` ≤ x ≤ `high`.
    #[must_use]
    pub fn clamp(&self, low: f32, high: f32) -> Self {
        let (low, high) = (self.constant(low), self.constant(high));
        self.builder.node("Clip", &[self, &low, &high], &[], self.element, &self.shape)
    }

    /// −1, 0 or 1.
    #[must_use]
    pub fn sign(&self) -> Self {
        self.unary("Sign", &[])
    }

    /// x·x.
    #[must_use]
    pub fn square(&self) -> Self {
        self * self
    }

    /// xᵖ.
    #[must_use]
    pub fn pow(&self, exponent: &Self) -> Self {
        self.binary("Pow", exponent, self.element)
    }

    /// Where this equals `other`.
    #[must_use]
    pub fn equal(&self, other: &Self) -> Self {
        self.binary("Equal", other, Element::Bool)
    }

    /// `then` where this is true, `otherwise` elsewhere.
    #[must_use]
    pub fn select(&self, then: &Self, otherwise: &Self) -> Self {
        let shape = broadcast(&self.shape, &broadcast(&then.shape, &otherwise.shape));
        self.builder.node("Where", &[self, then, otherwise], &[], then.element, &shape)
    }

    /// `then` where this is true, 0 elsewhere.
    #[must_use]
    pub fn mask(&self, then: &Self) -> Self {
        self.select(then, &then.constant(0.0))
    }
}

/// The shape to which `a` and `b` are broadcast. On an axis where they do not fit: `a`'s extent.
fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let extent = |shape: &[usize], axis: usize| {
        (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis])
    };
    (0..rank)
        .map(|axis| match (extent(a, axis), extent(b, axis)) {
            (1, other) => other,
            (own, _) => own,
        })
        .collect()
}
