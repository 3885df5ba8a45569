//! Rules of Resize and Upsample. Interpolation is linear and separable: one matrix per axis.

use super::error::RuleError;
use super::linear::Matrix;
use super::node_context::{Cotangent, NodeContext, from_front};
use crate::onnx::Attributes;

/// The attributes that determine positions and weights along each axis.
///
/// <https://onnx.ai/onnx/operators/onnx__Resize.html>
///
/// Engines compute positions in float32. So does this, by the same operations in the same order. A
/// position that lies between two elements could otherwise be rounded to the other one.
struct Interpolation<'m> {
    mode: &'m str,
    coordinates: &'m str,
    rounding: &'m str,
    cubic: f32,
    antialias: bool,
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
        cubic: node.float("cubic_coeff_a", -0.75),
        antialias: node.int("antialias", 0) != 0,
        exclude_outside: node.int("exclude_outside", 0) != 0,
    };
    interpolation.check(ctx)?;
    let shape = ctx.x_shape(0)?;
    let mut cotangent = ctx.g();
    for (axis, scale) in scales(ctx, is_old, &shape)?.into_iter().enumerate() {
        let extent = cotangent.shape()[axis];
        if extent == shape[axis] && scale == 1.0 {
            continue;
        }
        cotangent = interpolation.matrix(shape[axis], extent, scale)?.adjoint(&cotangent, axis);
    }
    Ok(cotangent)
}

/// One scale per axis: the given one, or the ratio of the extents if sizes are given.
fn scales(ctx: &NodeContext, is_old: bool, shape: &[usize]) -> Result<Vec<f32>, RuleError> {
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
    let given = match ctx.node.string("keep_aspect_ratio_policy").unwrap_or("stretch") {
        _ if given.len() == axes.len() => given,
        policy => scales_of_sizes(ctx, policy, &axes, shape)?,
    };
    let mut scales = vec![1.0; shape.len()];
    axes.iter().zip(given).for_each(|(&axis, scale)| scales[axis] = scale);
    Ok(scales)
}

/// The scales of `axes` where sizes are given. They are all the same unless `policy` is `stretch`.
fn scales_of_sizes(
    ctx: &NodeContext,
    policy: &str,
    axes: &[usize],
    shape: &[usize],
) -> Result<Vec<f32>, RuleError> {
    let ratio = |extent: usize, axis: usize| extent as f32 / shape[axis] as f32;
    let choose = match policy {
        "stretch" => {
            return Ok(axes.iter().map(|&axis| ratio(ctx.g().shape()[axis], axis)).collect());
        }
        "not_larger" => f32::min,
        "not_smaller" => f32::max,
        other => return Err(ctx.refuse("keep_aspect_ratio_policy", other)),
    };
    let sizes = ctx.ints(3)?;
    let ratios = sizes.iter().zip(axes).map(|(&size, &axis)| ratio(size as usize, axis));
    let scale = ratios.reduce(choose).ok_or_else(|| ctx.refuse("sizes", &sizes))?;
    Ok(vec![scale; axes.len()])
}

impl Interpolation<'_> {
    fn check(&self, ctx: &NodeContext) -> Result<(), RuleError> {
        let coordinates = [
            "asymmetric",
            "half_pixel",
            "pytorch_half_pixel",
            "align_corners",
            "half_pixel_symmetric",
            "tf_half_pixel_for_nn",
        ];
        let roundings = ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"];
        for (attribute, value, known) in [
            ("mode", self.mode, &["nearest", "linear", "cubic"][..]),
            ("coordinate_transformation_mode", self.coordinates, &coordinates),
            ("nearest_mode", self.rounding, &roundings),
        ] {
            if !known.contains(&value) {
                return Err(ctx.refuse(attribute, value));
            }
        }
        Ok(())
    }

    /// The interpolation along an axis, from `input` to `output` elements.
    fn matrix(&self, input: usize, output: usize, scale: f32) -> Result<Matrix, RuleError> {
        let mut matrix = Matrix::zeros(output, input)?;
        let mut weights = vec![0.0; self.window(scale)];
        for row in 0..output {
            let first = self.taps(self.position(row, input, output, scale), scale, &mut weights);
            let columns = first..first + weights.len() as i64;
            if self.exclude_outside {
                drop_outside(columns.clone(), input, &mut weights);
            }
            for (column, &weight) in columns.zip(&weights) {
                matrix.add(row, column.clamp(0, input as i64 - 1) as usize, weight);
            }
        }
        Ok(matrix)
    }

    /// The position in the input that corresponds to element `row` of the output.
    fn position(&self, row: usize, input: usize, output: usize, scale: f32) -> f32 {
        let (at, input, extent) = (row as f32, input as f32, scale * input as f32);
        match self.coordinates {
            "asymmetric" => at / scale,
            "align_corners" if extent == 1.0 => 0.0,
            "align_corners" => at * (input - 1.0) / (extent - 1.0),
            "pytorch_half_pixel" if output <= 1 => 0.0,
            "half_pixel_symmetric" => {
                let offset = input / 2.0 * (1.0 - output as f32 / extent);
                offset + (at + 0.5) / scale - 0.5
            }
            "tf_half_pixel_for_nn" => (at + 0.5) / scale,
            _ => (at + 0.5) / scale - 0.5,
        }
    }

    /// How many elements of the input an element of the output is made of.
    fn window(&self, scale: f32) -> usize {
        let support: f32 = if self.mode == "cubic" { 2.0 } else { 1.0 };
        if self.stretch(scale) == 1.0 {
            return 2 * support as usize;
        }
        2 * (support / scale).ceil() as usize
    }

    /// The factor of distances by which the kernel is widened if the output has fewer elements.
    fn stretch(&self, scale: f32) -> f32 {
        if self.antialias && self.mode != "nearest" { scale.min(1.0) } else { 1.0 }
    }

    /// Writes the weights of the input elements around position `at`. Returns the index of the
    /// first element. Elements may lie outside the input.
    fn taps(&self, at: f32, scale: f32, weights: &mut [f32]) -> i64 {
        // The element before the position; a position on an element has that one after it.
        let before = at.ceil() - 1.0;
        let beyond = at - before;
        let left = weights.len() / 2 - 1;
        if self.mode == "nearest" {
            let is_after = beyond == 1.0
                || match self.rounding {
                    "floor" => false,
                    "ceil" => true,
                    "round_prefer_ceil" => beyond >= 0.5,
                    _ => beyond > 0.5,
                };
            weights.copy_from_slice(if is_after { &[0.0, 1.0] } else { &[1.0, 0.0] });
            return before as i64;
        }
        let stretch = self.stretch(scale);
        for (index, weight) in weights.iter_mut().enumerate() {
            *weight = self.kernel(((index as f32 - left as f32) - beyond) * stretch);
        }
        if stretch != 1.0 {
            normalize(weights);
        }
        before as i64 - left as i64
    }

    /// The weight of an element at distance `d`: a triangle, or Keys' cubic kernel.
    fn kernel(&self, d: f32) -> f32 {
        let (a, d) = (self.cubic, d.abs());
        match self.mode {
            "linear" => (1.0 - d).clamp(0.0, 1.0),
            _ if d <= 1.0 => (a + 2.0) * d * d * d - (a + 3.0) * d * d + 1.0,
            _ if d <= 2.0 => a * d * d * d - 5.0 * a * d * d + 8.0 * a * d - 4.0 * a,
            _ => 0.0,
        }
    }
}

