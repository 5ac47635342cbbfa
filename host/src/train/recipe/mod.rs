//! A training recipe: network, data treatment, optimizer and schedule as one TOML file.

mod augment;
mod error;
mod layers;
mod schedule;
mod targets;
#[cfg(test)]
mod tests;

pub use augment::{Augment, Border};
pub use error::RecipeError;
pub use layers::{BatchNorm, Init, LayerSpec, Padding, Shortcut};
pub use schedule::{Optimizer, Sam, Schedule};
pub use targets::{Distillation, FerPlus, Stage};

use error::range;

use std::path::Path;

use mien_models::label::Labels;
use mien_models::preprocess::{Contrast, Preprocessing};
use serde::{Deserialize, Serialize};

use super::plan::SIDE;
use crate::dataset::ferplus::CLASSES as FERPLUS_CLASSES;
use crate::dataset::hygiene::Hygiene;

/// A complete recipe. Unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Short name; also the run folder's.
    pub name: String,
    /// One sentence for people.
    pub description: String,
    /// Passes over the training split.
    pub epochs: usize,
    /// Pictures per step.
    pub batch: usize,
    /// Seeds initialization, order, augmentation and dropout.
    pub seed: u64,
    /// Which epoch's weights are `best`.
    pub select: Select,
    /// Share of the target given evenly to all classes, 0..1.
    #[serde(default)]
    pub label_smoothing: f64,
    /// Beta distribution's parameter of mixup; 0 turns it off.
    #[serde(default)]
    pub mixup_alpha: f64,
    /// Beta distribution's parameter of cutmix, which then takes turns with mixup; 0 turns it off.
    #[serde(default)]
    pub cutmix_alpha: f64,
    /// Weighs rare classes up (Cui et al. 2019): 0 not at all, 0.999 halfway, towards 1 by the
    /// inverse of their number.
    #[serde(default)]
    pub class_balance_beta: f64,
    /// Decay per step of the averaged weights that are evaluated; 0 turns averaging off.
    #[serde(default)]
    pub ema_decay: f64,
    /// Stops after this many epochs without a better one by `select`; 0 never does.
    #[serde(default)]
    pub early_stop_epochs: usize,
    /// Longest gradient, as the Euclidean norm over all parameters; longer ones are shortened to
    /// it (Pascanu et al. 2013). 0 is no limit.
    #[serde(default)]
    pub clip_norm: f64,
    /// Share of the pictures for which the last residual block is skipped while training, 0..1;
    /// less for earlier ones (stochastic depth, Huang et al. 2016).
    #[serde(default)]
    pub drop_path: f64,
    /// From pixels to network input.
    pub input: Input,
    /// Random changes of training pictures.
    #[serde(default)]
    pub augment: Augment,
    /// Update rule.
    pub optimizer: Optimizer,
    /// Learning rate over time.
    pub schedule: Schedule,
    /// Sharpness-aware minimization; a step takes twice the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sam: Option<Sam>,
    /// Which pictures of Training are used; without it, all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hygiene: Option<Hygiene>,
    /// Votes of FERPlus in the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ferplus: Option<FerPlus>,
    /// Larger networks as teachers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distillation: Option<Distillation>,
    /// Parts of the run with smaller pictures, first to last; the rest has full size.
    #[serde(default)]
    pub resolution: Vec<Stage>,
    /// Classes trained as one; empty keeps the data's classes.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Constants of every BatchNorm.
    #[serde(default)]
    pub batch_norm: BatchNorm,
    /// The layers before the final dense layer, which is added with one output per label.
    pub layers: Vec<LayerSpec>,
}

/// Criterion for the best epoch, on the validation split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// Lowest cross-entropy.
    ValidationLoss,
    /// Highest accuracy.
    ValidationAccuracy,
}

