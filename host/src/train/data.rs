//! From a data set to the pictures of a run.

use mien_models::label::Labels;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::balance::class_weights;
use super::loader::Pictures;
use super::recipe::{Recipe, RecipeError};
use super::run::Data;
use crate::dataset::hygiene::{Hygiene, HygieneReport, curate_against};
use crate::dataset::{Dataset, Split};

/// One in this many training pictures is held out where the data has no PublicTest split.
const HOLD_OUT: usize = 10;

/// Why a data set cannot be trained on.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The recipe's groups do not fit the data's classes.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A label without a training picture would never be learned.
    #[error("the training split has no picture of {0:?}; remove the class or add pictures of it")]
    EmptyLabel(String),
    /// The same, where hygiene took the pictures.
    #[error(
        "hygiene leaves no training picture of {0:?}: `mien data hygiene` shows what leaves and \
         why; add pictures of the class, or switch the rule off in [hygiene]"
    )]
    NoneLeft(String),
    /// Nothing to choose the epoch by.
    #[error("no picture is left to validate on: {0} training pictures are too few")]
    NoValidation(usize),
}

/// Pictures to fit and to choose by, with the labels of the model to be.
pub struct Prepared {
    /// Pictures.
    pub data: Data,
    /// One per logit.
    pub labels: Labels,
    /// Where the validation pictures come from, for config.toml.
    pub validation: String,
    /// What hygiene did, where the recipe asks for it.
    pub hygiene: Option<HygieneReport>,
    /// Pictures of the data set that are set aside for calibration.
    pub calibration: Vec<u32>,
    /// Whether the recipe's `[ferplus]` does nothing, because the data has no votes.
    pub without_votes: bool,
}

/// Training pictures before they are copied.
struct Chosen {
    indices: Vec<u32>,
    /// Over the data's classes, `[indices, classes]`.
    targets: Vec<f32>,
}

/// Fits on Training, as the recipe's hygiene leaves it, and validates on PublicTest; without one,
/// on a seeded tenth of Training. PrivateTest is never used. `others` judge the model later: where
/// hygiene leaves out evaluation duplicates, it leaves out theirs too.
///
/// # Errors
/// When the recipe's groups do not fit, a label has no picture, or nothing is
/// left to validate on.
pub fn prepare(
    dataset: &Dataset,
    recipe: &Recipe,
    others: &[&Dataset],
) -> Result<Prepared, DataError> {
    let (labels, map) = recipe.labels(dataset.labels())?;
    let no_votes = dataset.all_votes().is_none();
    let (mut chosen, calibration, hygiene) = choose(dataset, recipe.hygiene, others);
    let mut validation = dataset.indices_of(Split::PublicTest);
    let mut source = "PublicTest".to_owned();
    if validation.is_empty() {
        validation = hold_out(&mut chosen, recipe.seed);
        source = format!("a tenth of Training, seed {}", recipe.seed);
    }
    if validation.is_empty() {
        return Err(DataError::NoValidation(chosen.indices.len()));
    }
    let mut training = select(dataset, &chosen.indices, &map, labels.len());
    training.targets = targets(dataset, recipe, &chosen, &map, labels.len());
    for (index, name) in labels.iter().enumerate() {
        if !training.labels.contains(&(index as u8)) {
            let taken = |&i: &u32| map[usize::from(dataset.label(i as usize))] == index as u8;
            let had = dataset.indices_of(Split::Training).iter().any(taken);
            return Err(if had && hygiene.is_some() {
                DataError::NoneLeft(name.to_owned())
            } else {
                DataError::EmptyLabel(name.to_owned())
            });
        }
    }
    if recipe.distillation.is_some_and(|d| d.unlabelled) {
        let unlabelled = select(dataset, &calibration, &map, labels.len());
        let width = labels.len() + recipe.auxiliary_outputs();
        training.pixels.extend(unlabelled.pixels);
        training
            .targets
            .extend(vec![0.0; unlabelled.labels.len() * width]);
        training.labels.extend(unlabelled.labels);
    }
    Ok(Prepared {
        data: Data {
            training,
            validation: select(dataset, &validation, &map, labels.len()),
        },
        labels,
        validation: source,
        hygiene,
        calibration,
        without_votes: no_votes && recipe.ferplus.is_some(),
    })
}

