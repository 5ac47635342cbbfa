//! Every size of a YuNet against its neighbours.

use alloc::format;
use alloc::string::String;

use super::{BACKBONE_UNITS, LEVEL_UNITS, MAX_CHANNELS, Unit, YunetModel, YunetNetwork};
use crate::container::{TextError, check_text};
use crate::network::{Weights, WeightsError};

/// What is wrong with a YuNet.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum YunetError {
    /// A text that is too long or not printable.
    #[error("the detector's {field} {source}")]
    Text {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        source: TextError,
    },
    /// A convolution that does not fit the one before it.
    #[error(
        "{place} takes {inputs} channels and gives {outputs}; expected {expected_inputs} and {expected_outputs}"
    )]
    Channels {
        /// Which convolution.
        place: String,
        /// Channels it takes, per group.
        inputs: u16,
        /// Channels it gives.
        outputs: u16,
        /// What the one before gives, per group.
        expected_inputs: u16,
        /// What is needed behind it.
        expected_outputs: u16,
    },
    /// A convolution with no channels or too many.
    #[error("{place} gives {outputs} channels; there are 1 to {MAX_CHANNELS}")]
    Outputs {
        /// Which convolution.
        place: String,
        /// Channels it gives.
        outputs: u16,
    },
    /// Weights that are not what the shape calls for.
    #[error("{place}: {source}")]
    Weights {
        /// Which convolution.
        place: String,
        /// What is wrong with them.
        source: WeightsError,
    },
}

impl YunetModel<'_> {
    /// Checks everything that must hold before the detector may be run.
    ///
    /// # Errors
    /// [`YunetError`] for the first rule broken.
    pub fn validate(&self) -> Result<(), YunetError> {
        for (field, text) in [("source", self.source), ("licence", self.licence)] {
            check_text(text).map_err(|source| YunetError::Text { field, source })?;
        }
        self.network.validate()
    }
}

impl<'a> YunetNetwork<'a> {
    /// All units with their places, in the order of the file.
    pub(super) fn units(&self) -> impl Iterator<Item = (String, &Unit<'a>)> {
        let backbone = self.backbone.iter().enumerate();
        let laterals = self.laterals.iter().enumerate();
        let heads = self.heads.iter().enumerate().flat_map(|(level, head)| {
            let units = [
                ("shared", &head.shared),
                ("class", &head.class),
                ("object", &head.object),
                ("box", &head.face_box),
                ("landmarks", &head.landmarks),
            ];
            units.map(|(name, unit)| (format!("{name} unit of head {level}"), unit))
        });
        backbone
            .map(|(index, unit)| (format!("backbone unit {index}"), unit))
            .chain(laterals.map(|(level, unit)| (format!("lateral unit {level}"), unit)))
            .chain(heads)
    }

    fn validate(&self) -> Result<(), YunetError> {
        check(|| "the stem".into(), &self.stem, 3, None, 9)?;
        let mut channels = self.stem.outputs;
        for (index, unit) in self.backbone.iter().enumerate() {
            let place = || format!("backbone unit {index}");
            channels = unit.validate(&place, channels, None)?;
        }
        debug_assert_eq!(LEVEL_UNITS[2], BACKBONE_UNITS - 1);
        // What is added to a level must have the level's channels.
        for (level, unit) in self.laterals.iter().enumerate() {
            let channels = self.backbone[LEVEL_UNITS[level]].depthwise.outputs;
            let wanted = match level {
                0 => None,
                above => Some(self.backbone[LEVEL_UNITS[above - 1]].depthwise.outputs),
            };
            unit.validate(&|| format!("lateral unit {level}"), channels, wanted)?;
        }
        for (level, head) in self.heads.iter().enumerate() {
            let channels = self.laterals[level].depthwise.outputs;
            let place = || format!("shared unit of head {level}");
            let channels = head.shared.validate(&place, channels, None)?;
            for (unit, outputs) in head.predictions() {
                let place = || format!("unit of head {level} for {outputs} outputs");
                unit.validate(&place, channels, Some(outputs))?;
            }
        }
        Ok(())
    }
}

impl Unit<'_> {
    /// Checks the unit and returns its channels.
    fn validate(
        &self,
        place: &impl Fn() -> String,
        inputs: u16,
        outputs: Option<u16>,
    ) -> Result<u16, YunetError> {
        let first = || format!("the 1x1 convolution of {}", place());
        check(first, &self.pointwise, inputs, outputs, 1)?;
        let second = || format!("the 3x3 convolution of {}", place());
        let channels = self.pointwise.outputs;
        check(second, &self.depthwise, 1, Some(channels), 9)?;
        Ok(channels)
    }
}

/// Checks a convolution for `inputs` channels per group and `kernel` coefficients for each.
fn check(
    place: impl Fn() -> String,
    weights: &Weights<'_>,
    inputs: u16,
    outputs: Option<u16>,
    kernel: u64,
) -> Result<(), YunetError> {
    let expected = (inputs, outputs.unwrap_or(weights.outputs));
    if (weights.inputs, weights.outputs) != expected {
        return Err(YunetError::Channels {
            place: place(),
            inputs: weights.inputs,
            outputs: weights.outputs,
            expected_inputs: expected.0,
            expected_outputs: expected.1,
        });
    }
    if !(1..=MAX_CHANNELS).contains(&weights.outputs) {
        return Err(YunetError::Outputs {
            place: place(),
            outputs: weights.outputs,
        });
    }
    weights
        .validate(kernel)
        .map_err(|source| YunetError::Weights {
            place: place(),
            source,
        })
}
