//! Colour maps: 256 rows of RGB each.

/// The rows of every map, in the order of [`Colormap::ALL`]; written by
/// `tests/reference/pictures/make_colormaps.py`.
const ROWS: &[u8; 8 * 256 * 3] = include_bytes!("colormaps.bin");

/// A colour map. All are matplotlib's 256 rows; `jet` is OpenCV's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Colormap {
    /// matplotlib's default.
    Viridis,
    /// OpenCV's `COLORMAP_JET`.
    Jet,
    /// matplotlib's `inferno`.
    Inferno,
    /// matplotlib's `magma`.
    Magma,
    /// matplotlib's `plasma`.
    Plasma,
    /// matplotlib's `cividis`.
    Cividis,
    /// Google's `turbo`.
    Turbo,
    /// Black to white.
    Gray,
}

/// No colour map has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown colour map {0:?}; there are viridis, jet, inferno, magma, plasma, cividis, turbo, gray"
)]
pub struct UnknownColormap(pub String);

impl Colormap {
    /// Every colour map.
    pub const ALL: [Self; 8] = [
        Self::Viridis,
        Self::Jet,
        Self::Inferno,
        Self::Magma,
        Self::Plasma,
        Self::Cividis,
        Self::Turbo,
        Self::Gray,
    ];

    /// Its 256 rows of red, green, blue.
    pub fn rows(self) -> [[u8; 3]; 256] {
        let first = self as usize * 256;
        std::array::from_fn(|level| {
            let at = 3 * (first + level);
            [ROWS[at], ROWS[at + 1], ROWS[at + 2]]
        })
    }

    /// Its name, as the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viridis => "viridis",
            Self::Jet => "jet",
            Self::Inferno => "inferno",
            Self::Magma => "magma",
            Self::Plasma => "plasma",
            Self::Cividis => "cividis",
            Self::Turbo => "turbo",
            Self::Gray => "gray",
        }
    }
}

impl std::fmt::Display for Colormap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Colormap {
    type Err = UnknownColormap;

    fn from_str(name: &str) -> Result<Self, UnknownColormap> {
        let found = Self::ALL.into_iter().find(|map| map.name() == name);
        found.ok_or_else(|| UnknownColormap(name.to_owned()))
    }
}
