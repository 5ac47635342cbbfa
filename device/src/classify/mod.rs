//! From a face crop to probabilities: integer preprocessing, the network, softmax.

mod features;
mod graph;

pub use features::{FeatureExtractor, head};

use mien_models::ExpressionModel;
use mien_models::crop::CropRect;
use mien_models::label::{Labels, MAX_LABELS};
use mien_models::plane::GrayView;
use mien_models::preprocess::{self, PreprocessError, Preprocessing};

use crate::card::Card;

/// One value per label.
pub type PerLabel = heapless::Vec<f32, MAX_LABELS>;

/// Largest difference allowed between a golden logit and ours, as a share of the logit where
/// that is beyond 1. CPUs sum in other orders, which moves a logit by about 1e-5 of what was
/// summed; a wrong network moves it by whole units.
pub const GOLDEN_TOLERANCE: f32 = 1e-3;

/// Why a model could not be loaded or a face not be judged.
#[derive(Debug, thiserror::Error)]
pub enum ClassifyError {
    /// The network's input or output does not fit the rest of the model.
    #[error(
        "the network takes {input:?} and gives {outputs} values; {wanted:?} and {labels} labels were expected"
    )]
    Shape {
        /// `[channels, height, width]` of the network's input.
        input: [u16; 3],
        /// Length of its output.
        outputs: usize,
        /// `[1, height, width]` of the preprocessing.
        wanted: [u16; 3],
        /// Labels in the model.
        labels: usize,
    },
    /// A node of the network refers to a value that is not there or not of the right shape.
    #[error("network node {node}: {reason}")]
    Node {
        /// Position of the node in the network.
        node: usize,
        /// What does not fit.
        reason: String,
    },
    /// The network does not end in a dense layer without an activation.
    #[error("the network does not end in a plain dense layer, so there are no features before it")]
    NoHead,
    /// The inference engine refused the network or failed on a picture.
    #[error("inference: {0}")]
    Engine(String),
    /// The face's pixels are not `[height, width]` of the preprocessing.
    #[error("a face of {actual} pixels; {expected} were expected")]
    FaceSize {
        /// Pixels given.
        actual: usize,
        /// Pixels wanted.
        expected: usize,
    },
    /// The crop could not be made.
    #[error("cropping: {0}")]
    Preprocess(#[from] PreprocessError),
    /// The model does not compute here what its packer computed.
    #[error(
        "golden input {index}: label {label} has logit {actual}, {expected} was expected (tolerance {GOLDEN_TOLERANCE}); the file or this build is broken"
    )]
    Golden {
        /// Which golden input.
        index: usize,
        /// Which logit.
        label: usize,
        /// What came out.
        actual: f32,
        /// What the packer wrote.
        expected: f32,
    },
}

/// What the network says about one face.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Index of the most probable label; the first one of equals.
    pub label_index: usize,
    /// `softmax(logits / temperature)`, in 0..=1, sum 1.
    pub probabilities: PerLabel,
    /// The network's raw output.
    pub logits: PerLabel,
}

/// A loaded expression model. One thread, one picture a call.
pub struct Classifier {
    card: Card,
    labels: Labels,
    preprocessing: Preprocessing,
    temperature: f32,
    network: graph::Runner,
    face: Vec<u8>,
}

impl Classifier {
    /// Builds the network and runs the model's golden inputs through it.
    pub fn new(model: &ExpressionModel<'_>) -> Result<Self, ClassifyError> {
        let Preprocessing { height, width, .. } = model.preprocessing;
        let network = graph::Runner::new(&model.network)?;
        let wanted = [1, height, width];
        if model.network.input != wanted || network.outputs() != model.labels.len() {
            return Err(ClassifyError::Shape {
                input: model.network.input,
                outputs: network.outputs(),
                wanted,
                labels: model.labels.len(),
            });
        }
        let mut classifier = Self {
            card: Card::from(&model.card),
            labels: model.labels.clone(),
            preprocessing: model.preprocessing,
            temperature: model.temperature,
            network,
            face: vec![0; usize::from(height) * usize::from(width)],
        };
        classifier.check_golden(model)?;
        Ok(classifier)
    }

    /// What the model's maker says of it.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Names, in the order of the probabilities.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// What the logits are divided by, so that probabilities are calibrated; above 0.
    pub fn temperature(&self) -> f32 {
        self.temperature
    }

    /// From crop to network input.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// Runs every golden input of `model`; an error if a logit is off by more than
    /// [`GOLDEN_TOLERANCE`].
    pub fn check_golden(&mut self, model: &ExpressionModel<'_>) -> Result<(), ClassifyError> {
        for (index, golden) in model.golden.iter().enumerate() {
            let mut face = golden.pixels.to_vec();
            preprocess::normalize_contrast(&mut face, &self.preprocessing.contrast);
            let logits = self.logits(&face)?;
            for (label, (&actual, &expected)) in logits.iter().zip(&golden.logits).enumerate() {
                let allowed = GOLDEN_TOLERANCE * expected.abs().max(1.0);
                let is_close = (actual - expected).abs() <= allowed; // false for NaN
                if !is_close {
                    return Err(ClassifyError::Golden {
                        index,
                        label,
                        actual,
                        expected,
                    });
                }
            }
        }
        Ok(())
    }

    /// The network's output for one face: gray `[height, width]` of the preprocessing,
    /// contrast-normalized.
    pub fn logits(&mut self, face: &[u8]) -> Result<PerLabel, ClassifyError> {
        let Preprocessing { height, width, .. } = self.preprocessing;
        let expected = usize::from(height) * usize::from(width);
        if face.len() != expected {
            return Err(ClassifyError::FaceSize {
                actual: face.len(),
                expected,
            });
        }
        let preprocessing = self.preprocessing;
        self.network
            .run(face.iter().map(|&pixel| preprocessing.network_input(pixel)))
    }

    /// Judges the face inside `crop`.
    pub fn classify(
        &mut self,
        view: &GrayView<'_>,
        crop: &CropRect,
    ) -> Result<Verdict, ClassifyError> {
        let mut face = std::mem::take(&mut self.face);
        let logits = preprocess::preprocess(view, crop, &self.preprocessing, &mut face)
            .map_err(ClassifyError::from)
            .and_then(|()| self.logits(&face));
        self.face = face;
        Ok(verdict(logits?, self.temperature))
    }
}

/// `softmax(logits / temperature)`: in 0..=1, sum 1.
pub fn softmax(logits: &PerLabel, temperature: f32) -> PerLabel {
    let largest = largest(logits);
    let mut probabilities: PerLabel = logits
        .iter()
        .map(|logit| ((logit - largest) / temperature).exp())
        .collect();
    let sum: f32 = probabilities.iter().sum();
    probabilities.iter_mut().for_each(|p| *p /= sum);
    probabilities
}

fn largest(logits: &PerLabel) -> f32 {
    logits.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// Softmax and the winner.
fn verdict(logits: PerLabel, temperature: f32) -> Verdict {
    let probabilities = softmax(&logits, temperature);
    let largest = largest(&logits);
    let label_index = logits
        .iter()
        .position(|logit| *logit == largest)
        .unwrap_or(0);
    Verdict {
        label_index,
        probabilities,
        logits,
    }
}
