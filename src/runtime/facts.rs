use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact};

use crate::onnx::{Constant, Element, Fact, Facts};

/// What tract knows of one value. `None` if it does not know the shape or the type.
pub(super) fn read_fact(fact: &InferenceFact) -> Option<Fact> {
    let shape = fact.shape.concretize()?;
    let shape = shape.iter().map(|dim| dim.to_usize().ok()).collect::<Option<Vec<_>>>()?;
    let element = element(fact.datum_type.concretize()?);
    let constant = fact
        .value
        .concretize()
        .filter(|tensor| tensor.len() <= Facts::CONSTANT_LIMIT)
        .and_then(|tensor| read_constant(&tensor, element));
    Some(Fact { element, shape, constant })
}

fn element(datum_type: DatumType) -> Element {
    match datum_type {
        DatumType::F32 => Element::F32,
        DatumType::F16 => Element::F16,
        DatumType::F64 => Element::F64,
        DatumType::Bool => Element::Bool,
        other if other.is_integer() || other == DatumType::TDim => Element::Int,
        _ => Element::Other,
    }
}

fn read_constant(tensor: &Tensor, element: Element) -> Option<Constant> {
    match element {
        Element::F32 | Element::F16 | Element::F64 => {
            let floats = tensor.cast_to::<f32>().ok()?;
            Some(Constant::Floats(floats.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec()))
        }
        Element::Int | Element::Bool => {
            let ints = tensor.cast_to::<i64>().ok()?;
            Some(Constant::Ints(ints.try_as_plain_ram().ok()?.as_slice::<i64>().ok()?.to_vec()))
        }
        Element::Other => None,
    }
}
