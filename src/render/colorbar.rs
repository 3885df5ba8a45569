//! A colour bar beside a map: which value each colour stands for, as `plt.colorbar` draws it.

use super::canvas::CanvasViewMut;
use super::palette::{FixedColor, PixelColors};
use super::text::{draw_note, line_height, text_width};

/// The values that the colours of a map stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColorRange {
    /// The values of heat 0 and 1; of a map with a sign, of −1 and 1.
    pub values: [f64; 2],
    /// Larger magnitudes were clipped.
    pub clipped: bool,
    /// The map has a sign: both ends may be clipped.
    pub signed: bool,
}

impl ColorRange {
    /// The values of the heats `bounds`, which a map without a sign may have for its first and its
    /// last colour.
    pub(super) fn within(self, bounds: Option<[f32; 2]>) -> Self {
        let [low, high] = self.values;
        let value = |heat: f32| low + (high - low) * f64::from(heat);
        Self { values: bounds.map_or(self.values, |bounds| bounds.map(value)), ..self }
    }
}

/// Pixels between the map and the bar, and the width of the bar.
const GAP: usize = 8;
const WIDTH: usize = 14;
/// Length of a tick, and pixels between a tick and its label.
const TICK: usize = 4;
const LABEL_GAP: usize = 4;
/// The font size of the labels, in pixels.
const FONT_SIZE: usize = 13;

/// A bar with labels at its top, its middle and its bottom.
#[derive(Debug, Clone)]
pub(super) struct Colorbar {
    top: String,
    middle: String,
    bottom: String,
}

impl Colorbar {
    pub(super) fn new(range: &ColorRange) -> Self {
        let ColorRange { values: [low, high], clipped, signed } = *range;
        let sign = |sign, shown: bool| if shown { sign } else { "" };
        Self {
            top: sign("≥ ", clipped).to_owned() + &label(high),
            middle: label(0.5 * (low + high)),
            bottom: sign("≤ ", clipped && signed).to_owned() + &label(low),
        }
    }

    /// Pixels to the right of the map that the bar takes.
    pub(super) fn width(&self) -> usize {
        let labels = [&self.top, &self.middle, &self.bottom];
        let longest = labels.map(|label| text_width(label, FONT_SIZE)).into_iter().max();
        GAP + WIDTH + TICK + LABEL_GAP + longest.unwrap_or(0)
    }

    /// Draws the bar beside a map of `height` pixels whose upper right corner is at (x, y). What
    /// lies outside the canvas is cut off.
    pub(super) fn draw<P: Copy>(
        &self,
        canvas: &mut CanvasViewMut<'_, P>,
        (x, y): (usize, isize),
        height: usize,
        colors: &PixelColors<P>,
    ) {
        let left = x + GAP;
        let mut fill = |columns: std::ops::Range<usize>, row: usize, pixel: P| {
            if let Ok(row) = usize::try_from(y + row as isize) {
                columns.for_each(|column| canvas.set(column, row, pixel));
            }
        };
        for row in 0..height {
            fill(left..left + WIDTH, row, colors.levels[level(row, height)]);
        }
        let (tick, line) = (left + WIDTH, line_height(FONT_SIZE));
        let last = height.saturating_sub(1);
        // The labels at the ends stay within the height.
        let labels = [
            (&self.top, 0, 0),
            (&self.middle, last / 2, (height / 2).saturating_sub(line / 2)),
            (&self.bottom, last, height.saturating_sub(line)),
        ];
        let shown: &[usize] = match height / line {
            _ if self.top == self.bottom => &[1],
            0 | 1 => &[0],
            2 => &[0, 2],
            _ => &[0, 1, 2],
        };
        let shown = || shown.iter().map(|&index| labels[index]);
        let color = colors.fixed(FixedColor::text(true, 1.0));
        for (_, row, _) in shown() {
            fill(tick..tick + TICK, row, color);
        }
        for (text, _, top) in shown() {
            let at = ((tick + TICK + LABEL_GAP) as isize, y + top as isize);
            draw_note(canvas, at, text, FONT_SIZE, colors);
        }
    }
}

/// The level of a row of the bar: 255 at the top, 0 at the bottom.
fn level(row: usize, height: usize) -> usize {
    (2 * (height - row) - 1) * 256 / (2 * height)
}

/// A value with three digits, without zeros at the end of its fraction.
fn label(value: f64) -> String {
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    let text = match value.abs() {
        0.0 => "0".to_owned(),
        magnitude @ 1e-3..1e5 => {
            let decimals = (2.0 - magnitude.log10().floor()).max(0.0) as usize;
            trimmed(&format!("{value:.decimals$}"))
        }
        _ => {
            let text = format!("{value:.2e}");
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            format!("{}e{exponent}", trimmed(mantissa))
        }
    };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_digits() {
        let values =
            [0.0, 1.0, -0.5, 0.123_456, 12.345, 1234.5, 0.001, 1e-5, -2.5e9, 0.9999, 1.234e-4];
        let expected =
            ["0", "1", "−0.5", "0.123", "12.3", "1234", "0.001", "1e−5", "−2.5e9", "1", "1.23e−4"];
        assert_eq!(values.map(label), expected);
    }

    #[test]
    fn the_bar_has_every_level_from_the_top_down() {
        let levels: Vec<usize> = (0..256).map(|row| level(row, 256)).collect();
        assert_eq!(levels, (0..256).rev().collect::<Vec<_>>());
        assert_eq!([level(0, 1000), level(999, 1000), level(0, 1)], [255, 0, 128]);
    }

    #[test]
    fn clipped_ends_say_so() {
        let bar = |clipped, signed| {
            let range = ColorRange { values: [-2.0, 2.0], clipped, signed };
            let Colorbar { top, middle, bottom } = Colorbar::new(&range);
            [top, middle, bottom]
        };
        assert_eq!(bar(false, true), ["2", "0", "−2"]);
        assert_eq!(bar(true, true), ["≥ 2", "0", "≤ −2"]);
        assert_eq!(bar(true, false), ["≥ 2", "0", "−2"]);
    }
}
