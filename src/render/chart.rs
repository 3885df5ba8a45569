//! Curves in a system of axes, drawn by plotters.

use std::sync::LazyLock;

use plotters::backend::DrawingBackend;
use plotters::coord::Shift;
use plotters::prelude::{
    BLACK, BitMapBackend, ChartBuilder, DashedLineSeries, DrawingArea, IntoDrawingArea, LineSeries,
    PathElement, RGBColor, SVGBackend, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoTextStyle, ShapeStyle, register_font};

use super::canvas::check_size;
use super::png_file::RowEncoder;
use super::text::FONT_FILE;
use super::{Drawing, RenderError};

/// Curves over the same axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Written above the axes.
    pub title: String,
    /// What the horizontal and the vertical axis show.
    pub axes: [String; 2],
    /// The curves.
    pub lines: Vec<Line>,
}

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name in the legend. Lines of one name have one entry.
    pub name: String,
    /// Its points from left to right; finite.
    pub points: Vec<[f64; 2]>,
    /// Its place among the colours. A control is grey.
    pub color: Option<usize>,
    /// Whether it is dashed.
    pub is_dashed: bool,
}

/// The colours of Okabe and Ito, which people with any colour vision can tell apart.
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];
const GREY: RGBColor = RGBColor(130, 138, 148);

/// The size of one chart, and the height of a line of the legend.
const CHART: [usize; 2] = [440, 320];
const LEGEND_LINE: usize = 22;
/// The most charts in a row.
const COLUMNS: usize = 3;
const MARGIN: i32 = 12;
/// The length of a line in the legend.
const SAMPLE: i32 = 32;
/// Pixels of a dash, and of the gap behind it.
const DASH: [u32; 2] = [7, 5];

/// Whether plotters has the embedded font. Its table of fonts belongs to the process.
static HAS_FONT: LazyLock<bool> =
    LazyLock::new(|| register_font("sans-serif", FontStyle::Normal, FONT_FILE).is_ok());

/// The charts side by side with one legend, as a PNG of at most `max_pixels` pixels.
///
/// # Errors
/// [`RenderError`].
pub fn charts(charts: &[Chart], max_pixels: u64) -> Result<Drawing, RenderError> {
    let [width, height] = size(charts);
    let remedy = "ask for fewer methods, figures or classes";
    check_size(width as u64, height as u64, max_pixels, remedy)?;
    let mut pixels = vec![255; width * height * 3];
    let backend = BitMapBackend::with_buffer(&mut pixels, (width as u32, height as u32));
    draw(charts, &backend.into_drawing_area())?;
    let mut encoder = RowEncoder::new(width * 3, 3)?;
    encoder.add(&pixels)?;
    encoder.finish(width, height, None)
}

/// The charts side by side with one legend, as an SVG element.
///
/// # Errors
/// [`RenderError`].
pub fn charts_svg(charts: &[Chart]) -> Result<String, RenderError> {
    let [width, height] = size(charts);
    if charts.is_empty() {
        return Err(RenderError::Nothing);
    }
    let mut svg = String::new();
    let backend = SVGBackend::with_string(&mut svg, (width as u32, height as u32));
    draw(charts, &backend.into_drawing_area())?;
    Ok(svg)
}

/// Width and height in pixels.
fn size(charts: &[Chart]) -> [usize; 2] {
    let columns = charts.len().min(COLUMNS);
    let rows = charts.len().div_ceil(COLUMNS);
    let legend = LEGEND_LINE * names(charts).len().div_ceil(columns.max(1)) + 16;
    [columns * CHART[0], rows * CHART[1] + if rows == 0 { 0 } else { legend }]
}

/// The first line of each name, in the order of the charts.
fn names(charts: &[Chart]) -> Vec<&Line> {
    let mut lines: Vec<&Line> = Vec::new();
    for line in charts.iter().flat_map(|chart| &chart.lines) {
        if lines.iter().all(|known| known.name != line.name) {
            lines.push(line);
        }
    }
    lines
}

fn draw<B: DrawingBackend>(
    charts: &[Chart],
    area: &DrawingArea<B, Shift>,
) -> Result<(), RenderError> {
    if !*HAS_FONT {
        return Err(RenderError::Plot("the embedded font is not a font".to_owned()));
    }
    area.fill(&WHITE).map_err(plot_error)?;
    let columns = charts.len().clamp(1, COLUMNS);
    let rows = charts.len().div_ceil(columns);
    let (above, legend) = area.split_vertically((rows * CHART[1]) as u32);
    for (chart, area) in charts.iter().zip(above.split_evenly((rows, columns))) {
        draw_chart(chart, &area).map_err(plot_error)?;
    }
    for (index, line) in names(charts).into_iter().enumerate() {
        let left = (index % columns * CHART[0]) as i32 + MARGIN;
        let middle = (index / columns * LEGEND_LINE + LEGEND_LINE / 2) as i32;
        draw_sample(line, &legend, (left, middle)).map_err(plot_error)?;
    }
    area.present().map_err(plot_error)
}

