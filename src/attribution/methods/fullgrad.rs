//! FullGrad (Srinivas and Fleuret 2019, <https://arxiv.org/abs/1905.00780>).

use ndarray::{Array2, Array3, ArrayView3, Axis, Zip};

use crate::attribution::{
    AttributionError, Completeness, Family, Map, Method, MethodParameter, Need, Options, Range,
    Resolution, Session, Word,
};
use crate::render::resize_linear;

const RESCALE: Word = Word {
    name: "rescale",
    words: &["layer", "channel"],
    default: "layer",
    help: "what is scaled to 0..1 before the sum: all of a layer, as in the authors' program, or \
           each channel by itself, as in pytorch-grad-cam",
};

pub(super) const METHOD: Method = Method {
    name: "fullgrad",
    title: "FullGrad",
    family: Family::Gradient,
    summary: "Adds what the pixels and all biases of the network contribute to the score.",
    paper: "https://arxiv.org/abs/1905.00780",
    formula: "ψ(x ⊙ ∂s/∂x) + sum over the biases b of ψ(b ⊙ ∂s/∂b), where ψ takes magnitudes, \
              scales them to 0..1, sums them over channels and enlarges them",
    resolution: Resolution::Input,
    range: Range::Positive,
    class_sensitive: true,
    parameters: &[MethodParameter::Word(RESCALE)],
    needs: &[Need::FullGradient],
    passes: |_, _| 1,
    same_as: |_| None,
    run: fullgrad,
};

/// The biases are those of convolutions, dense layers and normalisations, and constants that are
/// added elsewhere. The bias of a batch normalisation is b − s·μ/√(σ² + ε), wherever it is: merged
/// into a convolution it is part of that convolution's bias. A bias at a single position adds
/// nothing to the map, because it has no place in the picture.
///
/// The sum of all products is the relevance of the logits, as for LRP, where every activation f has
/// f(ax) = a·f(x). What other activations add is the residue.
///
/// ψ has no unit. The authors' program adds 1e-6 to the denominator, so that its map depends on the
/// scale of the score, and enlarges with the corners of both grids aligned. Here nothing is added,
/// and pixels are aligned as OpenCV does. Where each channel is scaled by itself, as in
/// pytorch-grad-cam, the size of a bias does not count.
fn fullgrad(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let full = session.full_gradient()?;
    let is_by_channel = options.word(&RESCALE) == "channel";
    let products = &session.input()? * &full.input;
    let (_, height, width) = products.dim();
    let mut sum = sum_of(&products);
    let mut map = rescaled(&products, is_by_channel).mapv(f64::from);
    for bias in &full.biases {
        sum += sum_of(&bias.products);
        if bias.has_positions {
            let enlarged = rescaled(&bias.products, is_by_channel);
            let enlarged = resize_linear(enlarged.view(), width, height);
            map.zip_mut_with(&enlarged, |map, &value| *map += f64::from(value));
        }
    }
    let pairs = session.logits().iter().zip(&session.seed().cotangent);
    let relevance: f64 = pairs.map(|(&z, &c)| f64::from(z) * f64::from(c)).sum();
    let scale = session.seed().scale;
    Ok(Map {
        ln_scale: Some(0.0),
        completeness: Some(Completeness::of(sum * scale, relevance * scale)),
        ..Map::new(map.mapv(|value| value as f32))
    })
}

fn sum_of(products: &Array3<f32>) -> f64 {
    products.iter().map(|&value| f64::from(value)).sum()
}

/// The magnitudes of `products`, scaled to 0..1 and summed over channels, height × width. What is
/// the same everywhere gives zero.
fn rescaled(products: &Array3<f32>, is_by_channel: bool) -> Array2<f32> {
    let (_, height, width) = products.dim();
    let all = bounds(products.view());
    let mut sum = Array2::<f64>::zeros((height, width));
    for channel in products.axis_iter(Axis(0)) {
        let own = || bounds(channel.insert_axis(Axis(0)));
        let (least, greatest) = if is_by_channel { own() } else { all };
        if greatest > least {
            let scale = 1.0 / f64::from(greatest - least);
            Zip::from(&mut sum)
                .and(&channel)
                .for_each(|sum, &value| *sum += f64::from(value.abs() - least) * scale);
        }
    }
    sum.mapv(|value| value as f32)
}

/// The least and the greatest magnitude.
fn bounds(products: ArrayView3<'_, f32>) -> (f32, f32) {
    let magnitudes = products.iter().map(|value| value.abs());
    magnitudes.fold((f32::INFINITY, 0.0), |(least, greatest), magnitude| {
        (least.min(magnitude), greatest.max(magnitude))
    })
}
