//! Rules of recurrent layers. A first loop computes the gates of every step again, a second one in
//! the other direction carries the cotangents back through the steps.

use super::error::RuleError;
use super::node_context::{Cotangent, NodeContext};
use super::scan::{Step, scan};
use crate::onnx::{Attributes, Value};

/// i, o, f = σ(xWᵀ + hRᵀ + b) and g = tanh(xWᵀ + hRᵀ + b); c′ = f∘c + i∘g; h′ = o∘tanh c′.
pub(super) fn lstm(ctx: &mut NodeContext, _: usize) -> Cotangent {
    if ctx.optional_input(7).is_some() {
        return Err(RuleError("its peepholes have no gradient rule".to_owned()));
    }
    carried_back(ctx, &["Sigmoid", "Tanh", "Tanh"], 4, |layer, _| {
        let state = [layer.hidden.clone(), layer.cell.clone()];
        let gates = layer.gates(4);
        let forward = scan(&state, &gates, &layer.transposed, layer.is_reverse, |state, x, r| {
            let gate = |index: usize| &x[index] + state[0].matmul(&r[index]);
            let [i, o, f] = [0, 1, 2].map(|index| gate(index).sigmoid());
            let g = gate(3).tanh();
            let cell = &f * &state[1] + &i * &g;
            let bounded = cell.tanh();
            let hidden = &o * &bounded;
            let kept = vec![i, o, f, g, state[1].clone(), bounded];
            Step { state: vec![hidden, cell], kept }
        })?;
        let state = [layer.last_hidden.clone(), layer.last_cell.clone()];
        let sequences = [vec![layer.outputs.clone()], forward].concat();
        scan(&state, &sequences, &layer.recurrent, !layer.is_reverse, |state, x, r| {
            let [y, i, o, f, g, c, t] = [0, 1, 2, 3, 4, 5, 6].map(|index| &x[index]);
            let hidden = &state[0] + y;
            let cell = &state[1] + &hidden * o * (1.0f32 - t * t);
            let kept = vec![
                &cell * g * sigmoid_slope(i),
                &hidden * t * sigmoid_slope(o),
                &cell * c * sigmoid_slope(f),
                &cell * i * (1.0f32 - g * g),
            ];
            Step { state: vec![through(&kept, r), &cell * f], kept }
        })
    })
}

/// z, r = σ(xWᵀ + hRᵀ + b); n = tanh(xWᵀ + b + r∘(hRᵀ + d)), or tanh(xWᵀ + b + (r∘h)Rᵀ + d) unless
/// `linear_before_reset`; h′ = n + z∘(h − n).
pub(super) fn gru(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let is_linear = ctx.node.int("linear_before_reset", 0) != 0;
    carried_back(ctx, &["Sigmoid", "Tanh"], 3, |layer, _| {
        let state = [layer.hidden.clone()];
        let gates = layer.gates(if is_linear { 2 } else { 3 });
        let outer = [layer.transposed.clone(), vec![layer.state_bias(2)]].concat();
        let forward = scan(&state, &gates, &outer, layer.is_reverse, |state, x, r| {
            let h = &state[0];
            let [z, reset] = [0, 1].map(|index| (&x[index] + h.matmul(&r[index])).sigmoid());
            let (linear, n) = if is_linear {
                let linear = h.matmul(&r[2]) + &r[3];
                let n = (&x[2] + &reset * &linear).tanh();
                (linear, n)
            } else {
                (h.clone(), (&x[2] + (&reset * h).matmul(&r[2])).tanh())
            };
            let next = &n + &z * (h - &n);
            Step { state: vec![next], kept: vec![z, reset, n, h.clone(), linear] }
        })?;
        let state = [layer.last_hidden.clone()];
        let sequences = [vec![layer.outputs.clone()], forward].concat();
        scan(&state, &sequences, &layer.recurrent, !layer.is_reverse, |state, x, r| {
            let [y, z, reset, n, h, linear] = [0, 1, 2, 3, 4, 5].map(|index| &x[index]);
            let hidden = &state[0] + y;
            let new = &hidden * (1.0f32 - z) * (1.0f32 - n * n);
            let update = &hidden * (h - n) * sigmoid_slope(z);
            let (to_reset, direct) = if is_linear {
                (&new * linear, (&new * reset).matmul(&r[2]))
            } else {
                let product = new.matmul(&r[2]);
                (&product * h, product * reset)
            };
            let gate = to_reset * sigmoid_slope(reset);
            let before = &hidden * z + update.matmul(&r[0]) + gate.matmul(&r[1]) + direct;
            Step { state: vec![before], kept: vec![update, gate, new] }
        })
    })
}

