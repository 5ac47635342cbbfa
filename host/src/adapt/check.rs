//! Both models on a data set that neither was fitted to.

use mien_models::ExpressionModel;
use mien_models::container;
use mien_models::label::Labels;

use super::AdaptError;
use super::measure::{Measure, Shared, verdict};
use crate::dataset::{Dataset, Split};
use crate::evaluate::labels::label_for;
use crate::evaluate::{Evaluation, Flip, evaluate};
use crate::progress::Progress;

/// What both models are to be judged by.
#[derive(Clone, Debug)]
pub struct Check<'d> {
    data: &'d Dataset,
    name: &'static str,
    indices: Vec<u32>,
}

impl<'d> Check<'d> {
    /// PublicTest of `data`, or all of a set without, of the classes that both models know.
    ///
    /// # Errors
    /// When there is nothing to judge.
    pub fn new(old: &Labels, new: &Labels, data: &'d Dataset) -> Result<Self, AdaptError> {
        let public = data.indices_of(Split::PublicTest);
        let (name, mut indices) = match public.is_empty() {
            true => ("check", (0..data.len() as u32).collect()),
            false => (Split::PublicTest.name(), public),
        };
        indices.retain(|&index| {
            let class = usize::from(data.label(index as usize));
            let class = data.labels().name(class).unwrap_or_default();
            let is_known = |labels| label_for(class, labels).is_some();
            [old, new].into_iter().all(is_known)
        });
        if indices.is_empty() {
            return Err(AdaptError::NothingToCheck);
        }
        Ok(Self {
            data,
            name,
            indices,
        })
    }

    /// Judges the old file and the new one.
    ///
    /// # Errors
    /// When a file is not sound.
    pub fn measure(
        &self,
        old: &[u8],
        new: &[u8],
        progress: Progress,
    ) -> Result<Measure, AdaptError> {
        let (_, before) = container::decode::<ExpressionModel<'_>>(old)?;
        let (_, after) = container::decode::<ExpressionModel<'_>>(new)?;
        let judge = |file| evaluate(file, self.data, &self.indices, Flip::Off, progress);
        let shared = Shared::new(&before.labels, &after.labels);
        let is_shared = |label| shared.new_of(label).is_some();
        let was_right = right(&judge(old)?, is_shared);
        let is_right = right(&judge(new)?, |_| true);
        let n = self.indices.len() as u64;
        Measure::new(self.name, n, Some(was_right), is_right).ok_or(AdaptError::NothingToCheck)
    }
}

/// Right verdicts among the labels that `may` names.
fn right(judged: &Evaluation, may: impl Fn(usize) -> bool) -> u64 {
    let predictions = &judged.predictions;
    let is_right = |i: &usize| {
        let probabilities = predictions.probabilities(*i).iter();
        let probabilities: Vec<f32> = probabilities.map(|p| *p as f32).collect();
        verdict(&probabilities, &may) == Some(predictions.truth(*i))
    };
    (0..predictions.len()).filter(is_right).count() as u64
}
