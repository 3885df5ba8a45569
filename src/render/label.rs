//! Text in pictures, in DejaVu Sans. The font is embedded.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

use super::canvas::CanvasViewMut;
use super::palette::{FixedColor, PixelColors};

/// The font file, see `assets/fonts/README.md`.
static FONT: LazyLock<Option<FontRef<'static>>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("../../assets/fonts/DejaVuSans-subset.ttf")).ok()
});

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

impl<'a> Label<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        let (text, note) = line.split_once("  ").unwrap_or((line, ""));
        Self { text: text.trim(), note: note.trim() }
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
        let Some(font) = FONT.as_ref() else { return };
        let font = SizedFont { font, size: size as f32 };
        let gap = if self.note.is_empty() || self.text.is_empty() { 0.0 } else { 0.7 * font.size };
        let room = width as f32;
        let note = font.fit(self.note, room);
        let text = font.fit(self.text, room - font.width(&note) - gap);
        let start = x as f32;
        font.draw(canvas, (start, y), &text, false, colors);
        font.draw(canvas, (start + font.width(&text) + gap, y), &note, true, colors);
    }
}

/// The font at one size in pixels.
struct SizedFont<'a> {
    font: &'a FontRef<'static>,
    size: f32,
}

impl SizedFont<'_> {
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
        (x, y): (f32, usize),
        text: &str,
        note: bool,
        colors: &PixelColors<P>,
    ) {
        let font = self.font.as_scaled(self.scale());
        let line = line_height(self.size as usize) as f32;
        let baseline = y as f32 + (line + font.ascent() + font.descent()) / 2.0;
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
