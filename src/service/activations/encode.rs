//! The output of `POST /activations` as JSON, ZIP and NPZ.

use ndarray::Axis;
use serde::Serialize;

use super::{Activations, AttentionQuery, ShownLayer};
use crate::explain::{ChannelStatistics, Normalize};
use crate::render::{Drawing, LevelRange};
use crate::service::answer_size::{AnswerSize, Encoding};
use crate::service::base64_png::Base64Png;
use crate::service::numpy::{self, Array, stored_archive};
use crate::service::{CardValue, OutputFormat, ServiceError};

/// The JSON answer.
#[derive(Debug, Serialize)]
pub struct ActivationsJson<'a> {
    model: &'a str,
    /// What is assumed of the preprocessing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assumed: Vec<&'a CardValue>,
    normalize: Normalize,
    colormap: &'static str,
    layers: Vec<LayerJson<'a>>,
}

#[derive(Debug, Serialize)]
struct LayerJson<'a> {
    name: &'a str,
    /// Channels, height, width.
    shape: [usize; 3],
    /// The token whose attention is shown. The channels are the heads.
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    /// The tokens that are not shown, because they have no place in the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_tokens: Option<usize>,
    channels: Vec<ChannelJson>,
    dead: Vec<usize>,
    /// The levels that have the first and the last colour.
    level_range: [u8; 2],
    png: Base64Png,
}

#[derive(Debug, Serialize)]
struct ChannelJson {
    index: usize,
    #[serde(flatten)]
    statistics: ChannelStatistics,
}

impl Activations {
    /// Shape and statistics of each layer, with its picture.
    pub(super) fn activations_json<'o>(
        &'o self,
        shown: &[ShownLayer<'o>],
    ) -> Result<ActivationsJson<'o>, ServiceError> {
        let mut size = self.size_without_pictures(OutputFormat::Json)?;
        let layers =
            shown.iter().map(|one| self.layer_json(one, &mut size)).collect::<Result<_, _>>()?;
        Ok(ActivationsJson {
            model: self.classifier.name(),
            assumed: self.classifier.info().settings().assumed_of_the_input(),
            normalize: self.normalize(),
            colormap: self.grid.colormap.name(),
            layers,
        })
    }

    fn layer_json<'o>(
        &self,
        shown: &ShownLayer<'o>,
        size: &mut AnswerSize,
    ) -> Result<LayerJson<'o>, ServiceError> {
        let (channels, height, width) = shown.values.dim();
        let entry = |&index: &usize| ChannelJson { index, statistics: shown.statistics[index] };
        let (drawing, range) = self.sized_layer(shown, Encoding::Base64, size)?;
        Ok(LayerJson {
            name: shown.layer.name(),
            shape: [channels, height, width],
            query: shown.query.map(AttentionQuery::name),
            prefix_tokens: shown.prefix_tokens(),
            channels: shown.selection.iter().map(entry).collect(),
            dead: shown.dead(),
            level_range: [range.min, range.max],
            png: Base64Png(drawing.png),
        })
    }

    /// One layer's picture, which is added to `size`.
    fn sized_layer(
        &self,
        shown: &ShownLayer<'_>,
        encoding: Encoding,
        size: &mut AnswerSize,
    ) -> Result<(Drawing, LevelRange), ServiceError> {
        let mut shown_range = LevelRange::FULL;
        let drawing = size.add_picture(encoding, self.grid.max_pixels, |max_pixels| {
            let (drawing, range) = self.draw_layer(shown, max_pixels)?;
            shown_range = range;
            Ok(drawing)
        })?;
        Ok((drawing, shown_range))
    }

    /// One PNG for each layer, named after it.
    pub(super) fn zip(&self, shown: &[ShownLayer<'_>]) -> Result<Vec<u8>, ServiceError> {
        let names = file_names(shown.iter().map(|one| one.layer.name()), "png");
        let mut size = self.size_without_pictures(OutputFormat::Zip)?;
        let files = shown.iter().zip(names).map(|(one, name)| {
            let (drawing, _) = self.sized_layer(one, Encoding::Png, &mut size)?;
            Ok((name, drawing.png))
        });
        stored_archive(files)
    }
}

/// One float32 array for each layer, channels × height × width, under the layer's exact name. With
/// chosen channels, those alone in their order.
pub(super) fn npz(shown: &[ShownLayer<'_>]) -> Result<Vec<u8>, ServiceError> {
    numpy::npz(shown.iter().map(array).collect())
}

fn array<'o>(shown: &ShownLayer<'o>) -> Array<impl Iterator<Item = f32> + use<'o>> {
    let ShownLayer { layer, values, selection, .. } = *shown;
    let (_, height, width) = values.dim();
    let channel = move |&channel: &usize| values.index_axis_move(Axis(0), channel);
    Array {
        name: layer.name().to_owned(),
        shape: vec![selection.len(), height, width],
        values: selection.iter().map(channel).flat_map(|channel| channel.into_iter().copied()),
    }
}

/// File names for an archive, from the layers' names. Characters that could name another folder are
/// replaced, and names that become equal get a number.
fn file_names<'n>(layers: impl Iterator<Item = &'n str>, extension: &str) -> Vec<String> {
    let safe = |symbol: char| match symbol {
        '/' | '\\' | ':' => '_',
        other if other.is_control() => '_',
        other => other,
    };
    let mut names: Vec<String> = Vec::new();
    for layer in layers {
        let stem: String = layer.chars().map(safe).collect();
        let numbered = (2..).map(|number| format!("{stem}_{number}.{extension}"));
        let mut candidates = std::iter::once(format!("{stem}.{extension}")).chain(numbered);
        names.extend(candidates.find(|name| !names.contains(name)));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::file_names;

    #[test]
    fn file_names_are_unique_and_name_no_folder() {
        let layers = ["conv1", "../up", "a/b", "a:b", "a_b", "a\tb"];
        let names = file_names(layers.into_iter(), "png");
        assert_eq!(
            names,
            ["conv1.png", ".._up.png", "a_b.png", "a_b_2.png", "a_b_3.png", "a_b_4.png"]
        );
    }
}