type PlotResult<B> =
    Result<(), plotters::drawing::DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

fn draw_chart<B: DrawingBackend>(chart: &Chart, area: &DrawingArea<B, Shift>) -> PlotResult<B> {
    let points = || chart.lines.iter().flat_map(|line| &line.points);
    let bounds = |axis: usize| {
        let values = points().map(move |point| point[axis]);
        values.fold((0.0f64, 1e-9f64), |(low, high), value| (low.min(value), high.max(value)))
    };
    let ((left, right), (bottom, top)) = (bounds(0), bounds(1));
    let margin = 0.04 * (top - bottom);
    let bottom = if bottom < 0.0 { bottom - margin } else { bottom };
    let mut axes = ChartBuilder::on(area)
        .caption(&chart.title, ("sans-serif", 18))
        .margin(MARGIN)
        .x_label_area_size(42)
        .y_label_area_size(56)
        .build_cartesian_2d(left..right, bottom..top + margin)?;
    axes.configure_mesh()
        .x_desc(&chart.axes[0])
        .y_desc(&chart.axes[1])
        .x_labels(6)
        .y_labels(6)
        .label_style(("sans-serif", 13))
        .light_line_style(WHITE)
        .bold_line_style(BLACK.mix(0.08))
        .draw()?;
    for line in &chart.lines {
        let points = line.points.iter().map(|&[x, y]| (x, y));
        let style = style(line);
        if line.is_dashed {
            axes.draw_series(DashedLineSeries::new(points, DASH[0], DASH[1], style))?;
        } else {
            axes.draw_series(LineSeries::new(points, style))?;
        }
    }
    Ok(())
}

/// One line of the legend.
fn draw_sample<B: DrawingBackend>(
    line: &Line,
    area: &DrawingArea<B, Shift>,
    (start, middle): (i32, i32),
) -> PlotResult<B> {
    let end = start + SAMPLE;
    let period = (DASH[0] + DASH[1]) as i32;
    let dashes = (start..end).step_by(period as usize).map(|x| [x, (x + DASH[0] as i32).min(end)]);
    let whole = [[start, end]];
    let parts: Vec<[i32; 2]> = if line.is_dashed { dashes.collect() } else { whole.to_vec() };
    for [from, to] in parts {
        area.draw(&PathElement::new([(from, middle), (to, middle)], style(line)))?;
    }
    let left_middle = Pos::new(HPos::Left, VPos::Center);
    let font = ("sans-serif", 15).into_text_style(area).pos(left_middle);
    area.draw(&Text::new(line.name.as_str(), (end + MARGIN, middle), font))
}

fn style(line: &Line) -> ShapeStyle {
    let color = line.color.map_or(GREY, |index| COLORS[index % COLORS.len()]);
    color.stroke_width(2)
}

fn plot_error(error: impl std::fmt::Display) -> RenderError {
    RenderError::Plot(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(title: &str) -> Chart {
        let line = |name: &str, color, is_dashed| Line {
            name: name.to_owned(),
            points: vec![[0.0, 1.0], [0.5, 0.25], [1.0, 0.0]],
            color,
            is_dashed,
        };
        let axes = ["share".to_owned(), "score".to_owned()];
        let lines = vec![line("a <b>", Some(0), false), line("random", None, true)];
        Chart { title: title.to_owned(), axes, lines }
    }

    #[test]
    fn a_png_has_the_colours_of_the_lines() {
        let drawing = charts(&[chart("one"), chart("two")], u64::MAX).unwrap();
        let picture = image::load_from_memory(&drawing.png).unwrap().to_rgb8();
        assert_eq!(picture.width() as usize, 2 * CHART[0]);
        let has = |RGBColor(r, g, b): RGBColor| picture.pixels().any(|it| it.0 == [r, g, b]);
        assert!(has(COLORS[0]) && has(GREY) && !has(COLORS[1]));
    }

    #[test]
    fn text_in_an_svg_is_escaped_and_an_empty_or_large_picture_is_refused() {
        let svg = charts_svg(&[chart("a & b")]).unwrap();
        assert!(svg.contains("a &amp; b") && svg.contains("a &lt;b&gt;"), "{svg}");
        assert!(charts_svg(&[]).is_err() && charts(&[], u64::MAX).is_err());
        assert!(matches!(charts(&[chart("")], 10), Err(RenderError::TooLarge { .. })));
    }
}