/// h′ = tanh(xWᵀ + hRᵀ + b), or a ReLU instead of tanh.
pub(super) fn rnn(ctx: &mut NodeContext, _: usize) -> Cotangent {
    carried_back(ctx, &["Tanh"], 1, |layer, is_relu| {
        let state = [layer.hidden.clone()];
        let gates = layer.gates(1);
        let forward = scan(&state, &gates, &layer.transposed, layer.is_reverse, |state, x, r| {
            let sum = &x[0] + state[0].matmul(&r[0]);
            let next = if is_relu { sum.relu() } else { sum.tanh() };
            Step { state: vec![next.clone()], kept: vec![next] }
        })?;
        let state = [layer.last_hidden.clone()];
        let sequences = [vec![layer.outputs.clone()], forward].concat();
        scan(&state, &sequences, &layer.recurrent, !layer.is_reverse, |state, x, r| {
            let (y, h) = (&x[0], &x[1]);
            let slope = if is_relu { h.sign() } else { 1.0f32 - h * h };
            let kept = vec![(&state[0] + y) * slope];
            Step { state: vec![through(&kept, r)], kept }
        })
    })
}

/// The derivative of y = σ(x).
fn sigmoid_slope(y: &Value) -> Value {
    y * (1.0f32 - y)
}

/// The cotangent of the state from those of the gates' arguments.
fn through(gates: &[Value], recurrent: &[Value]) -> Value {
    let products = gates.iter().zip(recurrent).map(|(gate, weights)| gate.matmul(weights));
    let sum = products.reduce(|sum, product| sum + product);
    sum.unwrap_or_else(|| unreachable!("a recurrent layer has a gate"))
}

/// One direction of a recurrent layer.
struct Direction {
    is_reverse: bool,
    /// The weights of the input and of the state, one matrix for each gate.
    inputs: Vec<Value>,
    recurrent: Vec<Value>,
    /// The matrices of `recurrent`, transposed.
    transposed: Vec<Value>,
    /// The biases of the input for each gate, then those of the state.
    biases: Vec<Value>,
    x: Value,
    /// The state before the first step. The cell is that of an LSTM.
    hidden: Value,
    cell: Value,
    /// The cotangents of the state of every step, and of the last state.
    outputs: Value,
    last_hidden: Value,
    last_cell: Value,
}

impl Direction {
    /// xWᵀ + b for each gate of every step. The biases of the state are added to the first `merged`
    /// gates.
    fn gates(&self, merged: usize) -> Vec<Value> {
        let gate = |(index, weights): (usize, &Value)| {
            let sum = self.x.matmul(&weights.matrix_transpose()) + &self.biases[index];
            if index < merged { sum + self.state_bias(index) } else { sum }
        };
        self.inputs.iter().enumerate().map(gate).collect()
    }

    /// The bias of the state for a gate.
    fn state_bias(&self, gate: usize) -> Value {
        self.biases[self.inputs.len() + gate].clone()
    }
}