/// From pixels to network input.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, tag = "kind")]
pub enum Input {
    /// Pixel values 0..255 as they are.
    Raw,
    /// Each picture's contrast normalized to mean 128 and this standard deviation in u8, then
    /// `(pixel - 128) / target_std`.
    Standardized {
        /// Wanted standard deviation in gray levels.
        target_std: u8,
        /// Flatter pictures are not amplified beyond this.
        min_std: u8,
    },
}

impl Input {
    /// The same as the model file says it.
    pub fn preprocessing(self) -> Preprocessing {
        let (contrast, zero_point, scale) = match self {
            Self::Raw => (Contrast::Off, 0, 1.0),
            Self::Standardized {
                target_std,
                min_std,
            } => (
                Contrast::Standardize {
                    target_mean: 128,
                    target_std,
                    min_std,
                },
                128,
                1.0 / f32::from(target_std),
            ),
        };
        Preprocessing {
            height: 48,
            width: 48,
            contrast,
            zero_point,
            scale,
        }
    }
}

/// Classes trained as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The label of the group.
    pub name: String,
    /// Names of the data's classes in it.
    pub classes: Vec<String>,
}

/// The recipes compiled in: name and TOML text.
pub const BUILTIN: [(&str, &str); 7] = [
    ("deep", include_str!("../../../recipes/deep.toml")),
    ("compact", include_str!("../../../recipes/compact.toml")),
    ("tiny", include_str!("../../../recipes/tiny.toml")),
    (
        "tiny-distilled",
        include_str!("../../../recipes/tiny-distilled.toml"),
    ),
    ("wide", include_str!("../../../recipes/wide.toml")),
    ("seed", include_str!("../../../recipes/seed.toml")),
    (
        "seed-merged",
        include_str!("../../../recipes/seed-merged.toml"),
    ),
];

/// What fine-tuning divides the number of epochs by.
const FINE_TUNING_EPOCHS: usize = 5;
/// What it divides the learning rate by.
const FINE_TUNING_RATE: f64 = 10.0;

fn builtin_names() -> String {
    BUILTIN.map(|(name, _)| name).join(", ")
}

