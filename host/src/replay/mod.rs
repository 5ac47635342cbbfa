//! Makes replay sets: some of the pictures that a model was fitted to, as the features that its own
//! network has of them. With one, `mien adapt` needs no data set to keep what the model knew.

mod choose;
#[cfg(test)]
mod tests;

use std::path::Path;

use mien_device::classify::{ClassifyError, FeatureExtractor, head};
use mien_models::ExpressionModel;
use mien_models::container::{self, FormatError, HEADER_BYTES};
use mien_models::crop::CropRect;
use mien_models::network::Weights;
use mien_models::plane::{GrayView, PlaneError};
use mien_models::preprocess::{PreprocessError, resize_crop};
use mien_models::replay::{MAX_REPLAY_FILE_BYTES, ReplaySet};
use rayon::prelude::*;

use crate::dataset::hygiene::{Hygiene, curate};
use crate::dataset::{Dataset, SIDE};
use crate::progress::{Progress, Unit};
use crate::train::recipe::Recipe;
use choose::{Choice, choose};

/// Bytes left for lists' lengths and small fields.
const SMALL_FIELDS_BYTES: usize = 64;

/// Why no replay set could be made.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The model, or what would be written, is not sound.
    #[error("the model file cannot be used")]
    Format(#[from] FormatError),
    /// The device's code refused the model or a picture.
    #[error("the model cannot be run")]
    Classify(#[from] ClassifyError),
    /// A picture has no sound shape.
    #[error("a picture cannot be shown to the model")]
    Picture(#[from] PlaneError),
    /// A picture cannot be resized.
    #[error("a picture cannot be resized")]
    Resize(#[from] PreprocessError),
    /// A label with too few pictures.
    #[error(
        "Training has {found} usable picture(s) of {label:?}; at least {least} are needed to keep \
         some and to judge by some"
    )]
    TooFew {
        /// The label.
        label: String,
        /// Its pictures.
        found: usize,
        /// Pictures needed.
        least: usize,
    },
    /// The network's rows are so long that too few fit.
    #[error("only {0} row(s) of this network fit into one file, too few for its labels")]
    TooWide(usize),
}

/// A replay set as a file, and what it keeps.
#[derive(Clone, Debug)]
pub struct Made {
    /// The file.
    pub file: Vec<u8>,
    /// Rows to fit to.
    pub fitted: usize,
    /// Rows to judge by.
    pub held_out: usize,
    /// Share of the rows whose verdict int8 features leave as it was, 0 to 1.
    pub verdicts_kept: f64,
}

/// Features of a seeded choice of the pictures of Training that `file` was fitted to, as many of
/// each label as there is room for. Pictures that judge, and those that the model's recipe set
/// aside, stay out.
///
/// # Errors
/// When the file is no sound model or a label has too few pictures.
pub fn make(
    file: &[u8],
    data: &Dataset,
    source: &str,
    seed: u64,
    progress: Progress,
) -> Result<Made, ReplayError> {
    let (header, model) = container::decode::<ExpressionModel<'_>>(file)?;
    let width = FeatureExtractor::new(&model)?.features();
    let kept = curate(data, &hygiene_of(&model)).kept;
    let fixed = HEADER_BYTES + SMALL_FIELDS_BYTES + source.len() + 4 * width + label_bytes(&model);
    let room = MAX_REPLAY_FILE_BYTES.saturating_sub(fixed) / (width + 1);
    let choice = choose(data, &kept, &model.labels, room, seed)?;
    let features = features(&model, data, &choice, progress)?;
    let scales = scales(&features, width);
    let values: Vec<i8> = features
        .iter()
        .flat_map(|row| row.iter().zip(&scales).map(|(v, s)| quantized(*v, *s)))
        .collect();
    let scale_bytes: Vec<u8> = scales.iter().flat_map(|s| s.to_le_bytes()).collect();
    let set = ReplaySet {
        labels: model.labels.clone(),
        pictures: choice.pictures.iter().copied().collect(),
        // A dense layer's inputs are a u16.
        features: width as u16,
        scales: &scale_bytes,
        fitted: choice.fitted as u16,
        classes: &choice.classes,
        values: bytemuck::cast_slice(&values),
        source,
    };
    let weights = head(&model.network)?;
    let same = set.rows().zip(&features);
    let same = same.filter(|((_, int8), float)| verdict(weights, int8) == verdict(weights, float));
    let verdicts_kept = same.count() as f64 / set.len().max(1) as f64;
    Ok(Made {
        file: container::encode(&set, header.model_id, header.model_version)?,
        fitted: choice.fitted,
        held_out: choice.classes.len() - choice.fitted,
        verdicts_kept,
    })
}

/// The rules by which the model's own run chose its pictures, as its card tells them.
fn hygiene_of(model: &ExpressionModel<'_>) -> Hygiene {
    let recipe = Recipe::parse(model.card.recipe, Path::new("the model card"));
    recipe.ok().and_then(|r| r.hygiene).unwrap_or_default()
}

fn label_bytes(model: &ExpressionModel<'_>) -> usize {
    // A length and a count of pictures each.
    model.labels.iter().map(|l| l.len() + 6).sum()
}

/// `[rows, features]`, in the order of the choice.
fn features(
    model: &ExpressionModel<'_>,
    data: &Dataset,
    choice: &Choice,
    progress: Progress,
) -> Result<Vec<Vec<f32>>, ReplayError> {
    let count = choice.indices.len();
    let task = progress.start("features", count as u64, Unit::Items("pictures"));
    let side = SIDE as u32;
    let input = &model.preprocessing;
    let per_thread = count.div_ceil(rayon::current_num_threads()).max(1);
    let parts = choice
        .indices
        .par_chunks(per_thread)
        .map(|indices| {
            let mut extractor = FeatureExtractor::new(model)?;
            let mut face = vec![0; input.pixels()];
            let mut rows = Vec::with_capacity(indices.len());
            for &index in indices {
                let view = GrayView::packed(data.pixels(index as usize), side, side)?;
                let whole = CropRect::whole(side, side);
                resize_crop(&view, &whole, input.width, input.height, &mut face)?;
                rows.push(extractor.extract(&face)?);
                task.advance(1);
            }
            Ok::<_, ReplayError>(rows)
        })
        .collect::<Result<Vec<_>, _>>()?;
    task.finish();
    Ok(parts.into_iter().flatten().collect())
}

/// Per feature, what its largest magnitude has as 127.
fn scales(features: &[Vec<f32>], width: usize) -> Vec<f32> {
    let largest = |feature: usize| {
        let values = features.iter().map(|row| row[feature].abs());
        values.fold(0f32, f32::max)
    };
    (0..width)
        // A feature that is always 0 still needs a valid scale.
        .map(|feature| match largest(feature) {
            most if most > 0.0 => most / 127.0,
            _ => 1.0,
        })
        .collect()
}

fn quantized(value: f32, scale: f32) -> i8 {
    (value / scale).round().clamp(-127.0, 127.0) as i8
}

/// The label of the largest logit.
fn verdict(head: &Weights<'_>, features: &[f32]) -> usize {
    let (weights, bias) = (head.to_f32(), head.bias_f32());
    let rows = weights.chunks_exact(features.len().max(1)).zip(bias);
    let logits = rows.map(|(row, bias)| {
        let products = row.iter().zip(features).map(|(w, f)| w * f);
        products.sum::<f32>() + bias
    });
    let best = logits.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    best.map_or(0, |(label, _)| label)
}
