//! Axes: ticks along the sides of an array, labelled with its pixel coordinates, as matplotlib
//! labels `imshow` and `matshow`.

use super::canvas::CanvasViewMut;
use super::palette::{FixedColor, PixelColors};
use super::text::{draw_note, line_height, text_width};

/// matplotlib's largest number of intervals between ticks (`MaxNLocator(nbins=9)`).
const MAX_INTERVALS: usize = 9;

/// The side on which the labels of the horizontal axis are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HorizontalLabels {
    /// Above the array, as `matshow` has them.
    Above,
    /// Below the array, as `imshow` has them.
    Below,
}

/// The size of ticks and labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AxisStyle {
    /// The font size of the labels, in pixels.
    pub(super) font_size: usize,
}

/// The axes of one array.
#[derive(Debug, Clone)]
pub(super) struct Axes {
    style: AxisStyle,
    side: HorizontalLabels,
    /// Coordinates of the ticks along the horizontal axis.
    x: Vec<usize>,
    /// Coordinates of the ticks along the vertical axis.
    y: Vec<usize>,
}

impl AxisStyle {
    /// Length of a tick.
    fn tick(self) -> usize {
        (self.font_size / 3).max(3)
    }

    /// Pixels between a tick and its label.
    fn gap(self) -> usize {
        (self.font_size / 4).max(2)
    }

    /// Width of a tick's line.
    fn line(self) -> usize {
        (self.font_size / 12).max(1)
    }

    /// Height of the strip with the ticks and labels of the horizontal axis.
    pub(super) fn height(self) -> usize {
        self.tick() + self.gap() + line_height(self.font_size)
    }

    /// Width of the strip with the ticks and labels of the vertical axis of an array of `rows`
    /// rows.
    pub(super) fn width(self, rows: usize) -> usize {
        let longest = rows.saturating_sub(1).to_string();
        self.tick() + self.gap() + text_width(&longest, self.font_size)
    }
}

impl Axes {
    /// Axes of an array of `rows` × `columns` values, drawn at `height` × `width` pixels.
    pub(super) fn new(
        style: AxisStyle,
        side: HorizontalLabels,
        (rows, columns): (usize, usize),
        (height, width): (usize, usize),
    ) -> Self {
        let label = text_width(&columns.saturating_sub(1).to_string(), style.font_size);
        let x = tick_coordinates(columns, width / (label + 2 * style.font_size).max(1));
        let y = tick_coordinates(rows, height / (2 * style.font_size).max(1));
        Self { style, side, x, y }
    }

    /// Draws ticks and labels around an array whose upper left corner is at (x, y) and which has
    /// `height` × `width` pixels. `column` and `row` give the distance of the centre of a
    /// coordinate from that corner. What lies outside the canvas is cut off.
    pub(super) fn draw<P: Copy>(
        &self,
        canvas: &mut CanvasViewMut<'_, P>,
        (x, y): (isize, isize),
        height: usize,
        colors: &PixelColors<P>,
        column: impl Fn(usize) -> usize,
        row: impl Fn(usize) -> usize,
    ) {
        let style = self.style;
        let [tick, gap, line] = [style.tick(), style.gap(), style.line()].map(|n| n as isize);
        let (font_size, text_line) = (style.font_size, line_height(style.font_size) as isize);
        let above = self.side == HorizontalLabels::Above;
        for &coordinate in &self.x {
            let center = x + column(coordinate) as isize;
            let top = if above { y - tick } else { y + height as isize };
            fill(canvas, (center - line / 2, top), (line, tick), colors);
            let label = coordinate.to_string();
            let left = center - text_width(&label, font_size) as isize / 2;
            let top = if above { top - gap - text_line } else { top + tick + gap };
            draw_note(canvas, (left, top), &label, font_size, colors);
        }
        for &coordinate in &self.y {
            let center = y + row(coordinate) as isize;
            fill(canvas, (x - tick, center - line / 2), (tick, line), colors);
            let label = coordinate.to_string();
            let left = x - tick - gap - text_width(&label, font_size) as isize;
            draw_note(canvas, (left, center - text_line / 2), &label, font_size, colors);
        }
    }
}

/// The coordinates that are labelled on an axis of `length` values: multiples of the least step
/// 1, 2 or 5 times a power of ten that makes at most `intervals` intervals.
fn tick_coordinates(length: usize, intervals: usize) -> Vec<usize> {
    let intervals = intervals.clamp(1, MAX_INTERVALS);
    let powers = std::iter::successors(Some(1usize), |power| power.checked_mul(10));
    let mut steps = powers.flat_map(|power| [1, 2, 5].map(|m| power.saturating_mul(m)));
    let step = steps.find(|step| length.saturating_sub(1) / step <= intervals).unwrap_or(length);
    (0..length).step_by(step.max(1)).collect()
}

/// Fills a rectangle in the colour of notes.
fn fill<P: Copy>(
    canvas: &mut CanvasViewMut<'_, P>,
    (left, top): (isize, isize),
    (width, height): (isize, isize),
    colors: &PixelColors<P>,
) {
    let color = colors.fixed(FixedColor::text(true, 1.0));
    for y in top..top + height {
        for x in left..left + width {
            if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) {
                canvas.set(x, y, color);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::tick_coordinates;

    #[test]
    fn ticks_are_round_numbers() {
        // As matplotlib labels a heat map of 14 × 14 and a display_grid of 2368 columns.
        assert_eq!(tick_coordinates(14, 9), [0, 2, 4, 6, 8, 10, 12]);
        assert_eq!(tick_coordinates(2368, 5), [0, 500, 1000, 1500, 2000]);
        assert_eq!(tick_coordinates(1, 9), [0]);
        assert_eq!(tick_coordinates(10, 9), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(tick_coordinates(150, 3), [0, 50, 100]);
        assert_eq!(tick_coordinates(0, 9), [0usize; 0]);
    }
}
