//! Runs a model over pictures, one classifier per thread.

use mien_device::classify::Classifier;
use mien_models::ExpressionModel;
use mien_models::crop::CropRect;
use mien_models::label::Labels;
use mien_models::plane::GrayView;
use rayon::prelude::*;

use super::EvaluateError;
use super::labels::label_for;
use super::predictions::Predictions;
use crate::dataset::{Dataset, PIXELS, SIDE};
use crate::progress::{Progress, Task, Unit};

/// Pieces of work per thread, so that no thread idles for long at the end.
const CHUNKS_PER_THREAD: usize = 4;

/// What the model says of the pictures `indices`, in their order; classes are the model's labels.
/// With `mirrored`, also the mean with what it says of their mirror images.
pub(super) fn predictions(
    model: &ExpressionModel<'_>,
    data: &Dataset,
    indices: &[u32],
    mirrored: bool,
    progress: Progress,
) -> Result<(Predictions, Option<Predictions>), EvaluateError> {
    let truths = truths(data, indices, &model.labels)?;
    let task = progress.start("evaluating", indices.len() as u64, Unit::Items("pictures"));
    let pictures: Vec<(usize, usize)> = indices
        .iter()
        .map(|&index| index as usize)
        .zip(truths)
        .collect();
    let chunk = pictures
        .len()
        .div_ceil(rayon::current_num_threads() * CHUNKS_PER_THREAD);
    let chunks = pictures
        .par_chunks(chunk.max(1))
        .map(|chunk| run_chunk(model, data, chunk, mirrored, &task))
        .collect::<Result<Vec<_>, _>>()?;
    task.finish();
    let mut single = Predictions::new(model.labels.len());
    let mut mirror_images = single.clone();
    for (of_single, of_mirrored) in chunks {
        single.extend([of_single]);
        mirror_images.extend([of_mirrored]);
    }
    let averaged = mirrored.then(|| single.mean(&mirror_images));
    Ok((single, averaged))
}

/// Per picture, the model's label for its class.
fn truths(data: &Dataset, indices: &[u32], model: &Labels) -> Result<Vec<usize>, EvaluateError> {
    let map: Vec<Option<usize>> = data
        .labels()
        .iter()
        .map(|class| label_for(class, model))
        .collect();
    let mut missing = vec![false; map.len()];
    let mut truths = Vec::with_capacity(indices.len());
    for &index in indices {
        let class = usize::from(data.label(index as usize));
        match map[class] {
            Some(label) => truths.push(label),
            None => missing[class] = true,
        }
    }
    if truths.len() == indices.len() {
        return Ok(truths);
    }
    let missing = data.labels().iter().zip(missing);
    let missing: Vec<&str> = missing.filter_map(|(name, m)| m.then_some(name)).collect();
    Err(EvaluateError::Labels {
        missing: missing.join(", "),
        model: model.iter().collect::<Vec<_>>().join(", "),
    })
}

/// Of the pictures and, if wanted, of their mirror images.
fn run_chunk(
    model: &ExpressionModel<'_>,
    data: &Dataset,
    pictures: &[(usize, usize)],
    mirrored: bool,
    task: &Task,
) -> Result<(Predictions, Predictions), EvaluateError> {
    let mut classifier = Classifier::new(model)?;
    let mut single = Predictions::new(model.labels.len());
    let mut mirror_images = single.clone();
    for &(index, truth) in pictures {
        let pixels = data.pixels(index);
        single.push(truth, probabilities(&mut classifier, pixels)?);
        if mirrored {
            let probabilities = probabilities(&mut classifier, &mirror(pixels))?;
            mirror_images.push(truth, probabilities);
        }
        task.advance(1);
    }
    Ok((single, mirror_images))
}

/// The whole of the device's path: its crop, its preprocessing, its network.
fn probabilities(classifier: &mut Classifier, pixels: &[u8]) -> Result<Vec<f64>, EvaluateError> {
    let side = SIDE as u32;
    let view = GrayView::packed(pixels, side, side)?;
    let verdict = classifier.classify(&view, &CropRect::whole(side, side))?;
    Ok(verdict
        .probabilities
        .iter()
        .copied()
        .map(f64::from)
        .collect())
}

fn mirror(pixels: &[u8]) -> [u8; PIXELS] {
    std::array::from_fn(|i| pixels[i - i % SIDE + (SIDE - 1 - i % SIDE)])
}

#[cfg(test)]
mod tests {
    use mien_models::network::Op;
    use mien_models::procedural::test_model;

    use super::*;
    use crate::dataset::Split;

    /// The test model, but it sees nothing to the right of the first column.
    fn left_edge_model() -> ExpressionModel<'static> {
        let mut model = test_model();
        for node in &mut model.network.nodes {
            if let Op::Conv2d(conv) = &mut node.op {
                conv.stride = [1, SIDE as u8];
            }
        }
        model
    }

    #[test]
    fn flip_averages_the_picture_with_its_mirror_image() {
        // The left edge looks angry (0), the right edge neutral (6).
        let picture: [u8; PIXELS] = std::array::from_fn(|i| if i % SIDE < 24 { 18 } else { 236 });
        let mut data = Dataset::new(Labels::fer2013());
        data.push(&picture, 0, Split::Training);
        let model = left_edge_model();
        let (single, averaged) = predictions(&model, &data, &[0], true, Progress::Silent).unwrap();
        let single = single.outcome(0);
        assert_eq!((single.truth, single.predicted), (0, 0));
        assert!(single.confidence > 0.99, "{single:?}");
        let averaged = averaged.unwrap().outcome(0);
        assert!((averaged.confidence - 0.5).abs() < 0.01, "{averaged:?}");
    }

    #[test]
    fn verdicts_keep_the_order_of_the_indices() {
        let mut data = Dataset::new(Labels::fer2013());
        for i in 0..50u8 {
            let class = i % 7;
            let value = (255 * (2 * u32::from(class) + 1) / 14) as u8;
            data.push(&[value; PIXELS], class, Split::Training);
        }
        let indices: Vec<u32> = (0..50).rev().collect();
        let model = test_model();
        let (found, averaged) =
            predictions(&model, &data, &indices, false, Progress::Silent).unwrap();
        assert_eq!(averaged, None);
        for (outcome, index) in found.outcomes().iter().zip(indices) {
            let class = usize::from(data.label(index as usize));
            assert_eq!((outcome.truth, outcome.predicted), (class, class));
        }
    }

    #[test]
    fn mirroring_twice_changes_nothing() {
        let picture: [u8; PIXELS] = std::array::from_fn(|i| (i * 7 / 5) as u8);
        let mirrored = mirror(&picture);
        assert_eq!(mirrored[0], picture[SIDE - 1]);
        assert_eq!(mirrored[PIXELS - 1], picture[PIXELS - SIDE]);
        assert_eq!(mirror(&mirrored), picture);
    }
}
