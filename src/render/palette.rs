//! How levels and fixed colours become pixels: palette entries, or RGB values.
//!
//! A palette has 256 entries and a colour map has 256 levels, so a picture with every level *and* a
//! background, text or dead tiles does not fit. A figure has fewer levels: it samples the colour
//! map evenly at the entries that the fixed colours leave, so that a colour is at most half a level
//! off. An exact picture keeps every level: it uses a palette where its colours fit into one, and
//! RGB otherwise.

use super::Colormap;

/// Shades of text between the background and the full text colour.
const SHADES: usize = 6;

/// Colours that do not come from a colour map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FixedColor {
    /// Behind everything.
    Background,
    /// The light (false) and the dark (true) grey of a dead tile's hatching.
    Hatching(bool),
    /// Text in a shade 1..=SHADES, by how much of the pixel a glyph covers. A note is lighter than
    /// a title.
    Text { note: bool, shade: usize },
}

const BACKGROUND: [u8; 3] = [255, 255, 255];
const HATCHING: [[u8; 3]; 2] = [[241, 241, 241], [218, 218, 218]];
const TITLE: [u8; 3] = [31, 35, 40];
const NOTE: [u8; 3] = [110, 118, 129];

/// Which fixed colours a picture uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UsedFixedColors {
    /// None: levels only.
    None,
    /// The two greys of the hatching.
    Hatching,
    /// Hatching, background and text.
    All,
}

/// Background, two greys, and the shades of titles and of notes.
const FIXED_COLORS: usize = 3 + 2 * SHADES;

impl FixedColor {
    /// The text colour for a coverage 0..=1.
    pub(super) fn text(note: bool, coverage: f32) -> Self {
        match (coverage * SHADES as f32 + 0.5) as usize {
            0 => Self::Background,
            shade => Self::Text { note, shade: shade.min(SHADES) },
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Background => 0,
            Self::Hatching(dark) => 1 + usize::from(dark),
            Self::Text { note, shade } => 2 + shade + usize::from(note) * SHADES,
        }
    }

    /// The RGB values of all fixed colours, by index.
    fn colors() -> [[u8; 3]; FIXED_COLORS] {
        let mut colors = [BACKGROUND; FIXED_COLORS];
        for dark in [false, true] {
            colors[Self::Hatching(dark).index()] = HATCHING[usize::from(dark)];
        }
        for (note, text) in [(false, TITLE), (true, NOTE)] {
            for shade in 1..=SHADES {
                let mix = |c: usize| {
                    let (from, to) = (usize::from(BACKGROUND[c]), usize::from(text[c]));
                    ((from * (SHADES - shade) + to * shade) / SHADES) as u8
                };
                colors[Self::Text { note, shade }.index()] = [mix(0), mix(1), mix(2)];
            }
        }
        colors
    }
}

/// The pixel of type `P` for each level and each fixed colour.
#[derive(Debug, Clone)]
pub(super) struct PixelColors<P> {
    pub(super) levels: [P; 256],
    fixed: [P; FIXED_COLORS],
}

impl<P: Copy> PixelColors<P> {
    pub(super) fn fixed(&self, color: FixedColor) -> P {
        self.fixed[color.index()]
    }
}

/// The colours of a palette, at most 256.
pub(super) type Palette = Vec<[u8; 3]>;

impl PixelColors<u8> {
    /// The palette of a figure: the fixed colours, then the colour map, sampled evenly.
    pub(super) fn figure(colormap: Colormap) -> (Self, Palette) {
        let rows = colormap.rows();
        let steps = 256 - FIXED_COLORS;
        let sampled = (0..steps).map(|i| rows[(i * 255 + (steps - 1) / 2) / (steps - 1)]);
        let palette: Palette = FixedColor::colors().into_iter().chain(sampled).collect();
        let nearest = |level: usize| FIXED_COLORS + (level * (steps - 1) + 127) / 255;
        let levels = std::array::from_fn(|level| nearest(level) as u8);
        (Self { levels, fixed: std::array::from_fn(|i| i as u8) }, palette)
    }

    /// The palette of an exact picture: the used fixed colours and every used level. None where
    /// that exceeds 256 entries.
    pub(super) fn exact(
        colormap: Colormap,
        used: impl FnOnce() -> [bool; 256],
        fixed: UsedFixedColors,
    ) -> Option<(Self, Palette)> {
        let rows = colormap.rows();
        if fixed == UsedFixedColors::None {
            let levels = std::array::from_fn(|i| i as u8);
            return Some((Self { levels, fixed: [0; FIXED_COLORS] }, rows.to_vec()));
        }
        let hatching = [false, true].map(|dark| FixedColor::Hatching(dark).index());
        let mut colors = Self { levels: [0; 256], fixed: [0; FIXED_COLORS] };
        let mut palette = Palette::new();
        for (i, &color) in FixedColor::colors().iter().enumerate() {
            if fixed == UsedFixedColors::All || hatching.contains(&i) {
                colors.fixed[i] = palette.len() as u8;
                palette.push(color);
            }
        }
        let used = used();
        for level in (0..256).filter(|&level| used[level]) {
            colors.levels[level] = u8::try_from(palette.len()).ok()?;
            palette.push(rows[level]);
        }
        Some((colors, palette))
    }
}

impl PixelColors<[u8; 3]> {
    /// RGB values.
    pub(super) fn rgb(colormap: Colormap) -> Self {
        Self { levels: colormap.rows(), fixed: FixedColor::colors() }
    }
}
