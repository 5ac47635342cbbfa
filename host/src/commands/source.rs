//! Opening what a run learns from.

use std::path::{Path, PathBuf};

use anyhow::Context;
use mien_host::dataset::Dataset;
use mien_host::progress::Progress;
use mien_host::train::config::RunConfig;
use mien_host::train::data::{Prepared, prepare};
use mien_host::train::recipe::Recipe;
use mien_host::train::teacher;

use crate::commands::data_args;

/// Where the pictures of a run come from.
pub struct Sources<'a> {
    /// The data set.
    pub data: &'a Path,
    /// FERPlus's votes.
    pub ferplus: Option<&'a Path>,
    /// Further data sets that will judge the model.
    pub evaluation: &'a [PathBuf],
    /// How reading them is shown.
    pub progress: Progress,
}

impl<'a> Sources<'a> {
    /// Those a run was started with.
    pub fn of_run(config: &'a RunConfig) -> Self {
        Self {
            data: &config.data,
            ferplus: config.ferplus.as_deref(),
            evaluation: &config.evaluation,
            progress: Progress::auto(),
        }
    }

    /// The data set with the votes.
    pub fn open(&self) -> anyhow::Result<Dataset> {
        data_args::open(self.data, self.ferplus, self.progress)
            .with_context(|| format!("cannot use the data set {}", self.data.display()))
    }

    /// The pictures that `recipe` trains on and chooses by.
    pub fn prepare(&self, recipe: &Recipe) -> anyhow::Result<Prepared> {
        let others = self.evaluation.iter();
        let others = others
            .map(|path| data_args::open(path, None, self.progress))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let others: Vec<&Dataset> = others.iter().collect();
        Ok(prepare(&self.open()?, recipe, &others)?)
    }

    /// The same with the teachers' logits, where the recipe has teachers.
    pub fn with_teachers(&self, recipe: &Recipe, pack: Option<&Path>) -> anyhow::Result<Prepared> {
        let mut prepared = self.prepare(recipe)?;
        if recipe.distillation.is_some() {
            let pack = pack.context(
                "the recipe learns from teachers ([distillation]): make a pack with `mien teach` \
                 and give it with --teacher",
            )?;
            let training = &mut prepared.data.training;
            training.taught = Some(teacher::read(pack, recipe, training)?);
        }
        Ok(prepared)
    }
}
