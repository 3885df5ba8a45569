//! Colour maps: 256 rows of RGB each.

/// Declares the colour maps once: the variants, their names in the API, and the lists of both.
macro_rules! colormaps {
    (
        $(#[doc = $doc:literal])+ $variant:ident = $name:literal,
        $($(#[doc = $docs:literal])+ $variants:ident = $names:literal,)+
    ) => {
        /// A colour map. All are matplotlib's 256 rows; `jet` is OpenCV's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Colormap {
            $(#[doc = $doc])+
            $variant,
            $($(#[doc = $docs])+ $variants,)+
        }

        impl Colormap {
            /// Every colour map, in the order of their rows in `colormaps.bin`.
            pub const ALL: [Self; COUNT] = [Self::$variant, $(Self::$variants),+];

            /// The names of all, as the API spells them, with `|` between them.
            pub const NAMES: &str = concat!($name, $("|", $names),+);

            /// The name, as the API spells it.
            pub fn name(self) -> &'static str {
                match self {
                    Self::$variant => $name,
                    $(Self::$variants => $names,)+
                }
            }
        }

        const COUNT: usize = [$name, $($names),+].len();
    };
}

colormaps! {
    /// matplotlib's default.
    Viridis = "viridis",
    /// OpenCV's `COLORMAP_JET`.
    Jet = "jet",
    /// matplotlib's `inferno`.
    Inferno = "inferno",
    /// matplotlib's `magma`.
    Magma = "magma",
    /// matplotlib's `plasma`.
    Plasma = "plasma",
    /// matplotlib's `cividis`.
    Cividis = "cividis",
    /// matplotlib's `turbo`.
    Turbo = "turbo",
    /// matplotlib's `gray`.
    Gray = "gray",
    /// matplotlib's `RdBu_r`, diverging: blue below the middle, white, red above.
    Rdbu = "rdbu",
    /// matplotlib's `coolwarm`, diverging: blue, light grey, red.
    Coolwarm = "coolwarm",
    /// matplotlib's `seismic`, diverging: dark blue, white, dark red.
    Seismic = "seismic",
}

/// The rows of every map, in the order of [`Colormap::ALL`]. The file is written by
/// `tests/reference/pictures/make_colormaps.py`.
const ROWS: &[u8; COUNT * 256 * 3] = include_bytes!("colormaps.bin");

/// No colour map has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown colour map {0:?}; there are {names}", names = Colormap::NAMES.replace('|', ", "))]
pub struct UnknownColormap(pub String);

impl Colormap {
    /// The 256 rows of red, green, blue.
    pub fn rows(self) -> [[u8; 3]; 256] {
        let first = self as usize * 256;
        std::array::from_fn(|level| {
            let at = 3 * (first + level);
            [ROWS[at], ROWS[at + 1], ROWS[at + 2]]
        })
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
