//! How long each of two models takes for a face, in one run: picture by picture in turn, so that
//! whatever else the machine does hits both.

use std::time::Instant;

use mien_device::classify::Classifier;
use mien_models::ExpressionModel;
use mien_models::crop::CropRect;
use mien_models::plane::GrayView;

use crate::dataset::{Dataset, SIDE};
use crate::evaluate::EvaluateError;

/// Pictures that are timed; fewer are looked at again.
const TIMED: usize = 200;
/// Looked at before, so that caches and clocks have settled.
const WARM_UP: usize = 20;

/// Median milliseconds for one face on this thread.
pub fn medians_ms(
    models: [&ExpressionModel<'_>; 2],
    data: &Dataset,
    indices: &[u32],
) -> Result<[f64; 2], EvaluateError> {
    let [a, b] = models;
    let mut classifiers = [Classifier::new(a)?, Classifier::new(b)?];
    let mut times = [vec![], vec![]];
    let side = SIDE as u32;
    let pictures = indices.iter().cycle().take(WARM_UP + TIMED).enumerate();
    for (number, &index) in pictures {
        let view = GrayView::packed(data.pixels(index as usize), side, side)?;
        // Each goes first as often.
        let order = if number % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in order {
            let started = Instant::now();
            classifiers[which].classify(&view, &CropRect::whole(side, side))?;
            if number >= WARM_UP {
                times[which].push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    Ok(times.map(median))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
