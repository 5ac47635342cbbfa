//! The reliability diagram: how often verdicts of a confidence are right, and how many there are.

use plotters::prelude::*;

use super::{
    BLUE, DrawResult, Drawing, GRID, INK, ORANGE, PlotError, Svg, TEXT_SIZE_PX, TITLE_SIZE_PX,
    percent, text_style,
};
use crate::evaluate::metrics::Bin;

const PAGE_PX: (u32, u32) = (520, 560);
/// The upper part, with the diagonal.
const UPPER_PX: u32 = 380;
const Y_LABELS_PX: u32 = 60;
/// Free space on each side of a bar, as a share of the bin.
const GAP: f64 = 0.06;

/// Draws bars of accuracy over confidence with the diagonal of perfect calibration, the gap
/// between both, in one colour for each side, and below a histogram of the confidences.
pub fn reliability(bins: &[Bin]) -> Result<Drawing, PlotError> {
    Drawing::new(PAGE_PX, |page| {
        let (upper, lower) = page.split_vertically(UPPER_PX);
        accuracy(&upper, bins)?;
        histogram(&lower, bins)
    })
}

fn accuracy(area: &Svg<'_>, bins: &[Bin]) -> DrawResult {
    let mut chart = ChartBuilder::on(area)
        .caption("Reliability", text_style(TITLE_SIZE_PX))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(8)
        .y_label_area_size(Y_LABELS_PX)
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(text_style(TEXT_SIZE_PX))
        .disable_x_mesh()
        .x_labels(0)
        .y_desc("Share that is right")
        .y_labels(6)
        .y_label_formatter(&percent)
        .draw()?;
    let known = || bins.iter().filter_map(|bin| Some((bin, bin.accuracy?)));
    let expected = |bin: &Bin, accuracy: f64| bin.confidence.unwrap_or(accuracy);
    let held = known().map(|(bin, accuracy)| {
        let high = accuracy.min(expected(bin, accuracy));
        bar(bin, 0.0, high, BLUE.mix(0.75).filled())
    });
    chart
        .draw_series(held)?
        .label("accuracy")
        .legend(|at| swatch(at, BLUE.mix(0.75).filled()));
    // What the accuracy holds and the confidence does not promise, and the other way round.
    let modest = known().filter_map(|(bin, accuracy)| {
        let low = expected(bin, accuracy);
        (low < accuracy).then(|| bar(bin, low, accuracy, BLUE.mix(0.35).filled()))
    });
    chart
        .draw_series(modest)?
        .label("more accurate than confident")
        .legend(|at| swatch(at, BLUE.mix(0.35).filled()));
    let sure = known().filter_map(|(bin, accuracy)| {
        let high = expected(bin, accuracy);
        (high > accuracy).then(|| bar(bin, accuracy, high, ORANGE.mix(0.6).filled()))
    });
    chart
        .draw_series(sure)?
        .label("more confident than accurate")
        .legend(|at| swatch(at, ORANGE.mix(0.6).filled()));
    let diagonal = DashedLineSeries::new([(0.0, 0.0), (1.0, 1.0)], 5, 4, INK.stroke_width(1));
    chart.draw_series(diagonal)?;
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .margin(14)
        .background_style(WHITE.mix(0.8))
        .border_style(GRID)
        .label_font(text_style(TEXT_SIZE_PX))
        .draw()?;
    Ok(())
}

fn histogram(area: &Svg<'_>, bins: &[Bin]) -> DrawResult {
    let total: u64 = bins.iter().map(|bin| bin.n).sum();
    let share = |bin: &Bin| bin.n as f64 / total.max(1) as f64;
    let top = bins.iter().map(share).fold(0.05, f64::max) * 1.1;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_top(4)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(Y_LABELS_PX)
        .build_cartesian_2d(0.0..1.0, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(text_style(TEXT_SIZE_PX))
        .disable_x_mesh()
        .x_desc("Confidence of the verdict")
        .x_labels(6)
        .x_label_formatter(&percent)
        .y_desc("Pictures")
        .y_labels(4)
        .y_label_formatter(&percent)
        .draw()?;
    let bars = bins.iter().filter(|bin| bin.n > 0);
    chart.draw_series(bars.map(|bin| bar(bin, 0.0, share(bin), BLUE.mix(0.75).filled())))?;
    Ok(())
}

fn bar(bin: &Bin, low: f64, high: f64, style: ShapeStyle) -> Rectangle<(f64, f64)> {
    let gap = GAP * (bin.high - bin.low);
    Rectangle::new([(bin.low + gap, low), (bin.high - gap, high)], style)
}

fn swatch((x, y): (i32, i32), style: ShapeStyle) -> Rectangle<(i32, i32)> {
    Rectangle::new([(x, y - 5), (x + 18, y + 5)], style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::{BINS, Outcome};

    #[test]
    fn every_bin_with_verdicts_has_its_bars() {
        let outcome = |truth, confidence| Outcome {
            truth,
            predicted: 0,
            confidence,
        };
        let outcomes = [outcome(0, 0.95), outcome(1, 0.99), outcome(0, 0.31)];
        let bins = crate::evaluate::metrics::reliability(&outcomes);
        let svg = reliability(&bins).unwrap().svg().to_owned();
        let rects = |opacity, color| {
            let filled = format!("opacity=\"{opacity}\" fill=\"{color}\"");
            svg.matches(&filled).count()
        };
        // Accuracy and number for two bins, one too modest and one too sure; a swatch for each.
        assert_eq!(rects(0.75, "#0072B2"), 2 * 2 + 1, "{svg}");
        assert_eq!(rects(0.35, "#0072B2"), 1 + 1, "{svg}");
        assert_eq!(rects(0.6, "#D55E00"), 1 + 1, "{svg}");
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn no_verdicts_can_be_drawn() {
        let bins = crate::evaluate::metrics::reliability(&[]);
        assert_eq!(bins.len(), BINS);
        let svg = reliability(&bins).unwrap().svg().to_owned();
        assert!(svg.contains("Reliability") && !svg.contains("NaN"));
    }
}
