//! Loss and accuracy per epoch, side by side.

use std::ops::Range;
use std::path::Path;

use plotters::prelude::*;

use super::{
    BLUE, DrawResult, GRID, INK, ORANGE, PlotError, Svg, TEXT_SIZE_PX, TITLE_SIZE_PX, text_style,
    write_svg,
};
use crate::train::results::EpochRow;

const PAGE_PX: (u32, u32) = (1000, 420);
/// Up to this many epochs each gets a dot.
const MAX_DOTS: usize = 40;

/// One line of a panel.
struct Curve {
    name: &'static str,
    color: RGBColor,
    points: Vec<(f64, f64)>,
}

/// Writes loss and accuracy of training and validation over the epochs as an SVG.
pub fn curves(path: &Path, rows: &[EpochRow]) -> Result<(), PlotError> {
    write_svg(path, PAGE_PX, |page| {
        let (left, right) = page.split_horizontally(PAGE_PX.0 / 2);
        let pair = |train: fn(&EpochRow) -> f64, validation: fn(&EpochRow) -> f64| {
            [
                curve("training", BLUE, rows, train),
                curve("validation", ORANGE, rows, validation),
            ]
        };
        let loss = pair(|row| row.train_loss, |row| row.val_loss);
        let accuracy = pair(
            |row| 100.0 * row.train_accuracy,
            |row| 100.0 * row.val_accuracy,
        );
        // Where such curves leave room.
        panel(&left, "Loss", &loss, SeriesLabelPosition::UpperRight)?;
        panel(
            &right,
            "Accuracy (%)",
            &accuracy,
            SeriesLabelPosition::LowerRight,
        )
    })
}

/// Values that are not finite (a diverged run) are left out.
fn curve(
    name: &'static str,
    color: RGBColor,
    rows: &[EpochRow],
    value: fn(&EpochRow) -> f64,
) -> Curve {
    let points = rows
        .iter()
        .map(|row| (row.epoch as f64, value(row)))
        .filter(|(_, value)| value.is_finite())
        .collect();
    Curve {
        name,
        color,
        points,
    }
}

fn panel(area: &Svg<'_>, title: &str, curves: &[Curve], legend: SeriesLabelPosition) -> DrawResult {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let last_epoch = points().map(|point| point.0).fold(2.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(title, text_style(TITLE_SIZE_PX))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(52)
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
    for curve in curves {
        let (points, color) = (&curve.points, curve.color);
        chart
            .draw_series(LineSeries::new(
                points.iter().copied(),
                color.stroke_width(2),
            ))?
            .label(curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], color.stroke_width(2)));
        if points.len() <= MAX_DOTS {
            let dots = points
                .iter()
                .map(|&point| Circle::new(point, 3, color.filled()));
            chart.draw_series(dots)?;
        }
    }
    chart
        .configure_series_labels()
        .position(legend)
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
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.svg");
        curves(&path, rows).unwrap();
        std::fs::read_to_string(path).unwrap()
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
        let error = curves(Path::new("/no/such/folder/curves.svg"), &rows(2)).unwrap_err();
        assert_eq!(error.to_string(), "cannot write /no/such/folder/curves.svg");
    }
}
