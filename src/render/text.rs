//! Text in pictures, in DejaVu Sans. The font is embedded.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

use super::canvas::CanvasViewMut;
use super::palette::{FixedColor, PixelColors};

/// The font file, see `assets/fonts/README.md`.
pub(super) const FONT_FILE: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-subset.ttf");

static FONT: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(FONT_FILE).ok());

/// A line of text, followed by a lighter note. Titles and captions are written `text  note`, with
/// two spaces between text and note. Where room is short the text is cut and ends in an ellipsis;
/// the note stays whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label<'a> {
    text: &'a str,
    note: &'a str,
}

/// Height of a line of text whose letters have `size` pixels.
pub(super) fn line_height(size: usize) -> usize {
    size * 3 / 2
}

/// Width of a line of text whose letters have `size` pixels.
pub(super) fn text_width(text: &str, size: usize) -> usize {
    SizedFont::new(size).map_or(0, |font| font.width(text).ceil() as usize)
}

/// Draws a note in a line of height `line_height(size)`, whose upper left corner is (x, y). What
/// lies outside the canvas is cut off.
pub(super) fn draw_note<P: Copy>(
    canvas: &mut CanvasViewMut<'_, P>,
    (x, y): (isize, isize),
    text: &str,
    size: usize,
    colors: &PixelColors<P>,
) {
    if let Some(font) = SizedFont::new(size) {
        font.draw(canvas, (x as f32, y as f32), text, true, colors);
    }
}

impl<'a> Label<'a> {
    /// A label with a note.
    pub(super) fn new(line: &'a str) -> Self {
        let (text, note) = line.split_once("  ").unwrap_or((line, ""));
        Self { text: text.trim(), note: note.trim() }
    }

    /// A label without a note.
    pub(super) fn plain(text: &'a str) -> Self {
        Self { text: text.trim(), note: "" }
    }

    /// Draws the label in a line of height `line_height(size)`, whose upper left corner is (x, y).
    /// The label is at most `width` pixels wide.
    pub(super) fn draw<P: Copy>(
        &self,
        canvas: &mut CanvasViewMut<'_, P>,
        (x, y): (usize, usize),
        width: usize,
        size: usize,
        colors: &PixelColors<P>,
    ) {
        let Some(font) = SizedFont::new(size) else { return };
        let gap = self.gap(&font);
        let room = width as f32;
        let note = font.fit(self.note, room);
        let text = font.fit(self.text, room - font.width(&note) - gap);
        let (start, y) = (x as f32, y as f32);
        font.draw(canvas, (start, y), &text, false, colors);
        font.draw(canvas, (start + font.width(&text) + gap, y), &note, true, colors);
    }

    /// The size of the letters at which the label is at most `width` pixels wide: `size`, or less,
    /// down to two thirds of it.
    pub(super) fn fitting_size(&self, width: usize, size: usize) -> usize {
        let fits =
            |&size: &usize| SizedFont::new(size).is_none_or(|f| self.width(&f) <= width as f32);
        let smallest = (2 * size).div_ceil(3);
        (smallest..=size).rev().find(fits).unwrap_or(smallest)
    }

    /// Pixels between text and note.
    fn gap(&self, font: &SizedFont) -> f32 {
        if self.note.is_empty() || self.text.is_empty() { 0.0 } else { 0.7 * font.size }
    }

    fn width(&self, font: &SizedFont) -> f32 {
        font.width(self.text) + self.gap(font) + font.width(self.note)
    }
}

/// The font at one size in pixels.
struct SizedFont {
    font: &'static FontRef<'static>,
    size: f32,
}

impl SizedFont {
    fn new(size: usize) -> Option<Self> {
        Some(Self { font: FONT.as_ref()?, size: size as f32 })
    }

    fn scale(&self) -> PxScale {
        PxScale::from(self.size)
    }

    fn width(&self, text: &str) -> f32 {
        let font = self.font.as_scaled(self.scale());
        text.chars().map(|letter| font.h_advance(font.glyph_id(letter))).sum()
    }

    /// `text`, cut where it is wider than `room`.
    fn fit(&self, text: &str, room: f32) -> String {
        if self.width(text) <= room {
            return text.to_owned();
        }
        let mut kept = String::new();
        for letter in text.chars() {
            kept.push(letter);
            if self.width(&kept) + self.width("…") > room {
                kept.pop();
                break;
            }
        }
        format!("{}…", kept.trim_end_matches([' ', ',']))
    }

    fn draw<P: Copy>(
        &self,
        canvas: &mut CanvasViewMut<'_, P>,
        (x, y): (f32, f32),
        text: &str,
        note: bool,
        colors: &PixelColors<P>,
    ) {
        let font = self.font.as_scaled(self.scale());
        let line = line_height(self.size as usize) as f32;
        let baseline = y + (line + font.ascent() + font.descent()) / 2.0;
        let mut x = x;
        for letter in text.chars() {
            let id = font.glyph_id(letter);
            let glyph = id.with_scale_and_position(self.scale(), point(x, baseline.round()));
            x += font.h_advance(id);
            let Some(outline) = self.font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|i, j, coverage| {
                let color = FixedColor::text(note, coverage);
                let (column, row) = (corner.x + i as f32, corner.y + j as f32);
                if color != FixedColor::Background && column >= 0.0 && row >= 0.0 {
                    canvas.set(column as usize, row as usize, colors.fixed(color));
                }
            });
        }
    }
}
