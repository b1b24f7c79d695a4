//! Line plots, as SVG that follows the reader's light or dark theme.
//!
//! Series differ by colour and by marker. The colours are those of Okabe and Ito ("Color Universal Design", 2008), which
//! people of every kind of colour vision tell apart; on dark ground each has a lighter companion.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// On light ground, and its companion on dark.
type Ink = (RGBColor, &'static str);

const GROUND: Ink = (RGBColor(0xFF, 0xFF, 0xFF), "#14171C");
const TEXT: Ink = (RGBColor(0x33, 0x33, 0x33), "#D8DBE0");
const GRID: Ink = (RGBColor(0xDD, 0xDD, 0xDD), "#3A3F47");

const SERIES: [Ink; 5] = [
    (RGBColor(0xD5, 0x5E, 0x00), "#FF9447"),
    (RGBColor(0x00, 0x72, 0xB2), "#5CB8F0"),
    (RGBColor(0x00, 0x9E, 0x73), "#3FD1A4"),
    (RGBColor(0xCC, 0x79, 0xA7), "#E6A3C8"),
    (RGBColor(0x8A, 0x6D, 0x00), "#E6C84D"),
];

/// Pixels; a page is some 1,400 wide at most.
const PANEL: (u32, u32) = (440, 340);
const LEGEND: u32 = 60;
const LETTER: u32 = 13;

/// Some panels side by side, with one legend above them.
pub(super) struct Plot {
    pub(super) title: String,
    /// In the order of their colours and markers.
    pub(super) series: Vec<String>,
    pub(super) panels: Vec<Panel>,
}

/// One pair of axes.
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
    /// A value of x from which on the points count less, and what it is.
    pub(super) mark: Option<(f64, &'static str)>,
}

/// One of the two.
pub(super) struct Axis {
    pub(super) label: String,
    /// Ascending, and how people read them.
    pub(super) ticks: Vec<(f64, String)>,
    pub(super) scale: Scale,
}

/// How values lie along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Values above 0: equal ratios are equally far.
    Log,
    /// Equal differences are.
    Linear,
}

/// What one series comes to in one panel; nothing is drawn of what is not measured.
pub(super) struct Line {
    /// Its place in [`Plot::series`].
    pub(super) series: usize,
    pub(super) points: Vec<Mark>,
    /// A curve through them: x and y.
    pub(super) curve: Vec<(f64, f64)>,
}

/// A point and how far its rounds spread.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) spread: Option<(f64, f64)>,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

impl Plot {
    /// The whole file.
    pub(super) fn svg(&self) -> String {
        let mut svg = String::new();
        self.draw(&mut svg).expect("into memory, with room for every axis");
        themed(&svg)
    }

    fn draw(&self, svg: &mut String) -> Drawn {
        let panels = u32::try_from(self.panels.len().max(1))?;
        let root = SVGBackend::with_string(svg, (PANEL.0 * panels, PANEL.1 + LEGEND)).into_drawing_area();
        let draw = || -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
            root.fill(&GROUND.0)?;
            let (above, below) = root.split_vertically(LEGEND);
            self.legend(&above)?;
            for (area, panel) in below.split_evenly((1, self.panels.len())).iter().zip(&self.panels) {
                panel.draw(area, &root)?;
            }
            root.present()
        };
        Ok(draw().map_err(|why| why.to_string())?)
    }

    fn legend(&self, area: &Area<'_>) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        area.draw(&Text::new(self.title.clone(), (14, 8), letters(3)))?;
        let mut left = 14;
        for (series, name) in self.series.iter().enumerate() {
            let line = PathElement::new(vec![(left, 45), (left + 28, 45)], colour(series).stroke_width(2));
            area.draw(&line)?;
            marker(area, series, (left + 14, 45))?;
            area.draw(&Text::new(name.clone(), (left + 34, 38), letters(0)))?;
            // A letter is some half as wide as high.
            left += 46 + i32::try_from(name.chars().count()).unwrap_or(0) * 7;
        }
        Ok(())
    }
}

