//! Teacher packs: the logits of larger networks for every variant of every training picture.
//!
//! Variants are made by the student's augmentation and seed, so that teacher and student see the
//! same pixels, and each is computed once however often the student sees it.

use std::path::{Path, PathBuf};

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::augment;
use super::epoch::floats;
use super::loader::{Pictures, view_generator};
use super::net::{Mode, Net};
use super::ops::TrainOps;
use super::plan::{Plan, SIDE};
use super::recipe::Recipe;
use crate::model_file;

const MAGIC: &[u8; 8] = b"MIENTCH1";
/// Pictures per forward pass.
const BATCH: usize = 128;
/// Steps of a logit's stored value.
const STEPS: f32 = 256.0;

/// Why a pack cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TeacherError {
    /// It cannot be read or written.
    #[error("cannot read or write the teacher pack {path}: {source}")]
    Io {
        /// The pack.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a pack, or a damaged one.
    #[error(
        "{path} is not a whole teacher pack: {why}. Bring it again, or make it again with mien teach"
    )]
    Damaged {
        /// The pack.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// Of other pictures or variants.
    #[error(
        "the teacher pack {path} was made for other training pictures, another augmentation, seed \
         or number of views; run mien teach again with this recipe"
    )]
    Other {
        /// The pack.
        path: PathBuf,
    },
}

#[derive(Serialize, Deserialize)]
struct Stored {
    /// What the variants were made from, see [`fingerprint`].
    fingerprint: [u8; 32],
    /// Names of the teachers.
    teachers: Vec<String>,
    labels: u32,
    views: u32,
    /// `[views, pictures, labels]` in steps of 1/256.
    logits: Vec<i16>,
}

/// The teachers' mean logits.
#[derive(Clone, Debug, PartialEq)]
pub struct Taught {
    labels: usize,
    views: usize,
    /// `[views, pictures, labels]`.
    logits: Vec<i16>,
}

impl Taught {
    /// Probabilities of variant `view` of picture `index` at a temperature, `[labels]`.
    ///
    /// # Panics
    /// When the picture or the view is not in the pack.
    pub fn probabilities(&self, index: usize, view: usize, temperature: f64) -> Vec<f32> {
        let pictures = self.logits.len() / (self.views * self.labels);
        let row = &self.logits[(view * pictures + index) * self.labels..][..self.labels];
        let scaled = row
            .iter()
            .map(|v| f32::from(*v) / STEPS / temperature as f32);
        let most = scaled.clone().fold(f32::MIN, f32::max);
        let mut p: Vec<f32> = scaled.map(|v| (v - most).exp()).collect();
        let sum: f32 = p.iter().sum();
        p.iter_mut().for_each(|p| *p /= sum);
        p
    }
}

/// Identifies pictures and variants: SHA-256 over the pixels, the augmentation, seed and views.
fn fingerprint(pictures: &Pictures, recipe: &Recipe) -> [u8; 32] {
    let views = recipe.distillation.map_or(0, |d| d.views);
    let variants = serde_json::json!({
        "augment": recipe.augment,
        "seed": recipe.seed,
        "views": views,
        "labels": pictures.label_count,
    });
    Sha256::new()
        .chain_update(&pictures.pixels)
        .chain_update(variants.to_string())
        .finalize()
        .into()
}

/// A network that teaches.
pub struct Teacher<B: Backend> {
    /// Its recipe.
    pub recipe: Recipe,
    /// Its plan.
    pub plan: Plan,
    /// Its weights.
    pub net: Net<B>,
}