/// Takes elements outside the input out of an interpolation.
fn drop_outside(columns: std::ops::Range<i64>, input: usize, weights: &mut [f32]) {
    for (column, weight) in columns.zip(&mut *weights) {
        if column < 0 || column >= input as i64 {
            *weight = 0.0;
        }
    }
    normalize(weights);
}

fn normalize(weights: &mut [f32]) {
    let sum: f32 = weights.iter().sum();
    if sum != 0.0 {
        weights.iter_mut().for_each(|weight| *weight /= sum);
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::tract_core::ops::nn::resize::{
        AxisPlan, CoordTransformer, Interpolator, cubic_weights, linear_weights, plan_axis,
        window_size,
    };

    use super::Interpolation;

    const COORDINATES: [&str; 5] = [
        "asymmetric",
        "half_pixel",
        "align_corners",
        "half_pixel_symmetric",
        "tf_half_pixel_for_nn",
    ];

    fn interpolation(mode: &'static str, coordinates: &'static str) -> Interpolation<'static> {
        let rounding = "round_prefer_floor";
        let (antialias, exclude_outside) = (false, false);
        Interpolation { mode, coordinates, rounding, cubic: -0.75, antialias, exclude_outside }
    }

    /// Every position of every pair of extents is tract's, to the last bit.
    #[test]
    fn positions_are_those_of_tract() {
        const LONGEST: usize = 512;
        for coordinates in COORDINATES {
            let own = interpolation("nearest", coordinates);
            let tract = CoordTransformer::parse(coordinates).unwrap();
            for input in 1..=LONGEST {
                for output in 1..=LONGEST {
                    let scale = output as f32 / input as f32;
                    for row in 0..output {
                        let position = own.position(row, input, output, scale);
                        let expected = tract.transform(row, scale, input, output);
                        assert!(
                            position.to_bits() == expected.to_bits(),
                            "{coordinates} {input} → {output}, {row}: {position}, {expected}"
                        );
                    }
                }
            }
        }
    }

    /// tract's elements and weights.
    fn plan(own: &Interpolation, input: usize, output: usize, scale: f32) -> AxisPlan {
        let tract = CoordTransformer::parse(own.coordinates).unwrap();
        let interpolator = Interpolator::parse(own.mode).unwrap();
        let window = window_size(&interpolator, own.antialias, scale);
        let position = |row| Some(tract.transform(row, scale, input, output));
        plan_axis(input, output, window, own.exclude_outside, position, |beyond, weights| match own
            .mode
        {
            "linear" => linear_weights(beyond, scale, own.antialias, weights),
            _ => cubic_weights(beyond, scale, own.cubic, own.antialias, weights),
        })
    }

    #[test]
    fn weights_are_those_of_tract() {
        let extents = || (1..24).chain([56, 57, 112, 224, 299, 384, 512]);
        for coordinates in COORDINATES {
            for (mode, antialias, exclude_outside) in [
                ("linear", false, false),
                ("linear", true, false),
                ("linear", true, true),
                ("cubic", false, false),
                ("cubic", false, true),
                ("cubic", true, false),
                ("cubic", true, true),
            ] {
                let own = Interpolation {
                    antialias,
                    exclude_outside,
                    ..interpolation(mode, coordinates)
                };
                for (input, output) in extents().flat_map(|i| extents().map(move |o| (i, o))) {
                    let scale = output as f32 / input as f32;
                    let plan = plan(&own, input, output, scale);
                    let mut expected = vec![0.0; input * output];
                    for (tap, (&column, &weight)) in
                        plan.indices.iter().zip(&plan.weights).enumerate()
                    {
                        expected[tap / plan.window * input + column] += weight;
                    }
                    let matrix = own.matrix(input, output, scale).unwrap();
                    assert!(
                        matrix.values() == expected,
                        "{mode} {coordinates} {antialias} {exclude_outside}: {input} → {output}"
                    );
                }
            }
        }
    }
}
