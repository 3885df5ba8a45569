use std::ops::{Add, Div, Mul, Neg, Sub};

use super::Value;

/// Arithmetic between values, and between a value and a number, by reference or by move.
macro_rules! arithmetic {
    ($($trait:ident $method:ident $operator:literal),*) => { $(
        impl $trait<&Value> for &Value {
            type Output = Value;
            fn $method(self, other: &Value) -> Value {
                self.binary($operator, other, self.element)
            }
        }
        impl $trait<Value> for &Value {
            type Output = Value;
            fn $method(self, other: Value) -> Value {
                $trait::$method(self, &other)
            }
        }
        impl $trait<&Value> for Value {
            type Output = Value;
            fn $method(self, other: &Value) -> Value {
                $trait::$method(&self, other)
            }
        }
        impl $trait<Value> for Value {
            type Output = Value;
            fn $method(self, other: Value) -> Value {
                $trait::$method(&self, &other)
            }
        }
        impl $trait<f32> for &Value {
            type Output = Value;
            fn $method(self, other: f32) -> Value {
                $trait::$method(self, &self.constant(other))
            }
        }
        impl $trait<f32> for Value {
            type Output = Value;
            fn $method(self, other: f32) -> Value {
                $trait::$method(&self, other)
            }
        }
        impl $trait<&Value> for f32 {
            type Output = Value;
            fn $method(self, other: &Value) -> Value {
                $trait::$method(&other.constant(self), other)
            }
        }
        impl $trait<Value> for f32 {
            type Output = Value;
            fn $method(self, other: Value) -> Value {
                $trait::$method(self, &other)
            }
        }
    )* };
}

arithmetic!(Add add "Add", Sub sub "Sub", Mul mul "Mul", Div div "Div");

impl Neg for &Value {
    type Output = Value;
    fn neg(self) -> Value {
        self.unary("Neg", &[])
    }
}

impl Neg for Value {
    type Output = Value;
    fn neg(self) -> Value {
        -&self
    }
}
