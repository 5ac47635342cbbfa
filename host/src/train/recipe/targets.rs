//! What the network is fitted to beside the data set's own labels, and at which size.

use serde::{Deserialize, Serialize};

use super::error::{RecipeError, range};
use crate::dataset::ferplus::Contempt;
use crate::train::augment::SIDES;

/// FERPlus's votes as a second opinion on every training picture; needs `--ferplus`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FerPlus {
    /// Share of the votes' distribution in the target, 0..=1; the rest is the label's.
    #[serde(default)]
    pub blend: f64,
    /// Weight of the loss of a second head, which predicts the votes' distribution while training
    /// and is left out of the model file; 0 for none.
    #[serde(default)]
    pub auxiliary: f64,
    /// What becomes of votes for contempt, a class that FER2013 lacks.
    #[serde(default)]
    pub contempt: Contempt,
}

/// Learning from the logits of larger networks (Hinton, Vinyals & Dean 2015); needs `--teacher`,
/// a pack that `mien teach` wrote with this recipe's augmentation and seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distillation {
    /// Divides teacher's and student's logits, 1..=20.
    pub temperature: f64,
    /// Share of the teacher in the loss, 0..=1; the rest is the labels'.
    pub weight: f64,
    /// Random variants of each picture, 1..=256. Epoch `e` shows variant `e % views`, for which the
    /// teachers' logits are in the pack, so that both saw the same pixels (Beyer et al. 2022).
    pub views: usize,
    /// Whether pictures set aside for calibration are shown too, with the teachers' logits as only
    /// target: their labels stay unseen.
    #[serde(default)]
    pub unlabelled: bool,
}

/// A part of the run with smaller pictures (Tan & Le 2021, progressive learning).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Where it ends, as a share of the epochs, 0..=1.
    pub until: f64,
    /// Height and width of the network input in pixels.
    pub side: usize,
}

impl FerPlus {
    pub(super) fn check(self) -> Result<(), RecipeError> {
        let blend = self.blend;
        range(
            "ferplus.blend",
            blend,
            (0.0..=1.0).contains(&blend),
            "0..=1",
        )?;
        let weight = self.auxiliary;
        range(
            "ferplus.auxiliary",
            weight,
            (0.0..=10.0).contains(&weight),
            "0..=10",
        )
    }
}

impl Distillation {
    pub(super) fn check(self) -> Result<(), RecipeError> {
        let t = self.temperature;
        range(
            "distillation.temperature",
            t,
            (1.0..=20.0).contains(&t),
            "1..=20",
        )?;
        let weight = self.weight;
        range(
            "distillation.weight",
            weight,
            (0.0..=1.0).contains(&weight),
            "0..=1",
        )?;
        let views = self.views;
        range(
            "distillation.views",
            views as f64,
            (1..=256).contains(&views),
            "1..=256",
        )
    }
}

impl Stage {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        let until = self.until;
        range(
            "resolution.until",
            until,
            (0.0..=1.0).contains(&until),
            "0..=1",
        )?;
        let side = self.side;
        range(
            "resolution.side",
            side as f64,
            SIDES.contains(&side),
            "16..=64",
        )
    }
}

/// Side of the training pictures in `epoch` (from 0) of `epochs`: that of the first stage which is
/// not over, else `full`.
pub fn side(stages: &[Stage], epoch: usize, epochs: usize, full: usize) -> usize {
    let share = epoch as f64 / epochs.max(1) as f64;
    let stage = stages.iter().find(|stage| share < stage.until);
    stage.map_or(full, |stage| stage.side)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_follow_each_other_and_end_in_full_size() {
        let stages = [
            Stage {
                until: 0.5,
                side: 32,
            },
            Stage {
                until: 0.8,
                side: 40,
            },
        ];
        let sides: Vec<usize> = (0..10).map(|e| side(&stages, e, 10, 48)).collect();
        assert_eq!(sides, [32, 32, 32, 32, 32, 40, 40, 40, 48, 48]);
        assert_eq!(side(&[], 3, 10, 48), 48);
    }
}