/// Runs the teachers over all variants that `student` will see, and writes the pack. `progress` is
/// told how many more variants are done.
///
/// # Errors
/// When the pack cannot be written.
pub fn teach<B: TrainOps>(
    teachers: &[Teacher<B>],
    student: &Recipe,
    pictures: &Pictures,
    path: &Path,
    device: &B::Device,
    mut progress: impl FnMut(usize),
) -> Result<(), TeacherError> {
    let views = student.distillation.map_or(1, |d| d.views);
    let labels = pictures.label_count;
    let mut logits = Vec::with_capacity(views * pictures.len() * labels);
    for view in 0..views {
        for first in (0..pictures.len()).step_by(BATCH) {
            let indices = first..(first + BATCH).min(pictures.len());
            let len = indices.len();
            let mut sum = vec![0f32; len * labels];
            for teacher in teachers {
                let inputs = variants(&teacher.recipe, student, pictures, view, indices.clone());
                let data = TensorData::new(inputs, [len, 1, SIDE, SIDE]);
                let x = Tensor::<B, 4>::from_data(data, device);
                let constants = teacher.recipe.batch_norm;
                let y = teacher
                    .net
                    .forward(&teacher.plan, constants, x, Mode::Evaluate);
                let y = floats(y.narrow(1, 0, labels).into_data());
                sum.iter_mut().zip(y).for_each(|(sum, y)| *sum += y);
            }
            let scale = STEPS / teachers.len() as f32;
            // A cast from float to integer saturates.
            logits.extend(sum.iter().map(|sum| (sum * scale).round() as i16));
            progress(len);
        }
    }
    let stored = Stored {
        fingerprint: fingerprint(pictures, student),
        teachers: teachers.iter().map(|t| t.recipe.name.clone()).collect(),
        labels: labels as u32,
        views: views as u32,
        logits,
    };
    let io = |source| TeacherError::Io {
        path: path.to_owned(),
        source,
    };
    let payload = postcard::to_allocvec(&stored).map_err(|e| io(std::io::Error::other(e)))?;
    let bytes = [&MAGIC[..], &Sha256::digest(&payload), &payload].concat();
    model_file::write(path, &bytes).map_err(io)
}

/// One variant of each picture as the teacher's input.
fn variants(
    teacher: &Recipe,
    student: &Recipe,
    pictures: &Pictures,
    view: usize,
    indices: std::ops::Range<usize>,
) -> Vec<f32> {
    use rayon::prelude::*;
    let preprocessing = teacher.input.preprocessing();
    let mut inputs = vec![0f32; indices.len() * augment::PIXELS];
    let rows = inputs.par_chunks_exact_mut(augment::PIXELS).zip(indices);
    rows.for_each(|(out, index)| {
        let mut rng = view_generator(student.seed, view, index);
        let picture = pictures.picture(index);
        augment::random(
            picture,
            &preprocessing,
            &student.augment,
            SIDE,
            &mut rng,
            out,
        );
    });
    inputs
}

/// Reads the pack for `pictures` and their variants under `student`.
///
/// # Errors
/// When it cannot be read, is damaged, or was made for other pictures or variants.
pub fn read(path: &Path, student: &Recipe, pictures: &Pictures) -> Result<Taught, TeacherError> {
    let bytes = std::fs::read(path).map_err(|source| TeacherError::Io {
        path: path.to_owned(),
        source,
    })?;
    let damaged = |why: &str| TeacherError::Damaged {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or_else(|| damaged("it does not start like one"))?;
    let (sum, payload) = rest
        .split_at_checked(32)
        .ok_or_else(|| damaged("it is cut short"))?;
    if Sha256::digest(payload).as_slice() != sum {
        return Err(damaged("its checksum is wrong"));
    }
    let stored: Stored = postcard::from_bytes(payload).map_err(|e| damaged(&e.to_string()))?;
    if stored.fingerprint != fingerprint(pictures, student) {
        return Err(TeacherError::Other {
            path: path.to_owned(),
        });
    }
    let (labels, views) = (stored.labels as usize, stored.views as usize);
    if labels != pictures.label_count || stored.logits.len() != labels * views * pictures.len() {
        return Err(damaged("its sizes do not fit each other"));
    }
    Ok(Taught {
        labels,
        views,
        logits: stored.logits,
    })
}

#[cfg(test)]
mod tests;
