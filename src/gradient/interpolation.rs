//! Rules of Resize and Upsample. Interpolation is linear and separable: one matrix per axis.

use super::error::RuleError;
use super::linear::Matrix;
use super::node_context::{Cotangent, NodeContext, from_front};
use crate::onnx::Attributes;

/// The attributes that determine positions and weights along each axis.
///
/// <https://onnx.ai/onnx/operators/onnx__Resize.html>
struct Interpolation<'m> {
    mode: &'m str,
    coordinates: &'m str,
    rounding: &'m str,
    cubic: f64,
    exclude_outside: bool,
}

/// y = x interpolated along each axis, y = Mx. x̄ = Mᵀȳ.
pub(super) fn resize(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let node = ctx.node;
    let is_old = ctx.opset() < 11 || node.op_type == "Upsample";
    let interpolation = Interpolation {
        mode: node.string("mode").unwrap_or("nearest"),
        coordinates: match node.string("coordinate_transformation_mode") {
            Some(coordinates) => coordinates,
            None if is_old => "asymmetric",
            None => "half_pixel",
        },
        rounding: match node.string("nearest_mode") {
            Some(rounding) => rounding,
            None if is_old => "floor",
            None => "round_prefer_floor",
        },
        cubic: f64::from(node.float("cubic_coeff_a", -0.75)),
        exclude_outside: node.int("exclude_outside", 0) != 0,
    };
    check_attributes(ctx, &interpolation)?;
    let shape = ctx.x_shape(0)?;
    let mut cotangent = ctx.g();
    for (axis, scale) in scales(ctx, is_old, &shape)?.into_iter().enumerate() {
        let extent = cotangent.shape()[axis];
        if extent == shape[axis] && scale == 1.0 {
            continue;
        }
        if node.int("antialias", 0) != 0 && scale < 1.0 {
            return Err(ctx.refuse("antialias", 1));
        }
        cotangent = interpolation.matrix(shape[axis], extent, scale)?.adjoint(&cotangent, axis);
    }
    Ok(cotangent)
}

fn check_attributes(ctx: &NodeContext, interpolation: &Interpolation) -> Result<(), RuleError> {
    if !["nearest", "linear", "cubic"].contains(&interpolation.mode) {
        return Err(ctx.refuse("mode", interpolation.mode));
    }
    let coordinates =
        ["asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners", "half_pixel_symmetric"];
    if !coordinates.contains(&interpolation.coordinates) {
        return Err(ctx.refuse("coordinate_transformation_mode", interpolation.coordinates));
    }
    let roundings = ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"];
    if !roundings.contains(&interpolation.rounding) {
        return Err(ctx.refuse("nearest_mode", interpolation.rounding));
    }
    Ok(())
}

/// One scale per axis: the given one, or the ratio of the extents if sizes are given.
fn scales(ctx: &NodeContext, is_old: bool, shape: &[usize]) -> Result<Vec<f64>, RuleError> {
    let mut scales = vec![1.0; shape.len()];
    let axes = match ctx.node.ints("axes") {
        Some(axes) => axes
            .iter()
            .map(|&a| from_front(a, shape.len()))
            .collect::<Result<Vec<_>, RuleError>>()?,
        None => (0..shape.len()).collect(),
    };
    let input = if is_old { 1 } else { 2 };
    let given = match ctx.node.floats("scales") {
        Some(scales) => scales.to_vec(),
        None if ctx.optional_input(input).is_some() => ctx.floats(input)?,
        None => Vec::new(),
    };
    for (index, &axis) in axes.iter().enumerate() {
        scales[axis] = match given.get(index) {
            Some(&scale) => f64::from(scale),
            None => ctx.g().shape()[axis] as f64 / shape[axis] as f64,
        };
    }
    Ok(scales)
}

impl Interpolation<'_> {
    /// The interpolation along an axis, from `input` to `output` elements.
    fn matrix(&self, input: usize, output: usize, scale: f64) -> Result<Matrix, RuleError> {
        let mut matrix = Matrix::zeros(output, input)?;
        let last = input as i64 - 1;
        for row in 0..output {
            let at = self.position(row as f64, input as f64, output as f64, scale);
            let mut taps = self.taps(at);
            if self.exclude_outside && self.mode == "cubic" {
                taps.retain(|&(column, _)| (0..=last).contains(&column));
                let total: f64 = taps.iter().map(|&(_, weight)| weight).sum();
                taps.iter_mut().for_each(|(_, weight)| *weight /= total);
            }
            for (column, weight) in taps {
                matrix.add(row, column.clamp(0, last) as usize, weight as f32);
            }
        }
        Ok(matrix)
    }

    /// The position in the input that corresponds to element `row` of the output.
    fn position(&self, row: f64, input: f64, output: f64, scale: f64) -> f64 {
        match self.coordinates {
            "asymmetric" => row / scale,
            "align_corners" if output == 1.0 => 0.0,
            "align_corners" => row * (input - 1.0) / (output - 1.0),
            "pytorch_half_pixel" if output <= 1.0 => 0.0,
            "half_pixel_symmetric" => {
                let adjustment = output / (scale * input);
                let offset = input / 2.0 * (1.0 - adjustment);
                offset + (row + 0.5) / scale - 0.5
            }
            _ => (row + 0.5) / scale - 0.5,
        }
    }

    /// The input elements around position `at`, with their weights. They may lie outside the input.
    fn taps(&self, at: f64) -> Vec<(i64, f64)> {
        let floor = at.floor();
        let (base, t) = (floor as i64, at - floor);
        match self.mode {
            "linear" => vec![(base, 1.0 - t), (base + 1, t)],
            "cubic" => (-1..=2).map(|i| (base + i, self.cubic((t - i as f64).abs()))).collect(),
            _ => {
                let nearest = match self.rounding {
                    "floor" => floor,
                    "ceil" => at.ceil(),
                    "round_prefer_ceil" => (at + 0.5).floor(),
                    _ => (at - 0.5).ceil(),
                };
                vec![(nearest as i64, 1.0)]
            }
        }
    }

    /// Keys' cubic kernel at distance `d`.
    fn cubic(&self, d: f64) -> f64 {
        let a = self.cubic;
        if d <= 1.0 {
            ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
        } else if d < 2.0 {
            ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a
        } else {
            0.0
        }
    }
}
