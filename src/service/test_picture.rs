//! A fixed picture, and what a network's output for it tells.

use image::{Rgb, RgbImage};

use super::settings::Settings;
use crate::onnx::Head;
use crate::preprocess::{Format, Picture};
use crate::runtime::{CancellationToken, Network, OutputSet};

/// A picture whose red grows from left to right and whose green grows from top to bottom.
pub(super) fn test_picture() -> Picture {
    let pixels = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 128]));
    Picture { pixels, format: Format::Png }
}

/// Whether the output of a network for the fixed picture is a distribution: positive values that
/// sum to 1. Logits are none, but for a coincidence.
///
/// # Errors
/// The engine's, in words.
pub(super) fn gives_probabilities(
    network: &Network,
    settings: &Settings,
    head: &Head,
) -> Result<bool, String> {
    let tensor = settings.preprocessing.tensor(&test_picture()).into_dyn();
    let token = CancellationToken::never();
    let values = network.forward(tensor, OutputSet::Scores, &token);
    let values = values.map_err(|error| error.to_string())?;
    let output = values.view(&head.logits).map_err(|error| error.to_string())?;
    let sum: f64 = output.iter().map(|&value| f64::from(value)).sum();
    let is_fraction = |&value: &f32| (0.0..=1.0).contains(&value);
    Ok(output.iter().all(is_fraction) && (sum - 1.0).abs() <= MAX_DEFECT)
}

/// How far the sum of probabilities may be from 1: float32 and a clamp at 1e-7 for each of 10,000
/// classes.
const MAX_DEFECT: f64 = 1e-3;
