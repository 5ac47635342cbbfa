//! Loss, accuracy and learning rate per epoch.

use std::ops::Range;

use plotters::prelude::*;

use super::{
    BLUE, DrawResult, Drawing, GRID, INK, ORANGE, PlotError, Svg, TEXT_SIZE_PX, TITLE_SIZE_PX,
    text_style,
};
use crate::train::results::EpochRow;

const PANEL_PX: (u32, u32) = (500, 420);
/// Up to this many epochs each gets a dot.
const MAX_DOTS: usize = 40;

/// What is drawn over the epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Cross-entropy of training and validation.
    Loss,
    /// Accuracy of training and validation.
    Accuracy,
    /// At the end of each epoch.
    LearningRate,
}

/// One line of a panel.
struct Line {
    name: &'static str,
    color: RGBColor,
    points: Vec<(f64, f64)>,
}

/// Draws one quantity over the epochs.
pub fn curve(rows: &[EpochRow], quantity: Quantity) -> Result<Drawing, PlotError> {
    Drawing::new(PANEL_PX, |page| panel(page, rows, quantity))
}

/// Draws loss and accuracy side by side.
pub fn curves(rows: &[EpochRow]) -> Result<Drawing, PlotError> {
    Drawing::new((2 * PANEL_PX.0, PANEL_PX.1), |page| {
        let (left, right) = page.split_horizontally(PANEL_PX.0);
        panel(&left, rows, Quantity::Loss)?;
        panel(&right, rows, Quantity::Accuracy)
    })
}

impl Quantity {
    fn title(self) -> &'static str {
        match self {
            Self::Loss => "Loss",
            Self::Accuracy => "Accuracy (%)",
            Self::LearningRate => "Learning rate",
        }
    }

    fn curves(self, rows: &[EpochRow]) -> Vec<Line> {
        let pair = |train: fn(&EpochRow) -> f64, validation: fn(&EpochRow) -> f64| {
            vec![
                line("training", BLUE, rows, train),
                line("validation", ORANGE, rows, validation),
            ]
        };
        match self {
            Self::Loss => pair(|row| row.train_loss, |row| row.val_loss),
            Self::Accuracy => pair(
                |row| 100.0 * row.train_accuracy,
                |row| 100.0 * row.val_accuracy,
            ),
            Self::LearningRate => vec![line("", BLUE, rows, |row| row.learning_rate)],
        }
    }

    /// Where such curves leave room.
    fn legend(self) -> SeriesLabelPosition {
        match self {
            Self::Accuracy => SeriesLabelPosition::LowerRight,
            _ => SeriesLabelPosition::UpperRight,
        }
    }
}

/// Values that are not finite (a diverged run) are left out.
fn line(
    name: &'static str,
    color: RGBColor,
    rows: &[EpochRow],
    value: fn(&EpochRow) -> f64,
) -> Line {
    let points = rows
        .iter()
        .map(|row| (row.epoch as f64, value(row)))
        .filter(|(_, value)| value.is_finite())
        .collect();
    Line {
        name,
        color,
        points,
    }
}

fn panel(area: &Svg<'_>, rows: &[EpochRow], quantity: Quantity) -> DrawResult {
    let lines = quantity.curves(rows);
    let points = || lines.iter().flat_map(|line| &line.points);
    let last_epoch = points().map(|point| point.0).fold(2.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(quantity.title(), text_style(TITLE_SIZE_PX))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(1.0..last_epoch, value_range(points().map(|p| p.1)))?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(text_style(TEXT_SIZE_PX))
        .x_desc("Epoch")
        .x_labels((last_epoch as usize).min(8))
        .x_label_formatter(&whole_number)
        .y_labels(8)
        .draw()?;
    for line in &lines {
        let (points, color) = (&line.points, line.color);
        chart
            .draw_series(LineSeries::new(
                points.iter().copied(),
                color.stroke_width(2),
            ))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], color.stroke_width(2)));
        if points.len() <= MAX_DOTS {
            let dots = points
                .iter()
                .map(|&point| Circle::new(point, 3, color.filled()));
            chart.draw_series(dots)?;
        }
    }
    if lines.len() == 1 {
        return Ok(());
    }
    chart
        .configure_series_labels()
        .position(quantity.legend())
        .margin(14)
        .background_style(WHITE.mix(0.8))
        .border_style(GRID)
        .label_font(text_style(TEXT_SIZE_PX))
        .draw()?;
    Ok(())
}

/// Nothing between two epochs.
fn whole_number(epoch: &f64) -> String {
    match epoch.fract().abs() < 1e-6 {
        true => format!("{epoch:.0}"),
        false => String::new(),
    }
}

/// All values with some room, never empty.
fn value_range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return 0.0..1.0;
    }
    let room = ((high - low) * 0.05).max(high.abs() * 0.01).max(1e-6);
    (low - room).max(0.0)..high + room
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize) -> Vec<EpochRow> {
        let row = |epoch| {
            let t = epoch as f64;
            EpochRow {
                epoch,
                train_loss: 1.9 / t.sqrt(),
                train_accuracy: 0.7 - 0.4 / t,
                val_loss: 1.2 + 0.6 / t,
                val_accuracy: 0.6 - 0.3 / t,
                learning_rate: 0.1,
                seconds: 60.0,
            }
        };
        (1..=count).map(row).collect()
    }

    fn svg(rows: &[EpochRow]) -> String {
        curves(rows).unwrap().svg().to_owned()
    }

    #[test]
    fn both_panels_and_both_lines_are_drawn() {
        let svg = svg(&rows(16));
        for text in ["Loss", "Accuracy (%)", "Epoch", "training", "validation"] {
            assert!(svg.contains(text), "{text}");
        }
        assert_eq!(svg.matches("<circle").count(), 4 * 16);
    }

    #[test]
    fn none_one_and_diverged_epochs_can_be_drawn() {
        assert_eq!(svg(&[]).matches("<circle").count(), 0);
        assert_eq!(svg(&rows(1)).matches("<circle").count(), 4);
        let mut diverged = rows(3);
        diverged[2].train_loss = f64::NAN;
        diverged[2].val_loss = f64::INFINITY;
        assert_eq!(svg(&diverged).matches("<circle").count(), 10);
    }

    #[test]
    fn a_missing_folder_is_an_error_with_the_path() {
        let drawing = curve(&rows(2), Quantity::LearningRate).unwrap();
        let path = std::path::Path::new("/no/such/folder/curves.svg");
        let error = drawing.write(path).unwrap_err();
        assert_eq!(error.to_string(), "cannot write /no/such/folder/curves.svg");
    }
}