/// Pictures to fit and to calibrate on.
fn choose(
    dataset: &Dataset,
    hygiene: Option<Hygiene>,
    others: &[&Dataset],
) -> (Chosen, Vec<u32>, Option<HygieneReport>) {
    if let Some(hygiene) = hygiene {
        let curated = curate_against(dataset, &hygiene, others);
        let chosen = Chosen {
            indices: curated.kept,
            targets: curated.targets,
        };
        return (chosen, curated.calibration, Some(curated.report));
    }
    let (indices, classes) = (dataset.indices_of(Split::Training), dataset.labels().len());
    let mut targets = vec![0.0; indices.len() * classes];
    for (row, index) in targets.chunks_exact_mut(classes).zip(&indices) {
        row[usize::from(dataset.label(*index as usize))] = 1.0;
    }
    (Chosen { indices, targets }, vec![], None)
}

/// Takes a seeded tenth away.
fn hold_out(chosen: &mut Chosen, seed: u64) -> Vec<u32> {
    let classes = chosen.targets.len() / chosen.indices.len().max(1);
    let mut order: Vec<usize> = (0..chosen.indices.len()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let held = order.split_off(order.len() - order.len() / HOLD_OUT);
    order.sort_unstable();
    let validation = held.iter().map(|i| chosen.indices[*i]).collect();
    let rows = order
        .iter()
        .flat_map(|i| &chosen.targets[i * classes..][..classes]);
    chosen.targets = rows.copied().collect();
    chosen.indices = order.iter().map(|i| chosen.indices[*i]).collect();
    validation
}

fn select(dataset: &Dataset, indices: &[u32], map: &[u8], labels: usize) -> Pictures {
    let (mut pixels, mut own) = (vec![], vec![]);
    for index in indices {
        let index = *index as usize;
        pixels.extend_from_slice(dataset.pixels(index));
        own.push(map[usize::from(dataset.label(index))]);
    }
    Pictures::labelled(pixels, own, labels)
}

/// `[N, labels + auxiliary]`: labels and votes blended, times the class's weight; then the votes.
fn targets(
    dataset: &Dataset,
    recipe: &Recipe,
    chosen: &Chosen,
    map: &[u8],
    labels: usize,
) -> Vec<f32> {
    let auxiliary = recipe.auxiliary_outputs();
    let ferplus = recipe.ferplus.zip(dataset.all_votes());
    let classes = map.len();
    let mut targets = vec![0f32; chosen.indices.len() * (labels + auxiliary)];
    let rows = targets.chunks_exact_mut((labels + auxiliary).max(1));
    let own = chosen.targets.chunks_exact(classes.max(1));
    for ((row, own), index) in rows.zip(own).zip(&chosen.indices) {
        let votes = ferplus.and_then(|(f, votes)| {
            let votes = votes.distribution(*index as usize, f.contempt)?;
            Some((f.blend as f32, votes))
        });
        // Pictures without votes keep their label.
        let blend = votes.map_or(0.0, |(blend, _)| blend);
        for (class, label) in map.iter().enumerate() {
            let vote = votes.map_or(0.0, |(_, votes)| votes[class]);
            row[usize::from(*label)] += (1.0 - blend) * own[class] + blend * vote;
        }
        if let (true, Some((_, votes))) = (auxiliary > 0, votes) {
            row[labels..].copy_from_slice(&votes);
        }
    }
    if recipe.class_balance_beta > 0.0 {
        balance(
            &mut targets,
            labels,
            labels + auxiliary,
            recipe.class_balance_beta,
        );
    }
    targets
}

fn balance(targets: &mut [f32], labels: usize, width: usize, beta: f64) {
    let mut counts = vec![0f64; labels];
    for row in targets.chunks_exact(width) {
        for (count, t) in counts.iter_mut().zip(row) {
            *count += f64::from(*t);
        }
    }
    let weights = class_weights(&counts, beta);
    for row in targets.chunks_exact_mut(width) {
        let row = &mut row[..labels];
        let weight: f32 = row.iter().zip(&weights).map(|(t, w)| t * w).sum();
        row.iter_mut().for_each(|t| *t *= weight);
    }
}

#[cfg(test)]
mod tests;
