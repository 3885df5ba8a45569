//! How a picture becomes the input: by the card, by the card's preset, by what the graph says, and
//! by documented defaults, in this order.

use super::CardValue;
use super::picture_input::PictureInput;
use crate::onnx::{InputNormalization, Model};
use crate::preprocess::{Color, Crop, Preprocessing, Preset, Resize};
use crate::runtime::InputCard;

/// The input's height and width where neither the card nor the graph states them.
const DEFAULT_SIZE: usize = 224;

/// The preprocessing, and where its values come from if the card does not state them.
#[derive(Debug)]
pub(super) struct InputSettings {
    pub(super) preprocessing: Preprocessing,
    /// Values that the graph states.
    pub(super) inferred: Vec<CardValue>,
    /// Values that nothing states.
    pub(super) assumed: Vec<CardValue>,
}

/// The factor of the pixels and what is subtracted, with the reason.
struct Range {
    scale: f32,
    mean: f32,
    why: &'static str,
}

impl InputSettings {
    /// Fills in the table `input` of a card.
    ///
    /// # Errors
    /// What is wrong with the card, in words.
    pub(super) fn of(
        card: &InputCard,
        input: &PictureInput,
        model: &Model,
        normalization: &InputNormalization,
    ) -> Result<Self, String> {
        let (preset, channels) = (card.preset, input.channels);
        if let Some(preset) = preset.filter(|preset| channels == 1 && !preset.fits_grey()) {
            return Err(format!(
                "input.preset is {}, which has a mean for each of three channels, but the graph \
                 takes one; use unit, raw or keras-tf",
                preset.name()
            ));
        }
        let mut gaps = Gaps::default();
        let size = size(card, input, &mut gaps)?;
        let color = color(card, channels, known_color(model, normalization), &mut gaps)?;
        let known = pixels(input.form.pixel_offset).or_else(|| known_range(model, normalization));
        let range = range(card, known, &mut gaps);
        let resize = card.resize.or(preset.and_then(Preset::resize));
        let crop = card.crop.or(preset.and_then(Preset::crop));
        if resize.is_none() {
            gaps.assume("input.resize", "nearest".to_owned(), "as Keras load_img");
        }
        if crop.is_none() {
            gaps.assume("input.crop", "none".to_owned(), "stretched to size");
        }
        let mean = triple("input.mean", card.mean.as_deref(), channels)?;
        let std = triple("input.std", card.std.as_deref(), channels)?;
        let preprocessing = Preprocessing {
            size,
            color,
            scale: card.scale.or(preset.map(Preset::scale)).unwrap_or(range.scale),
            mean: mean.or(preset.map(Preset::mean)).unwrap_or([range.mean; 3]),
            std: std.or(preset.map(Preset::std)).unwrap_or([1.0; 3]),
            resize: resize.unwrap_or(Resize::Nearest),
            crop: crop.unwrap_or(Crop::None),
            resize_to: card.resize_to.or(preset.and_then(|preset| preset.resize_to(size))),
            layout: input.layout,
        };
        preprocessing.check().map_err(|error| format!("input: {error}"))?;
        let Gaps { inferred, assumed } = gaps;
        Ok(Self { preprocessing, inferred, assumed })
    }
}

/// The values that the card does not state.
#[derive(Debug, Default)]
struct Gaps {
    inferred: Vec<CardValue>,
    assumed: Vec<CardValue>,
}

impl Gaps {
    fn infer(&mut self, key: &'static str, value: String, why: &'static str) {
        self.inferred.push(CardValue { key, value, why });
    }

    fn assume(&mut self, key: &'static str, value: String, why: &'static str) {
        self.assumed.push(CardValue { key, value, why });
    }
}

