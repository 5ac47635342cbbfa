//! From a data set to the pictures of a run.

use mien_models::label::Labels;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::loader::Pictures;
use super::recipe::{Recipe, RecipeError};
use super::run::Data;
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
}

/// Fits on Training and validates on PublicTest; without one, on a seeded tenth of Training.
/// PrivateTest is never used.
///
/// # Errors
/// When the recipe's groups do not fit, a label has no picture, or nothing is left to validate on.
pub fn prepare(dataset: &Dataset, recipe: &Recipe) -> Result<Prepared, DataError> {
    let (labels, map) = recipe.labels(dataset.labels())?;
    let mut training = dataset.indices_of(Split::Training);
    let mut validation = dataset.indices_of(Split::PublicTest);
    let mut source = "PublicTest".to_owned();
    if validation.is_empty() {
        training.shuffle(&mut ChaCha8Rng::seed_from_u64(recipe.seed));
        validation = training.split_off(training.len() - training.len() / HOLD_OUT);
        training.sort_unstable();
        source = format!("a tenth of Training, seed {}", recipe.seed);
    }
    if validation.is_empty() {
        return Err(DataError::NoValidation(training.len()));
    }
    let select = |indices: &[u32]| {
        let mut pictures = Pictures {
            pixels: vec![],
            labels: vec![],
            label_count: labels.len(),
        };
        for index in indices {
            let index = *index as usize;
            pictures.pixels.extend_from_slice(dataset.pixels(index));
            pictures.labels.push(map[usize::from(dataset.label(index))]);
        }
        pictures
    };
    let data = Data {
        training: select(&training),
        validation: select(&validation),
    };
    for (index, name) in labels.iter().enumerate() {
        if !data
            .training
            .labels
            .iter()
            .any(|l| usize::from(*l) == index)
        {
            return Err(DataError::EmptyLabel(name.to_owned()));
        }
    }
    Ok(Prepared {
        data,
        labels,
        validation: source,
    })
}
