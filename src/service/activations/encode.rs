//! The output of `POST /activations` as JSON, ZIP and NPZ.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ndarray::Axis;
use serde::Serialize;

use super::{Activations, ShownLayer};
use crate::explain::{ChannelStatistics, Normalize};
use crate::service::ServiceError;
use crate::service::numpy::{npz as npz_file, stored_archive};

/// The JSON answer.
#[derive(Debug, Serialize)]
pub struct ActivationsJson<'a> {
    model: &'a str,
    normalize: Normalize,
    colormap: &'static str,
    layers: Vec<LayerJson<'a>>,
}

#[derive(Debug, Serialize)]
struct LayerJson<'a> {
    name: &'a str,
    /// Channels, height, width.
    shape: [usize; 3],
    channels: Vec<ChannelJson>,
    dead: Vec<usize>,
    /// The levels that have the first and the last colour.
    level_range: [u8; 2],
    png: String,
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
        let layers = shown.iter().map(|one| self.layer_json(one)).collect::<Result<_, _>>()?;
        Ok(ActivationsJson {
            model: self.classifier.name(),
            normalize: self.normalize(),
            colormap: self.grid.colormap.name(),
            layers,
        })
    }

    fn layer_json<'o>(&self, shown: &ShownLayer<'o>) -> Result<LayerJson<'o>, ServiceError> {
        let (channels, height, width) = shown.values.dim();
        let entry = |&index: &usize| ChannelJson { index, statistics: shown.statistics[index] };
        let (drawing, range) = self.draw_layer(shown)?;
        Ok(LayerJson {
            name: &shown.layer.name,
            shape: [channels, height, width],
            channels: shown.selection.iter().map(entry).collect(),
            dead: shown.dead(),
            level_range: [range.min, range.max],
            png: STANDARD.encode(drawing.png),
        })
    }

    /// One PNG for each layer, named after it.
    pub(super) fn zip(&self, shown: &[ShownLayer<'_>]) -> Result<Vec<u8>, ServiceError> {
        let names = file_names(shown.iter().map(|one| one.layer.name.as_str()), "png");
        let files = shown.iter().zip(names);
        stored_archive(files.map(|(one, name)| Ok((name, self.draw_layer(one)?.0.png))))
    }
}

/// One float32 array for each layer, channels × height × width, under the layer's exact name, as
/// `numpy.savez` writes it. With chosen channels, those alone in their order.
pub(super) fn npz(shown: &[ShownLayer<'_>]) -> Result<Vec<u8>, ServiceError> {
    let array = |one: &ShownLayer<'_>| one.values.select(Axis(0), one.selection);
    npz_file(shown.iter().map(|one| (one.layer.name.clone(), array(one))))
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