/// The order of the channels. `known` is what the file states.
fn color(
    card: &InputCard,
    channels: usize,
    known: Option<(Color, &'static str)>,
    gaps: &mut Gaps,
) -> Result<Color, String> {
    let is_grey = channels == 1;
    let color = match (card.color, card.preset, known) {
        (Some(color), ..) => color,
        _ if is_grey => Color::Gray,
        (None, Some(preset), _) => preset.color(),
        (None, None, Some((color, why))) => {
            gaps.infer("input.color", text(color).to_owned(), why);
            color
        }
        (None, None, None) => {
            gaps.assume("input.color", "rgb".to_owned(), "most networks take it");
            Color::Rgb
        }
    };
    match (color == Color::Gray) == is_grey {
        true => Ok(color),
        false => Err(format!(
            "input.color is {}, but the graph takes {channels} channels; use {}",
            text(color),
            if is_grey { "gray" } else { "rgb or bgr" }
        )),
    }
}

/// The range of values where neither the card nor its preset states it. `known` is what the file
/// states.
fn range(card: &InputCard, known: Option<Range>, gaps: &mut Gaps) -> Range {
    let unit = Range { scale: 1.0 / 255.0, mean: 0.0, why: "values from 0 to 1" };
    let shifts = card.mean.is_some() || card.std.is_some();
    match known.filter(|_| card.scale.is_none() && !shifts && card.preset.is_none()) {
        Some(range) => {
            gaps.infer("input.scale", range.scale.to_string(), range.why);
            gaps.infer("input.mean", range.mean.to_string(), range.why);
            gaps.infer("input.std", "1".to_owned(), range.why);
            range
        }
        None => {
            if card.preset.is_none() && card.scale.is_none() {
                gaps.assume("input.scale", (1.0 / 255.0_f64).to_string(), unit.why);
            }
            if card.preset.is_none() && card.scale.is_none() && !shifts {
                gaps.assume("input.mean", "0".to_owned(), "nothing is subtracted");
                gaps.assume("input.std", "1".to_owned(), "the values are not divided");
            }
            unit
        }
    }
}

fn text(color: Color) -> &'static str {
    match color {
        Color::Rgb => "rgb",
        Color::Bgr => "bgr",
        Color::Gray => "gray",
    }
}

/// The order of the channels that the file states, with the reason.
fn known_color(model: &Model, graph: &InputNormalization) -> Option<(Color, &'static str)> {
    match model.metadata("Image.BitmapPixelFormat") {
        Some("Bgr8") => return Some((Color::Bgr, "the metadata Image.BitmapPixelFormat says so")),
        Some("Rgb8") => return Some((Color::Rgb, "the metadata Image.BitmapPixelFormat says so")),
        _ => {}
    }
    match graph.takes_bgr()? {
        true if graph.reverses_channels => {
            Some((Color::Bgr, "the graph reverses the order of the channels"))
        }
        true => Some((Color::Bgr, "the graph subtracts the mean of blue first")),
        false => Some((Color::Rgb, "the graph subtracts the mean of red first")),
    }
}

/// The range of values of a graph that takes 8-bit integers: the pixels, less `offset`.
fn pixels(offset: Option<f32>) -> Option<Range> {
    offset.map(|mean| Range { scale: 1.0, mean, why: "the graph takes 8-bit integers" })
}

/// The range of values that the file states.
fn known_range(model: &Model, graph: &InputNormalization) -> Option<Range> {
    let why = "the metadata Image.NominalPixelRange says so";
    match model.metadata("Image.NominalPixelRange") {
        Some("NominalRange_0_255") => return Some(Range { scale: 1.0, mean: 0.0, why }),
        Some("Normalized_0_1") => return Some(Range { scale: 1.0 / 255.0, mean: 0.0, why }),
        Some("Normalized_1_1") => return Some(Range { scale: 1.0 / 127.5, mean: 1.0, why }),
        _ => {}
    }
    Some(match graph.takes_pixels()? {
        true => Range { scale: 1.0, mean: 0.0, why: "the graph normalizes values from 0 to 255" },
        false => {
            let why = "the graph normalizes values from 0 to 1";
            Range { scale: 1.0 / 255.0, mean: 0.0, why }
        }
    })
}

fn size(card: &InputCard, input: &PictureInput, gaps: &mut Gaps) -> Result<[usize; 2], String> {
    let given = card.size.map(|[height, width]| [Some(height), Some(width)]);
    let [given_height, given_width] = given.unwrap_or_default();
    let [height, width] = input.size;
    let size = [side(height, given_height)?, side(width, given_width)?];
    if card.size.is_none() && input.size.contains(&None) {
        gaps.assume("input.size", format!("{size:?}"), "the graph leaves it open");
    } else if card.size.is_none() && input.form.is_vector {
        gaps.assume("input.size", format!("{size:?}"), "the graph takes a vector");
    }
    Ok(size)
}

/// One side of the input: the graph's, else the card's.
fn side(fixed: Option<usize>, given: Option<usize>) -> Result<usize, String> {
    match (fixed, given) {
        (Some(fixed), Some(given)) if fixed != given => Err(format!(
            "input.size is {given} on the card and {fixed} in the graph; correct the card"
        )),
        (Some(known), _) | (None, Some(known)) => Ok(known),
        (None, None) => Ok(DEFAULT_SIZE),
    }
}

/// The card's one or three numbers as three.
fn triple(key: &str, given: Option<&[f32]>, channels: usize) -> Result<Option<[f32; 3]>, String> {
    match given {
        None => Ok(None),
        Some(&[one]) => Ok(Some([one; 3])),
        Some(&[a, b, c]) if channels == 3 => Ok(Some([a, b, c])),
        Some(other) => {
            Err(format!("{key} has {} numbers; it takes one, or one for each channel", other.len()))
        }
    }
}