impl Panel {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x.at(x), self.y.at(y))
    }

    fn draw(&self, area: &Area<'_>, root: &Area<'_>) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, letters(1))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(62)
            .build_cartesian_2d(self.x.coordinates(0.04), self.y.coordinates(0.0))?;
        chart
            .configure_mesh()
            .bold_line_style(GRID.0)
            .light_line_style(TRANSPARENT)
            .axis_style(TEXT.0)
            .label_style(letters(-2))
            .axis_desc_style(letters(-1))
            .x_desc(&self.x.label)
            .y_desc(&self.y.label)
            .x_label_formatter(&|at| self.x.name(*at))
            .y_label_formatter(&|at| self.y.name(*at))
            .draw()?;
        if let Some((at, what)) = self.mark {
            let (top, bottom) = (self.at(at, self.y.last()), self.at(at, self.y.first()));
            chart.draw_series(DashedLineSeries::new([bottom, top], 4, 4, TEXT.0.into()))?;
            let left_of_it = letters(-2).pos(Pos::new(HPos::Right, VPos::Top));
            chart.draw_series([Text::new(format!("{what} "), top, left_of_it)])?;
        }
        for Line { series, points, curve } in &self.lines {
            let curve: Vec<(f64, f64)> = curve.iter().map(|&(x, y)| self.at(x, y)).collect();
            chart.draw_series(DashedLineSeries::new(curve, 2, 4, colour(*series).into()))?;
            let line = points.iter().map(|point| self.at(point.x, point.y));
            chart.draw_series(LineSeries::new(line, colour(*series).stroke_width(2)))?;
            for point in points {
                let ends = |(low, high)| vec![self.at(point.x, low), self.at(point.x, high)];
                let spread = point.spread.map(ends);
                chart.draw_series(spread.map(|ends| PathElement::new(ends, colour(*series))))?;
                marker(root, *series, chart.backend_coord(&self.at(point.x, point.y)))?;
            }
        }
        Ok(())
    }
}

impl Axis {
    /// Where a value lies.
    fn at(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Log => value.max(f64::MIN_POSITIVE).ln(),
            Scale::Linear => value,
        }
    }

    /// Around the outermost ticks, `beyond` of the distance between them to either side.
    fn coordinates(&self, beyond: f64) -> Coordinate {
        let (first, last) = (self.at(self.first()), self.at(self.last()));
        let margin = (last - first) * beyond;
        let ticks = self.ticks.iter().map(|(value, _)| self.at(*value)).collect();
        Coordinate { ends: (first - margin)..(last + margin), ticks }
    }

    fn first(&self) -> f64 {
        self.ticks.first().map_or(1.0, |&(value, _)| value)
    }

    fn last(&self) -> f64 {
        self.ticks.last().map_or(10.0, |&(value, _)| value)
    }

    fn name(&self, at: f64) -> String {
        let tick = self.ticks.iter().find(|(value, _)| self.at(*value) == at);
        tick.map_or_else(String::new, |(_, name)| name.clone())
    }
}

/// Values as they lie, with grid lines at the ticks alone.
struct Coordinate {
    ends: Range<f64>,
    ticks: Vec<f64>,
}

impl Ranged for Coordinate {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        RangedCoordf64::from(self.ends.clone()).map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.ends.clone()
    }
}

impl ValueFormatter<f64> for Coordinate {}

/// Ticks at 1, 2 and 5 times the powers of ten around these values, or at the powers alone if those would be too many.
pub(super) fn ticks(
    values: impl Iterator<Item = f64> + Clone,
    name: impl Fn(f64) -> String,
) -> Vec<(f64, String)> {
    const MOST: usize = 9;
    let positive = values.filter(|value| *value > 0.0);
    let (low, high) = (positive.clone().fold(f64::INFINITY, f64::min), positive.fold(0.0, f64::max));
    if high == 0.0 {
        return Vec::new();
    }
    #[allow(clippy::cast_possible_truncation)] // some dozen decades
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let around = |steps: &[f64]| -> Vec<f64> {
        let all: Vec<f64> = decades
            .clone()
            .flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)))
            .collect();
        let first = all.iter().rposition(|tick| *tick <= low).unwrap_or(0);
        let last = all.iter().position(|tick| *tick >= high).unwrap_or(all.len() - 1).max(first + 1);
        all[first..=last.min(all.len() - 1)].to_vec()
    };
    let fine = around(&[1.0, 2.0, 5.0]);
    let ticks = if fine.len() <= MOST { fine } else { around(&[1.0]) };
    ticks.into_iter().map(|tick| (tick, name(tick))).collect()
}