/// The cotangent of x: Σ āW over the gates and the directions. `carry` gives the cotangents ā of
/// the arguments of the gates, steps × batch × size each. It is told whether the layer has ReLUs.
fn carried_back(
    ctx: &mut NodeContext,
    activations: &[&str],
    gates: usize,
    carry: impl Fn(&Direction, bool) -> Result<Vec<Value>, RuleError>,
) -> Cotangent {
    let is_relu = check_activations(ctx, activations)?;
    if ctx.node.int("layout", 0) != 0 {
        return Err(ctx.refuse("layout", 1));
    }
    let directions: &[bool] = match ctx.node.string("direction").unwrap_or("forward") {
        "forward" => &[false],
        "reverse" => &[true],
        _ => &[false, true],
    };
    let mut total: Option<Value> = None;
    for (index, &is_reverse) in directions.iter().enumerate() {
        let layer = direction(ctx, index, is_reverse, gates)?;
        for (cotangent, weights) in carry(&layer, is_relu)?.iter().zip(&layer.inputs) {
            let part = cotangent.matmul(weights);
            total = Some(total.map_or_else(|| part.clone(), |total| total + &part));
        }
    }
    total.ok_or_else(|| RuleError("it has no gates".to_owned()))
}

/// Refuses activations other than `expected`, those of the specification. An RNN may have ReLUs.
fn check_activations(ctx: &NodeContext, expected: &[&str]) -> Result<bool, RuleError> {
    let named = ctx.node.attribute.iter().find(|it| it.name == "activations");
    let named: Vec<String> = named.map_or_else(Vec::new, |it| {
        it.strings.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    });
    let is_known = |(name, expected): (&String, &&str)| name.eq_ignore_ascii_case(expected);
    if named.iter().zip(expected.iter().cycle()).all(is_known) {
        return Ok(false);
    }
    let is_relu = |name: &String| name.eq_ignore_ascii_case("Relu");
    match expected.len() == 1 && named.iter().all(is_relu) {
        true => Ok(true),
        false => Err(ctx.refuse("activations", named)),
    }
}

/// The weights, states and cotangents of the direction `index`.
fn direction(
    ctx: &mut NodeContext,
    index: usize,
    is_reverse: bool,
    gates: usize,
) -> Result<Direction, RuleError> {
    let x = ctx.x(0)?;
    let (recurrent, weights) = (ctx.x(2)?, ctx.x(1)?);
    let (steps, batch, size) = (x.shape()[0], x.shape()[1], recurrent.shape()[2]);
    let of_direction =
        |value: &Value| value.slice(0, index, index + 1, 1).reshape(&value.shape()[1..]);
    let split = |value: &Value, parts: usize| -> Vec<Value> {
        let part = |part: usize| value.slice(0, part * size, (part + 1) * size, 1);
        (0..parts).map(part).collect()
    };
    let builder = x.builder().clone();
    let zeros = || builder.zeros(&[batch, size], x.element());
    let biases = match ctx.optional_input(3) {
        Some(_) => of_direction(&ctx.x(3)?),
        None => builder.zeros(&[2 * gates * size], x.element()),
    };
    let mut state = |input: usize| match ctx.optional_input(input) {
        Some(_) => ctx.x(input).map(|value| of_direction(&value)),
        None => Ok(zeros()),
    };
    let (hidden, cell) = (state(5)?, if gates == 4 { state(6)? } else { zeros() });
    let cotangent = |output: usize| ctx.output_cotangents.get(output).cloned().flatten();
    let last = |output: usize| cotangent(output).map_or_else(zeros, |value| of_direction(&value));
    let outputs = cotangent(0).map_or_else(
        || builder.zeros(&[steps, batch, size], x.element()),
        |value| value.slice(1, index, index + 1, 1).reshape(&[steps, batch, size]),
    );
    let recurrent = split(&of_direction(&recurrent), gates);
    Ok(Direction {
        is_reverse,
        inputs: split(&of_direction(&weights), gates),
        transposed: recurrent.iter().map(Value::matrix_transpose).collect(),
        recurrent,
        biases: split(&biases, 2 * gates),
        hidden,
        cell,
        outputs,
        last_hidden: last(1),
        last_cell: last(2),
        x,
    })
}
