//! Weights to start from: those of a run, or of a packed model.
//!
//! A run has everything as it was trained. A packed model has int8 weights with BatchNorm folded in:
//! they become real numbers again, and BatchNorm gets the statistics that the folded network has on
//! some training pictures, with the scale and shift that undo them. The network then computes what
//! the file does, in evaluation to rounding, and in training as far as a batch is like those pictures.

mod packed;
mod settle;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use burn::module::{AutodiffModule, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use mien_models::container::FormatError;
use mien_models::label::{LabelError, Labels};

use super::checkpoint::{self, CheckpointError, State};
use super::config::{ConfigError, RunConfig};
use super::loader::Pictures;
use super::net::Net;
use super::ops::TrainOps;
use super::plan::{Plan, PlanError};
use super::recipe::{Recipe, RecipeError};
use super::run;
use packed::Layer;

/// Why weights cannot be started from.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a run folder.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Not a packed expression model.
    #[error("it is not a packed expression model (a run's folder may be given as well)")]
    Format(#[from] FormatError),
    /// The file does not say how its network was made.
    #[error("the model card has no recipe that says how its network was made")]
    NoRecipe(#[source] RecipeError),
    /// Its recipe makes no network.
    #[error("its recipe makes no network")]
    Plan(#[from] PlanError),
    /// Its labels are not sound.
    #[error("its labels are not sound")]
    Labels(#[from] LabelError),
    /// A run's weights cannot be read, or the start cannot be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The layers differ.
    #[error("its network is another than the recipe's: {0}")]
    Other(String),
}

/// Trained weights with what is known of them.
pub struct Init {
    /// How the network was made.
    pub recipe: Recipe,
    /// Its labels, in the order of its logits.
    pub labels: Labels,
    weights: Weights,
}

enum Weights {
    /// Those of a run's best epoch.
    Run(PathBuf),
    /// A packed network's, convolutions and dense layers in its order.
    Packed {
        convs: Vec<Layer>,
        denses: Vec<Layer>,
    },
}

impl Init {
    /// A run's folder or a packed model file.
    ///
    /// # Errors
    /// When it is neither.
    pub fn open(path: &Path) -> Result<Self, InitError> {
        if path.is_dir() {
            let config = RunConfig::read(path)?;
            return Ok(Self {
                labels: config.labels()?,
                recipe: config.recipe,
                weights: Weights::Run(path.join("best")),
            });
        }
        let file = std::fs::read(path).map_err(|source| InitError::Read {
            path: path.to_owned(),
            source,
        })?;
        packed::open(&file)
    }

    /// Writes the checkpoint `folder/last` that a run of `recipe` with `labels` starts from. Outputs
    /// of labels that the weights do not know start at random, and so does an auxiliary head of a
    /// packed model, which has none.
    ///
    /// # Errors
    /// When the layers differ from the recipe's, or the checkpoint cannot be written.
    pub fn start<B>(
        &self,
        recipe: &Recipe,
        labels: &Labels,
        training: &Pictures,
        folder: &Path,
        device: &B::Device,
    ) -> Result<(), InitError>
    where
        B: AutodiffBackend + TrainOps,
        B::InnerBackend: TrainOps,
    {
        let plan = Plan::new(recipe, labels.len())?;
        let mut state: State<B> = run::fresh(recipe, &plan, device);
        state.net = self.net(state.net, recipe, &plan, labels, training, device)?;
        state.average = state.net.valid();
        Ok(checkpoint::save(&state, &folder.join("last"))?)
    }

    fn net<B: TrainOps>(
        &self,
        fresh: Net<B>,
        recipe: &Recipe,
        plan: &Plan,
        labels: &Labels,
        training: &Pictures,
        device: &B::Device,
    ) -> Result<Net<B>, InitError> {
        if recipe.input != self.recipe.input {
            return Err(InitError::Other(format!(
                "it was trained on {:?} pictures, this one is on {:?}",
                self.recipe.input, recipe.input
            )));
        }
        let last = plan.denses.len().saturating_sub(1);
        let mut net = match &self.weights {
            Weights::Run(best) => {
                let own = Plan::new(&self.recipe, self.labels.len())?;
                same_layers(&own, plan)?;
                let other = Net::<B>::new(&own, recipe.seed, device);
                checkpoint::load_best(&other, best, device)?
            }
            Weights::Packed { convs, denses } => packed::fill(
                fresh.clone(),
                plan,
                convs,
                denses,
                recipe.batch_norm,
                device,
            )?,
        };
        // The last layer by label, as far as there are the same ones.
        let (Some(own), Some(fresh)) = (net.denses.get(last), fresh.denses.get(last)) else {
            return Ok(net);
        };
        let own_outputs = (own.weight.dims()[0], self.labels.len());
        let rows = rows(&self.labels, labels, own_outputs.0 - own_outputs.1, plan);
        let weight = merged(floats(&own.weight), floats(&fresh.weight), &rows);
        let bias = merged(floats(&own.bias), floats(&fresh.bias), &rows);
        let (outputs, inputs) = (rows.len(), plan.denses[last].inputs);
        let mut head = fresh.clone();
        head.weight = Param::from_tensor(Tensor::from_data(
            TensorData::new(weight, [outputs, inputs]),
            device,
        ));
        head.bias = Param::from_tensor(Tensor::from_data(TensorData::new(bias, [outputs]), device));
        net.denses[last] = head;
        if let Weights::Packed { .. } = self.weights {
            net = settle::settle(net, plan, recipe, training, device);
        }
        Ok(net)
    }
}

/// Which of the old outputs each new one starts from: by label, then the auxiliary ones in their order.
fn rows(old: &Labels, new: &Labels, old_auxiliary: usize, plan: &Plan) -> Vec<Option<usize>> {
    let outputs = plan.denses.last().map_or(0, |dense| dense.outputs);
    let labels = new.iter().map(|label| old.index_of(label));
    let auxiliary = (0..outputs.saturating_sub(new.len()))
        .map(|i| (i < old_auxiliary).then_some(old.len() + i));
    labels.chain(auxiliary).collect()
}

fn merged(old: Vec<f32>, fresh: Vec<f32>, rows: &[Option<usize>]) -> Vec<f32> {
    let width = fresh.len() / rows.len().max(1);
    let of = |(new, row): (usize, &Option<usize>)| match row {
        Some(row) => old[row * width..][..width].to_vec(),
        None => fresh[new * width..][..width].to_vec(),
    };
    rows.iter().enumerate().flat_map(of).collect()
}

fn floats<B: Backend, const D: usize>(parameter: &Param<Tensor<B, D>>) -> Vec<f32> {
    parameter.val().into_data().iter::<f32>().collect()
}

/// That two plans differ in the last layer's outputs at most.
fn same_layers(own: &Plan, wanted: &Plan) -> Result<(), InitError> {
    let convs = own.convs.iter().zip(&wanted.convs).position(|(a, b)| {
        (a.inputs, a.outputs, a.kernel, a.geometry) != (b.inputs, b.outputs, b.kernel, b.geometry)
    });
    let last = wanted.denses.len().saturating_sub(1);
    let denses = own.denses.iter().zip(&wanted.denses).enumerate();
    let dense = denses.into_iter().position(|(i, (a, b))| {
        (a.inputs, a.hidden) != (b.inputs, b.hidden) || (i != last && a.outputs != b.outputs)
    });
    let counts = |plan: &Plan| [plan.convs.len(), plan.denses.len()];
    let why = match (counts(own) == counts(wanted), convs, dense) {
        (false, ..) => format!(
            "{:?} convolutions and dense layers instead of {:?}",
            counts(own),
            counts(wanted)
        ),
        (_, Some(i), _) => format!("convolution {} has another shape", i + 1),
        (_, _, Some(i)) => format!("dense layer {} has another shape", i + 1),
        _ => return Ok(()),
    };
    Err(InitError::Other(why))
}
