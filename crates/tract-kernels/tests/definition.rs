use crate::case::Case;

/// The four values of a case by the definition of a convolution, in double precision: the
/// convolution, the sum with the residual, the clipped sum, and its 2×2 maxima.
pub(crate) fn values(case: &Case, x: &[f32], w: &[f32], b: &[f32], r: &[f32]) -> [Vec<f64>; 4] {
    let ([inputs, outputs], [oh, ow]) = (case.channels, case.output());
    let [h, w_in] = case.input;
    let per_group = [inputs / case.group, outputs / case.group];
    let mut conv = Vec::new();
    for n in 0..case.batch {
        for (o, bias) in b.iter().enumerate().take(outputs) {
            for (oy, ox) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
                let mut sum = f64::from(*bias);
                for i in 0..per_group[0] {
                    let channel = o / per_group[1] * per_group[0] + i;
                    for ky in 0..case.kernel[0] {
                        for kx in 0..case.kernel[1] {
                            let y = oy * case.stride[0] + ky * case.dilation[0];
                            let x_at = ox * case.stride[1] + kx * case.dilation[1];
                            let y = y.wrapping_sub(case.pad_before[0]);
                            let x_at = x_at.wrapping_sub(case.pad_before[1]);
                            if y < h && x_at < w_in {
                                let at = ((n * inputs + channel) * h + y) * w_in + x_at;
                                let weight = (o * per_group[0] + i) * case.kernel[0] + ky;
                                let weight = w[weight * case.kernel[1] + kx];
                                sum += f64::from(x[at]) * f64::from(weight);
                            }
                        }
                    }
                }
                conv.push(sum);
            }
        }
    }
    let sum: Vec<f64> = match case.residual {
        true => conv.iter().zip(r).map(|(y, r)| y + f64::from(*r)).collect(),
        false => conv.clone(),
    };
    let bound = |y: &f64| match case.clip {
        Some((low, Some(high))) => y.clamp(f64::from(low), f64::from(high)),
        Some((low, None)) => y.max(f64::from(low)),
        None => *y,
    };
    let clipped: Vec<f64> = sum.iter().map(bound).collect();
    let mut pooled = Vec::new();
    for plane in clipped.chunks(oh * ow) {
        for (y, x) in (0..oh / 2).flat_map(|y| (0..ow / 2).map(move |x| (y, x))) {
            let at = |dy, dx| plane[(2 * y + dy) * ow + 2 * x + dx];
            pooled.push(at(0, 0).max(at(0, 1)).max(at(1, 0)).max(at(1, 1)));
        }
    }
    [conv, sum, clipped, pooled]
}
