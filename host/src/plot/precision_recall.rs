//! The precision-recall curve of one class.

use plotters::prelude::*;

use super::{
    BLUE, Drawing, GRID, INK, PlotError, TEXT_SIZE_PX, TITLE_SIZE_PX, percent, text_style,
};
use crate::evaluate::metrics::PrecisionRecall;

const PAGE_PX: (u32, u32) = (300, 260);
/// Curves keep one point per this share of the recall: finer than a pixel.
const STEP: f64 = 1.0 / 300.0;

/// Draws the curve of the class `name` with its average precision; the dashed line is guessing.
pub fn precision_recall(name: &str, curve: &PrecisionRecall) -> Result<Drawing, PlotError> {
    let title = match curve.average_precision {
        Some(average) => format!("{name}: {average:.2}"),
        None => format!("{name}: no pictures"),
    };
    Drawing::new(PAGE_PX, |page| {
        let mut chart = ChartBuilder::on(page)
            .caption(title, text_style(TITLE_SIZE_PX))
            .margin(8)
            .margin_right(18)
            .x_label_area_size(40)
            .y_label_area_size(54)
            .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(text_style(TEXT_SIZE_PX))
            .x_desc("Recall")
            .x_labels(3)
            .x_label_formatter(&percent)
            .y_desc("Precision")
            .y_labels(3)
            .y_label_formatter(&percent)
            .draw()?;
        if curve.average_precision.is_none() {
            return Ok(());
        }
        let guess = [(0.0, curve.prevalence), (1.0, curve.prevalence)];
        chart.draw_series(DashedLineSeries::new(guess, 4, 4, INK.stroke_width(1)))?;
        chart.draw_series(LineSeries::new(steps(curve), BLUE.stroke_width(2)))?;
        Ok(())
    })
}

/// The curve as steps: up to a recall, the precision is that of the threshold which reaches it.
fn steps(curve: &PrecisionRecall) -> Vec<(f64, f64)> {
    let mut line = vec![];
    let mut drawn = 0.0;
    for (i, &[recall, precision]) in curve.points.iter().enumerate() {
        let is_last = i + 1 == curve.points.len();
        if i > 0 && !is_last && recall - drawn < STEP {
            continue;
        }
        line.extend([(drawn, precision), (recall, precision)]);
        drawn = recall;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::precision_recall as ranked;

    #[test]
    fn the_title_tells_the_average_and_escapes_the_name() {
        let curve = ranked(vec![(0.9, true), (0.5, false), (0.4, true)]);
        let svg = precision_recall("<joy> & co", &curve).unwrap();
        assert!(svg.svg().contains("&lt;joy&gt; &amp; co: 0.83"), "{svg:?}");
    }

    #[test]
    fn a_class_without_pictures_has_an_empty_frame() {
        let svg = precision_recall("fear", &ranked(vec![(0.9, false)])).unwrap();
        assert!(svg.svg().contains("fear: no pictures"));
        assert!(!svg.svg().contains("#0072B2") && !svg.svg().contains("NaN"));
    }

    #[test]
    fn long_curves_are_thinned_and_keep_their_ends() {
        let scored = (0..20_000).map(|i| (f64::from(i), i % 3 == 0)).collect();
        let curve = ranked(scored);
        let line = steps(&curve);
        assert!(line.len() < 700, "{}", line.len());
        assert_eq!(line.last().unwrap().0, 1.0);
        assert!(line.is_sorted_by(|a, b| a.0 <= b.0));
    }
}
