//! The payload of an expression model file.

use alloc::vec::Vec;

use postcard_schema::Schema;
use serde::{Deserialize, Serialize};

use crate::container::{FormatError, Kind, Payload, TextError, check_text, sha256_of_postcard};
use crate::label::{LabelError, Labels, MAX_LABELS};
use crate::network::{Network, NetworkError, Shape};
use crate::preprocess::{Preprocessing, PreprocessingError};

/// Most golden inputs a file may carry.
pub const MAX_GOLDEN: usize = 64;
/// Most figures a model card may list.
pub const MAX_FIGURES: usize = 64;

/// Everything the device needs to turn a face crop into probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct ExpressionModel<'a> {
    /// From crop to network input.
    pub preprocessing: Preprocessing,
    /// One name per logit.
    pub labels: Labels,
    /// The network; its last value has one entry per label.
    #[serde(borrow)]
    pub network: Network<'a>,
    /// Calibration: probabilities are `softmax(logits / temperature)`; finite, > 0.
    pub temperature: f32,
    /// Inputs with the logits the packing host computed for them, at most [`MAX_GOLDEN`].
    #[serde(borrow, deserialize_with = "crate::bounded::vec::<_, _, MAX_GOLDEN>")]
    pub golden: Vec<Golden<'a>>,
    /// Where the model comes from and what it can do.
    #[serde(borrow)]
    pub card: ModelCard<'a>,
}

/// A known input and the logits it must give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Golden<'a> {
    /// Gray pixels `[height, width]` of the preprocessing's size, before contrast normalization.
    pub pixels: &'a [u8],
    /// One per label.
    pub logits: heapless::Vec<f32, MAX_LABELS>,
}

/// The model card: provenance and measured figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct ModelCard<'a> {
    /// Short name, such as `compact`.
    pub name: &'a str,
    /// Data it was trained on.
    pub data: &'a str,
    /// The training recipe as TOML.
    pub recipe: &'a str,
    /// ISO 8601 date of packing.
    pub date: &'a str,
    /// Licence of the weights.
    pub licence: &'a str,
    /// Intended use and limits.
    pub notes: &'a str,
    /// Measured figures, at most [`MAX_FIGURES`]; fractions in 0..=1.
    #[serde(borrow, deserialize_with = "crate::bounded::vec::<_, _, MAX_FIGURES>")]
    pub figures: Vec<Figure<'a>>,
}

/// One measured figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Figure<'a> {
    /// What was measured, such as `public_test_accuracy`.
    pub name: &'a str,
    /// The value.
    pub value: f64,
}

/// Why an expression model is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionModelError {
    /// Preprocessing parameters out of range.
    #[error(transparent)]
    Preprocessing(#[from] PreprocessingError),
    /// A label list that breaks its rules.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// A network that cannot be run.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A network for another input than the preprocessing makes.
    #[error("the network takes {network:?}, the preprocessing makes {preprocessing:?}")]
    InputShape {
        /// `[channels, height, width]` the network takes.
        network: [u16; 3],
        /// `[channels, height, width]` it is given.
        preprocessing: [u16; 3],
    },
    /// A last value that is not one number per label.
    #[error("the network's output {output:?} is not one number for each of {labels} labels")]
    OutputShape {
        /// The shape of the last value.
        output: Shape,
        /// How many labels there are.
        labels: usize,
    },
    /// A temperature that is not finite and positive.
    #[error("the calibration temperature {0} is not finite and positive")]
    Temperature(f32),
    /// More than [`MAX_GOLDEN`].
    #[error("more than {MAX_GOLDEN} golden inputs")]
    TooManyGolden,
    /// A golden input of the wrong size.
    #[error("golden input {index} has {actual} pixels instead of {expected}")]
    GoldenPixels {
        /// Which one.
        index: usize,
        /// Height times width.
        expected: usize,
        /// Pixels it has.
        actual: usize,
    },
    /// Golden logits that are not one finite number per label.
    #[error("the logits of golden input {index} are not one finite number per label")]
    GoldenLogits {
        /// Which one.
        index: usize,
    },
    /// A text that is too long or not printable.
    #[error("the model card's {field} {source}")]
    CardText {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        source: TextError,
    },
    /// More than [`MAX_FIGURES`].
    #[error("more than {MAX_FIGURES} figures in the model card")]
    TooManyFigures,
    /// A figure that is NaN or infinite.
    #[error("figure {index} of the model card is not finite")]
    Figure {
        /// Which one.
        index: usize,
    },
}