impl Recipe {
    /// A built-in recipe by name, or a TOML file by path.
    ///
    /// # Errors
    /// When there is neither, or its content is not a valid recipe.
    pub fn open(name_or_path: &str) -> Result<Self, RecipeError> {
        if let Some((name, text)) = BUILTIN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(text, Path::new(name));
        }
        let path = Path::new(name_or_path);
        if !path.exists() {
            return Err(RecipeError::Unknown(name_or_path.to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|source| RecipeError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// Parses and checks TOML text; `path` is for messages.
    ///
    /// # Errors
    /// When it is not TOML, has unknown keys, or values outside their ranges.
    pub fn parse(text: &str, path: &Path) -> Result<Self, RecipeError> {
        let recipe: Self = toml::from_str(text).map_err(|source| RecipeError::Parse {
            path: path.to_owned(),
            source: source.into(),
        })?;
        recipe.check()?;
        Ok(recipe)
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// Names the first key outside its range.
    pub fn check(&self) -> Result<(), RecipeError> {
        let unit = |v: f64| (0.0..1.0).contains(&v);
        range(
            "epochs",
            self.epochs as f64,
            (1..=10_000).contains(&self.epochs),
            "1..=10000",
        )?;
        range(
            "batch",
            self.batch as f64,
            (2..=4096).contains(&self.batch),
            "2..=4096",
        )?;
        range(
            "label_smoothing",
            self.label_smoothing,
            unit(self.label_smoothing),
            "0..1",
        )?;
        range("ema_decay", self.ema_decay, unit(self.ema_decay), "0..1")?;
        range(
            "mixup_alpha",
            self.mixup_alpha,
            (0.0..=10.0).contains(&self.mixup_alpha),
            "0..=10",
        )?;
        let alpha = self.cutmix_alpha;
        range(
            "cutmix_alpha",
            alpha,
            (0.0..=10.0).contains(&alpha),
            "0..=10",
        )?;
        let beta = self.class_balance_beta;
        range("class_balance_beta", beta, unit(beta), "0..1")?;
        if let Some(hygiene) = self.hygiene {
            let share = hygiene.calibration_share;
            range("hygiene.calibration_share", share, unit(share), "0..1")?;
        }
        self.ferplus.map_or(Ok(()), FerPlus::check)?;
        self.distillation.map_or(Ok(()), Distillation::check)?;
        self.resolution.iter().try_for_each(Stage::check)?;
        self.augment.check()?;
        let clip = self.clip_norm;
        range("clip_norm", clip, (0.0..=1e6).contains(&clip), "0..=1e6")?;
        range("drop_path", self.drop_path, unit(self.drop_path), "0..1")?;
        self.optimizer.check()?;
        self.schedule.check(self.epochs)?;
        self.sam.map_or(Ok(()), Sam::check)?;
        if let Input::Standardized {
            target_std,
            min_std,
        } = self.input
        {
            range(
                "input.target_std",
                target_std.into(),
                target_std > 0,
                "1..=127",
            )?;
            range("input.min_std", min_std.into(), min_std > 0, "1..=127")?;
        }
        let BatchNorm { momentum, epsilon } = self.batch_norm;
        range("batch_norm.momentum", momentum, unit(momentum), "0..1")?;
        range(
            "batch_norm.epsilon",
            epsilon,
            epsilon > 0.0 && epsilon < 1.0,
            "above 0, below 1",
        )?;
        self.layers.iter().try_for_each(LayerSpec::check)
    }

    /// The recipe for going on from weights that it made: a tenth of the learning rate, a fifth of the
    /// epochs, pictures of full size from the start, and no teacher.
    pub fn fine_tuning(mut self) -> Self {
        let epochs = self.epochs.div_ceil(FINE_TUNING_EPOCHS);
        self.schedule = self
            .schedule
            .with_highest(self.schedule.highest() / FINE_TUNING_RATE);
        self.schedule.shorten(epochs as f64 / self.epochs as f64);
        self.epochs = epochs;
        self.resolution.clear();
        self.distillation = None;
        self
    }

    /// Outputs of the auxiliary head: FERPlus's classes that FER2013 has, or none.
    pub fn auxiliary_outputs(&self) -> usize {
        let has = self.ferplus.is_some_and(|f| f.auxiliary > 0.0);
        if has { FERPLUS_CLASSES } else { 0 }
    }

    /// Side of the training pictures in `epoch` (from 0).
    pub fn side(&self, epoch: usize) -> usize {
        targets::side(&self.resolution, epoch, self.epochs, SIDE)
    }

    /// The model's labels and, for each class of `data`, the index of its label.
    ///
    /// # Errors
    /// When a group names a class the data lacks, or a class is in no group or in two.
    pub fn labels(&self, data: &Labels) -> Result<(Labels, Vec<u8>), RecipeError> {
        if self.groups.is_empty() {
            return Ok((data.clone(), (0..data.len() as u8).collect()));
        }
        let mut map = vec![None; data.len()];
        for (group_index, group) in self.groups.iter().enumerate() {
            for class in &group.classes {
                let index = data.index_of(class).ok_or_else(|| {
                    RecipeError::Groups(format!("class {class:?} is not in the data"))
                })?;
                let earlier: Option<u8> = map[index].replace(group_index as u8);
                if earlier.is_some() {
                    return Err(RecipeError::Groups(format!(
                        "class {class:?} is in two groups"
                    )));
                }
            }
        }
        let labels = Labels::new(self.groups.iter().map(|g| g.name.as_str()))?;
        let map = map.into_iter().enumerate().map(|(index, group)| {
            let name = data.name(index).unwrap_or_default();
            group.ok_or_else(|| RecipeError::Groups(format!("class {name:?} is in no group")))
        });
        Ok((labels, map.collect::<Result<_, _>>()?))
    }
}
