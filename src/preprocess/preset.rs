//! The preprocessings that most published networks were trained with.

use serde::{Deserialize, Serialize};

use super::{Color, Crop, Preprocessing, Resize};

/// A published preprocessing, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// `Resize`, `CenterCrop` and `Normalize` as torchvision's weights for ImageNet have them. The
    /// shorter side is the input's divided by 0.875: 256 for 224.
    Torchvision,
    /// `preprocess_input` of Keras with `mode="caffe"`: VGG, ResNet.
    KerasCaffe,
    /// `preprocess_input` of Keras with `mode="tf"`: values from −1 to 1. MobileNet, Inception,
    /// Xception.
    KerasTf,
    /// RGB values from 0 to 1.
    Unit,
    /// RGB values from 0 to 255, for networks that normalize the picture themselves.
    Raw,
}

impl Preset {
    /// The names, for usage lines.
    pub const NAMES: &'static str = "torchvision|keras-caffe|keras-tf|unit|raw";

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Torchvision => "torchvision",
            Self::KerasCaffe => "keras-caffe",
            Self::KerasTf => "keras-tf",
            Self::Unit => "unit",
            Self::Raw => "raw",
        }
    }

    /// Order of the channels.
    #[must_use]
    pub fn color(self) -> Color {
        if self == Self::KerasCaffe { Color::Bgr } else { Color::Rgb }
    }

    /// The factor of the pixels, 0 to 255.
    #[must_use]
    pub fn scale(self) -> f32 {
        match self {
            Self::Torchvision | Self::Unit => 1.0 / 255.0,
            Self::KerasTf => 1.0 / 127.5,
            Self::KerasCaffe | Self::Raw => 1.0,
        }
    }

    /// Subtracted after that, in the order of [`color`](Self::color).
    #[must_use]
    pub fn mean(self) -> [f32; 3] {
        match self {
            Self::Torchvision => [0.485, 0.456, 0.406],
            Self::KerasCaffe => [103.939, 116.779, 123.68],
            Self::KerasTf => [1.0; 3],
            Self::Unit | Self::Raw => [0.0; 3],
        }
    }

    /// The divisor.
    #[must_use]
    pub fn std(self) -> [f32; 3] {
        if self == Self::Torchvision { [0.229, 0.224, 0.225] } else { [1.0; 3] }
    }

    /// How pixels are interpolated. None where the preset does not say.
    #[must_use]
    pub fn resize(self) -> Option<Resize> {
        match self {
            Self::Torchvision => Some(Resize::Bilinear),
            Self::KerasCaffe | Self::KerasTf => Some(Resize::Nearest),
            Self::Unit | Self::Raw => None,
        }
    }

    /// How a picture is fitted to the size. None where the preset does not say.
    #[must_use]
    pub fn crop(self) -> Option<Crop> {
        match self {
            Self::Torchvision => Some(Crop::Center),
            Self::KerasCaffe | Self::KerasTf => Some(Crop::None),
            Self::Unit | Self::Raw => None,
        }
    }

    /// The shorter side before the crop, for an input of `size`.
    #[must_use]
    pub fn resize_to(self, size: [usize; 2]) -> Option<usize> {
        let side = size[0].max(size[1]) as f64;
        (self == Self::Torchvision).then_some((side / 0.875).round() as usize)
    }

    /// `preprocessing` with what this preset says. A grey input stays grey; then the preset must
    /// have one mean for all channels, otherwise there is no result.
    #[must_use]
    pub fn apply(self, preprocessing: &Preprocessing) -> Option<Preprocessing> {
        let is_grey = preprocessing.color == Color::Gray;
        let size = preprocessing.size;
        (!is_grey || self.fits_grey()).then_some(Preprocessing {
            color: if is_grey { Color::Gray } else { self.color() },
            scale: self.scale(),
            mean: self.mean(),
            std: self.std(),
            resize: self.resize().unwrap_or(preprocessing.resize),
            crop: self.crop().unwrap_or(preprocessing.crop),
            resize_to: self.resize_to(size).or(preprocessing.resize_to),
            ..preprocessing.clone()
        })
    }

    /// Whether all channels have the same mean, so that the preset can be used for one channel.
    #[must_use]
    pub fn fits_grey(self) -> bool {
        !matches!(self, Self::Torchvision | Self::KerasCaffe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_have_the_numbers_that_are_published() {
        let preprocessing = Preprocessing::default();
        let torchvision = Preset::Torchvision.apply(&preprocessing).unwrap();
        assert_eq!((torchvision.crop, torchvision.resize_to), (Crop::Center, Some(256)));
        let caffe = Preset::KerasCaffe.apply(&preprocessing).unwrap();
        assert_eq!((caffe.color, caffe.scale, caffe.mean[0]), (Color::Bgr, 1.0, 103.939));
        // The ends of the range: −1 and 1.
        let tf = Preset::KerasTf.apply(&preprocessing).unwrap();
        assert_eq!([0.0, 255.0].map(|v| v * tf.scale - tf.mean[0]), [-1.0, 1.0]);
        let grey = Preprocessing { color: Color::Gray, ..preprocessing };
        assert!(Preset::KerasCaffe.apply(&grey).is_none());
        assert_eq!(Preset::Raw.apply(&grey).unwrap().color, Color::Gray);
    }
}
