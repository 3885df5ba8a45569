use tract_onnx::prelude::{TypedFact, TypedSimplePlan};

/// The memory that the values of one run of `plan` take at its peak, in bytes. Constants are left
/// out. Values are counted as the plan keeps them: an output until the end, any other value until
/// its last reader has run. An operator that writes its output over its input takes less.
pub(super) fn peak_bytes(plan: &TypedSimplePlan) -> usize {
    let (model, order) = (plan.model(), plan.order_without_consts());
    let mut last_step: Vec<Option<usize>> = vec![None; model.nodes().len()];
    for (step, &id) in order.iter().enumerate() {
        model.node(id).inputs.iter().for_each(|input| last_step[input.node] = Some(step));
    }
    model.outputs.iter().for_each(|output| last_step[output.node] = None);
    let mut ends: Vec<Vec<usize>> = vec![Vec::new(); order.len()];
    let (mut now, mut peak) = (0usize, 0);
    for (step, &id) in order.iter().enumerate() {
        let facts = model.node(id).outputs.iter().map(|output| &output.fact);
        let bytes = facts.map(bytes).fold(0, usize::saturating_add);
        now = now.saturating_add(bytes);
        peak = peak.max(now);
        if let Some(last) = last_step[id] {
            ends[last].push(bytes);
        }
        let ended = ends[step].iter().copied().fold(0, usize::saturating_add);
        now = now.saturating_sub(ended);
    }
    peak
}

/// The memory of one value. Shapes are known, because a plan is compiled for one size of picture.
fn bytes(fact: &TypedFact) -> usize {
    let shape = fact.shape.as_concrete().unwrap_or_default();
    shape.iter().fold(fact.datum_type.size_of(), |bytes, &dim| bytes.saturating_mul(dim))
}

#[cfg(test)]
mod tests {
    use tract_onnx::prelude::*;
    use tract_onnx::tract_core::ops::math;
    use tract_onnx::tract_core::plan::SimplePlan;

    use super::*;

    /// A chain of `length` squares of a value of 1 KiB. `outputs` are the places of its outputs.
    fn peak(length: usize, outputs: &[usize]) -> usize {
        let mut model = TypedModel::default();
        let mut values = vec![model.add_source("x", f32::fact([256])).unwrap()];
        for index in 0..length {
            let x = values[index];
            values.push(model.wire_node(format!("{index}"), math::mul(), &[x, x]).unwrap()[0]);
        }
        let outputs: Vec<OutletId> = outputs.iter().map(|&place| values[place]).collect();
        model.select_output_outlets(&outputs).unwrap();
        peak_bytes(&SimplePlan::new(model).unwrap())
    }

    #[test]
    fn a_chain_needs_two_values_and_every_output_that_is_kept() {
        assert_eq!(peak(1, &[1]), 2 << 10);
        assert_eq!(peak(10, &[10]), 2 << 10, "the input and the output of one operator");
        assert_eq!(peak(10, &[1, 2, 3, 10]), 5 << 10, "three outputs, and one operator");
        assert_eq!(peak(10, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), 10 << 10);
    }
}