impl ExpressionModel<'_> {
    /// The id of this network: the first 16 bytes of the SHA-256 of its postcard encoding. Files
    /// that differ only in labels, calibration or card share it.
    pub fn model_id(&self) -> [u8; 16] {
        let hash = sha256_of_postcard(&self.network);
        core::array::from_fn(|i| hash[i])
    }

    /// Checks everything that must hold before the model may be run.
    ///
    /// # Errors
    /// [`ExpressionModelError`] for the first rule broken.
    pub fn validate(&self) -> Result<(), ExpressionModelError> {
        self.preprocessing.validate()?;
        self.labels.validate()?;
        let made = [1, self.preprocessing.height, self.preprocessing.width];
        if self.network.input != made {
            return Err(ExpressionModelError::InputShape {
                network: self.network.input,
                preprocessing: made,
            });
        }
        let shapes = self.network.shapes()?;
        let labels = self.labels.len();
        // At most 16 labels, so the cast is exact.
        let wanted = Shape::Vector(labels as u32);
        if let Some(&output) = shapes.last().filter(|&&output| output != wanted) {
            return Err(ExpressionModelError::OutputShape { output, labels });
        }
        self.network.validate()?;
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Err(ExpressionModelError::Temperature(self.temperature));
        }
        self.validate_golden()?;
        self.card.validate()
    }

    fn validate_golden(&self) -> Result<(), ExpressionModelError> {
        if self.golden.len() > MAX_GOLDEN {
            return Err(ExpressionModelError::TooManyGolden);
        }
        let expected = self.preprocessing.pixels();
        for (index, golden) in self.golden.iter().enumerate() {
            if golden.pixels.len() != expected {
                return Err(ExpressionModelError::GoldenPixels {
                    index,
                    expected,
                    actual: golden.pixels.len(),
                });
            }
            if golden.logits.len() != self.labels.len()
                || golden.logits.iter().any(|l| !l.is_finite())
            {
                return Err(ExpressionModelError::GoldenLogits { index });
            }
        }
        Ok(())
    }
}

impl ModelCard<'_> {
    fn validate(&self) -> Result<(), ExpressionModelError> {
        let texts = [
            ("name", self.name),
            ("data", self.data),
            ("recipe", self.recipe),
            ("date", self.date),
            ("licence", self.licence),
            ("notes", self.notes),
        ];
        let figures = self.figures.iter().map(|f| ("figure name", f.name));
        if self.figures.len() > MAX_FIGURES {
            return Err(ExpressionModelError::TooManyFigures);
        }
        for (field, text) in texts.into_iter().chain(figures) {
            check_text(text).map_err(|source| ExpressionModelError::CardText { field, source })?;
        }
        match self.figures.iter().position(|f| !f.value.is_finite()) {
            Some(index) => Err(ExpressionModelError::Figure { index }),
            None => Ok(()),
        }
    }
}

impl<'a> Payload<'a> for ExpressionModel<'a> {
    const KIND: Kind = Kind::Expression;
    const MAX_PAYLOAD_BYTES: usize = 8 << 20;

    fn validate(&self) -> Result<(), FormatError> {
        Ok(ExpressionModel::validate(self)?)
    }

    fn derived_model_id(&self) -> Option<[u8; 16]> {
        Some(self.model_id())
    }
}
