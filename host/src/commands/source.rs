//! Opening what a run learns from.

use std::path::Path;

use anyhow::Context;
use mien_host::progress::Progress;
use mien_host::train::data::{Prepared, prepare};
use mien_host::train::recipe::Recipe;
use mien_host::train::teacher;

use crate::commands::data_args;

/// What a recipe trains on, with its teachers' logits where it has teachers.
pub fn open_training(
    data: &Path,
    votes: Option<&Path>,
    pack: Option<&Path>,
    recipe: &Recipe,
) -> anyhow::Result<Prepared> {
    let mut prepared = prepare(&data_args::open(data, votes, Progress::auto())?, recipe)?;
    if recipe.distillation.is_some() {
        let pack = pack.context(
            "the recipe learns from teachers ([distillation]): make a pack with `mien teach` and \
             give it with --teacher",
        )?;
        let training = &mut prepared.data.training;
        training.taught = Some(teacher::read(pack, recipe, training)?);
    }
    Ok(prepared)
}