/// Round ticks from 0 to beyond the largest of these values, five to ten of them.
pub(super) fn even_ticks(largest: f64, name: impl Fn(f64) -> String) -> Vec<(f64, String)> {
    let decade = 10_f64.powf((largest.max(f64::MIN_POSITIVE) / 5.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|step| step * decade).into_iter().find(|step| largest / step <= 8.0);
    let step = step.unwrap_or(10.0 * decade);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most ten
    let count = (largest / step).ceil().max(1.0) as u32;
    (0..=count).map(|tick| f64::from(tick) * step).map(|tick| (tick, name(tick))).collect()
}

fn colour(series: usize) -> RGBColor {
    SERIES[series % SERIES.len()].0
}

fn letters(larger: i32) -> TextStyle<'static> {
    ("sans-serif", LETTER.saturating_add_signed(larger)).into_font().color(&TEXT.0)
}

/// A form for each series.
fn marker(
    area: &Area<'_>,
    series: usize,
    (x, y): (i32, i32),
) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let colour = colour(series);
    match series % SERIES.len() {
        0 => area.draw(&Circle::new((x, y), 4, colour.filled())),
        1 => area.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], colour.filled())),
        2 => area.draw(&Polygon::new(vec![(x - 5, y + 4), (x + 5, y + 4), (x, y - 5)], colour)),
        3 => area.draw(&Polygon::new(vec![(x - 5, y), (x, y + 5), (x + 5, y), (x, y - 5)], colour)),
        _ => area.draw(&Circle::new((x, y), 5, colour.stroke_width(2))),
    }
}

/// Each ink gives way to its companion where the reader has asked for dark pages: style sheets come before attributes.
fn themed(svg: &str) -> String {
    let mut style = String::from("<style>@media (prefers-color-scheme: dark) {");
    for (RGBColor(red, green, blue), dark) in [GROUND, TEXT, GRID].into_iter().chain(SERIES) {
        let light = format!("#{red:02X}{green:02X}{blue:02X}");
        style +=
            &format!(" [fill=\"{light}\"] {{ fill: {dark}; }} [stroke=\"{light}\"] {{ stroke: {dark}; }}");
    }
    style += " }</style>\n";
    let end_of_tag = svg.find('>').map_or(0, |at| at + 2);
    let (tag, rest) = svg.split_at(end_of_tag);
    format!("{tag}{style}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_surround_the_values_and_are_few() {
        let of = |values: &[f64]| -> Vec<f64> {
            ticks(values.iter().copied(), |tick| tick.to_string()).into_iter().map(|(tick, _)| tick).collect()
        };
        assert_eq!(of(&[3.0, 40.0]), [2.0, 5.0, 10.0, 20.0, 50.0]);
        assert_eq!(of(&[1.0, 1.0]), [1.0, 2.0]);
        assert_eq!(of(&[700.0, 4e6]), [100.0, 1e3, 1e4, 1e5, 1e6, 1e7]);
        assert_eq!(of(&[0.0]), [0.0; 0]);
    }

    #[test]
    fn even_ticks_begin_at_nothing_and_reach_the_largest() {
        let of = |largest| -> Vec<f64> {
            even_ticks(largest, |tick| tick.to_string()).into_iter().map(|t| t.0).collect()
        };
        assert_eq!(of(7.5), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        assert_eq!(of(400_000.0), [0.0, 5e4, 1e5, 1.5e5, 2e5, 2.5e5, 3e5, 3.5e5, 4e5]);
        assert!(of(0.0).len() >= 2);
    }

    #[test]
    fn every_ink_has_a_companion_in_the_dark() {
        let axis = |label: &str| Axis {
            label: label.to_owned(),
            ticks: vec![(1.0, "1".into()), (10.0, "10".into())],
            scale: Scale::Log,
        };
        let points =
            vec![Mark { x: 1.0, y: 2.0, spread: Some((1.0, 3.0)) }, Mark { x: 10.0, y: 9.0, spread: None }];
        let lines = (0..5).map(|series| Line {
            series,
            points: points.clone(),
            curve: vec![(1.0, 1.0), (10.0, 9.0)],
        });
        let panel = Panel {
            title: "a < b".to_owned(),
            x: axis("x"),
            y: axis("y"),
            lines: lines.collect(),
            mark: Some((5.0, "cores")),
        };
        let plot = Plot {
            title: "title".to_owned(),
            series: (0..5).map(|n| format!("system {n}")).collect(),
            panels: vec![panel],
        };
        let svg = plot.svg();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        let (style, drawing) = svg.split_once("</style>").expect("a style sheet");
        for part in drawing.split(['"']).filter(|part| part.len() == 7 && part.starts_with('#')) {
            assert!(style.contains(part), "{part} has none");
        }
        assert!(drawing.contains("a &lt; b") && drawing.contains("system 4"));
    }
}
