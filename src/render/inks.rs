//! What levels and paints are on a canvas: palette entries, or colours outright.
//!
//! A palette has 256 entries and a colour map has 256 levels, so a picture with every level *and* a
//! background, text or dead tiles does not fit. A figure gives up a few levels: the map is sampled
//! at the entries that the paints leave, at most half a level off. An exact picture never does: it
//! takes a palette where what it uses fits, else RGB.

use super::Colormap;

/// Shades of text between background and full ink.
const SHADES: usize = 6;

/// Colours that belong to no colour map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// Behind everything.
    Background,
    /// The two greys of a dead tile's hatching.
    Dead(bool),
    /// Text: titles, or lighter notes, in a shade 1..=SHADES by how much of the pixel a letter
    /// covers.
    Text { note: bool, shade: usize },
}

const BACKGROUND: [u8; 3] = [255, 255, 255];
const DEAD: [[u8; 3]; 2] = [[241, 241, 241], [218, 218, 218]];
const TITLE: [u8; 3] = [31, 35, 40];
const NOTE: [u8; 3] = [110, 118, 129];

/// Which paints a picture needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Levels only.
    None,
    /// The greys of dead tiles.
    Dead,
    /// Background and text too.
    All,
}

/// Background, two greys, two ramps of text.
const PAINTS: usize = 3 + 2 * SHADES;

impl Paint {
    /// The text paint for a coverage 0..=1.
    pub(super) fn text(note: bool, coverage: f32) -> Self {
        match (coverage * SHADES as f32 + 0.5) as usize {
            0 => Self::Background,
            shade => Self::Text { note, shade: shade.min(SHADES) },
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Background => 0,
            Self::Dead(dark) => 1 + usize::from(dark),
            Self::Text { note, shade } => 2 + shade + usize::from(note) * SHADES,
        }
    }

    fn colors() -> [[u8; 3]; PAINTS] {
        let mut colors = [BACKGROUND; PAINTS];
        for dark in [false, true] {
            colors[Self::Dead(dark).index()] = DEAD[usize::from(dark)];
        }
        for (note, ink) in [(false, TITLE), (true, NOTE)] {
            for shade in 1..=SHADES {
                let mix = |c: usize| {
                    let (from, to) = (usize::from(BACKGROUND[c]), usize::from(ink[c]));
                    ((from * (SHADES - shade) + to * shade) / SHADES) as u8
                };
                colors[Self::Text { note, shade }.index()] = [mix(0), mix(1), mix(2)];
            }
        }
        colors
    }
}

/// How a canvas of pixels `P` shows each level and each paint.
#[derive(Debug, Clone)]
pub(super) struct Inks<P> {
    pub(super) levels: [P; 256],
    paints: [P; PAINTS],
}

impl<P: Copy> Inks<P> {
    pub(super) fn paint(&self, paint: Paint) -> P {
        self.paints[paint.index()]
    }
}

/// A palette's colours, at most 256.
pub(super) type Palette = Vec<[u8; 3]>;

impl Inks<u8> {
    /// For figures: the paints, then the colour map sampled evenly.
    pub(super) fn figure(colormap: Colormap) -> (Self, Palette) {
        let rows = colormap.rows();
        let steps = 256 - PAINTS;
        let sampled = (0..steps).map(|i| rows[(i * 255 + (steps - 1) / 2) / (steps - 1)]);
        let palette: Palette = Paint::colors().into_iter().chain(sampled).collect();
        let nearest = |level: usize| PAINTS + (level * (steps - 1) + 127) / 255;
        let levels = std::array::from_fn(|level| nearest(level) as u8);
        (Self { levels, paints: std::array::from_fn(|i| i as u8) }, palette)
    }

    /// For exact pictures: every level that is used, and the paints. None where that exceeds a
    /// palette.
    pub(super) fn exact(
        colormap: Colormap,
        used: &[bool; 256],
        needs: Needs,
    ) -> Option<(Self, Palette)> {
        let rows = colormap.rows();
        if needs == Needs::None {
            let inks = Self { levels: std::array::from_fn(|i| i as u8), paints: [0; PAINTS] };
            return Some((inks, rows.to_vec()));
        }
        let dead = [false, true].map(|dark| Paint::Dead(dark).index());
        let mut inks = Self { levels: [0; 256], paints: [0; PAINTS] };
        let mut palette = Palette::new();
        for (i, &color) in Paint::colors().iter().enumerate() {
            if needs == Needs::All || dead.contains(&i) {
                inks.paints[i] = palette.len() as u8;
                palette.push(color);
            }
        }
        for level in (0..256).filter(|&level| used[level]) {
            inks.levels[level] = u8::try_from(palette.len()).ok()?;
            palette.push(rows[level]);
        }
        Some((inks, palette))
    }
}

impl Inks<[u8; 3]> {
    /// Colours outright.
    pub(super) fn rgb(colormap: Colormap) -> Self {
        Self { levels: colormap.rows(), paints: Paint::colors() }
    }
}
