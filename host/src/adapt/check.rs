//! Both models on a data set that neither was fitted to.

use mien_models::ExpressionModel;
use mien_models::container;

use super::AdaptError;
use super::measure::{Measure, Shared, verdict};
use crate::dataset::{Dataset, Split};
use crate::evaluate::labels::label_for;
use crate::evaluate::{Evaluation, Flip, evaluate};
use crate::progress::Progress;

/// Judges PublicTest of `data`, or all of a set without, of the classes that both models know.
///
/// # Errors
/// When a file is not sound, or there is nothing to judge.
pub fn check(
    old: &[u8],
    new: &[u8],
    data: &Dataset,
    progress: Progress,
) -> Result<Measure, AdaptError> {
    let (_, before) = container::decode::<ExpressionModel<'_>>(old)?;
    let (_, after) = container::decode::<ExpressionModel<'_>>(new)?;
    let public = data.indices_of(Split::PublicTest);
    let (name, mut indices) = match public.is_empty() {
        true => ("check", (0..data.len() as u32).collect()),
        false => (Split::PublicTest.name(), public),
    };
    indices.retain(|&index| {
        let class = usize::from(data.label(index as usize));
        let class = data.labels().name(class).unwrap_or_default();
        let both = [&before.labels, &after.labels];
        both.into_iter()
            .all(|labels| label_for(class, labels).is_some())
    });
    if indices.is_empty() {
        return Err(AdaptError::NothingToCheck);
    }
    let judge = |file| evaluate(file, data, &indices, Flip::Off, progress);
    let shared = Shared::new(&before.labels, &after.labels);
    let is_shared = |label| shared.new_of(label).is_some();
    let was_right = right(&judge(old)?, is_shared);
    let is_right = right(&judge(new)?, |_| true);
    let n = indices.len() as u64;
    Measure::new(name, n, Some(was_right), is_right).ok_or(AdaptError::NothingToCheck)
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
