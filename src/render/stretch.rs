//! The stretch of `plt.imshow`: the least value of an array has the first colour of the map, the
//! greatest the last.

use ndarray::ArrayView2;

/// The levels that take the first and the last colour of a colour map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelRange {
    /// Takes the first colour.
    pub min: u8,
    /// Takes the last colour.
    pub max: u8,
}

impl LevelRange {
    /// Every level has the colour of its own number.
    pub const FULL: Self = Self { min: 0, max: 255 };

    /// The least and the greatest level of `tiles`, and of level 0 if `has_zero`.
    pub(super) fn of<'t>(tiles: impl Iterator<Item = ArrayView2<'t, u8>>, has_zero: bool) -> Self {
        let mut range = Self { min: if has_zero { 0 } else { 255 }, max: 0 };
        for tile in tiles {
            let (min, max) = match tile.to_slice() {
                Some(levels) => extremes(levels.iter()),
                None => extremes(tile.iter()),
            };
            range = Self { min: range.min.min(min), max: range.max.max(max) };
            if range == Self::FULL {
                break;
            }
        }
        Self { min: range.min.min(range.max), ..range }
    }

    /// The row of the colour map for a level: matplotlib's `Normalize` and `Colormap.__call__`,
    /// `int(256 · (level − min) / (max − min))`, and 255 for the greatest. Where all levels are
    /// equal it is 0, as there.
    ///
    /// matplotlib computes in float64. Whole numbers give the same, since a quotient that is not
    /// whole is at least 1/255 away from a whole number.
    pub fn stretched(self, level: u8) -> u8 {
        if self == Self::FULL {
            return level;
        }
        let span = u32::from(self.max.saturating_sub(self.min));
        let above = 256 * u32::from(level.saturating_sub(self.min));
        above.checked_div(span).map_or(0, |row| row.min(255) as u8)
    }

    /// The colour of every level, from the colours of the map's rows.
    pub(super) fn colors<P: Copy>(self, rows: &[P; 256]) -> [P; 256] {
        std::array::from_fn(|level| rows[usize::from(self.stretched(level as u8))])
    }
}

/// The least and the greatest of `levels`.
fn extremes<'l>(levels: impl Iterator<Item = &'l u8>) -> (u8, u8) {
    levels.fold((255, 0), |(min, max), &level| (min.min(level), max.max(level)))
}
