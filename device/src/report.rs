//! Results as JSON: the shapes that docs/cli.md describes and snapshot tests pin. Later
//! versions add keys and never rename any.

use mien_models::label::Labels;
use serde::{Serialize, Serializer};

use crate::capture::picture::PictureError;
use crate::classify::Verdict;
use crate::detect::Detection;
use crate::smooth::Shown;

/// A JSON object with one entry per label, in the model's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ByLabel<T>(Vec<(String, T)>);

impl<T> ByLabel<T> {
    /// The value at a label's index.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.0.get_mut(index).map(|(_, value)| value)
    }

    /// Names and values in the model's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<T: Default> ByLabel<T> {
    /// Where a label stands; one that is not there is added at the end.
    pub fn position_or_insert(&mut self, name: &str) -> usize {
        let known = self.0.iter().position(|(label, _)| label == name);
        known.unwrap_or_else(|| {
            self.0.push((name.to_owned(), T::default()));
            self.0.len() - 1
        })
    }
}

impl<T> FromIterator<(String, T)> for ByLabel<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<T: Serialize> Serialize for ByLabel<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// A rectangle in pixels of the upright picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FaceBox {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// One face.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Face {
    /// Where it is.
    #[serde(rename = "box")]
    pub face_box: FaceBox,
    /// The detector's own score; of a cascade, the number of grouped neighbours.
    pub score: f32,
    /// The detector's name.
    pub detector: String,
    /// The face's number, the same in every frame; absent for single pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<u64>,
    /// Expression and probabilities, if the face was judged.
    #[serde(flatten)]
    pub judgement: Option<Judgement>,
}

/// What people read where the expression is uncertain.
pub const UNCERTAIN: &str = "uncertain";

/// The verdict on one face.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// The most probable label; of a face that is followed, the steady one, or null while that
    /// is uncertain.
    pub expression: Option<String>,
    /// Whether the expression is uncertain; absent for single pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncertain: Option<bool>,
    /// Probability of every label; sum 1.
    pub probabilities: ByLabel<f32>,
}

impl Judgement {
    /// The expression's name, or `uncertain`.
    pub fn name(&self) -> &str {
        self.expression.as_deref().unwrap_or(UNCERTAIN)
    }

    /// Probability of the expression, 0..=1; while it is uncertain, of the likeliest.
    pub fn probability(&self) -> f32 {
        let entries = self.probabilities.iter();
        entries
            .filter(|(label, _)| self.expression.as_deref().is_none_or(|name| name == *label))
            .map(|(_, &probability)| probability)
            .fold(0.0, f32::max)
    }
}

impl Face {
    /// A face that was found but not judged.
    pub fn found(detection: &Detection, detector: &str) -> Self {
        let &Detection {
            x,
            y,
            width,
            height,
            score,
            ..
        } = detection;
        Self {
            face_box: FaceBox {
                x,
                y,
                width,
                height,
            },
            score,
            detector: detector.to_owned(),
            track: None,
            judgement: None,
        }
    }

    /// A face with its verdict.
    pub fn judged(
        detection: &Detection,
        detector: &str,
        verdict: &Verdict,
        labels: &Labels,
    ) -> Self {
        Self {
            judgement: Some(Judgement {
                expression: labels.name(verdict.label_index).map(str::to_owned),
                uncertain: None,
                probabilities: by_label(labels, verdict.probabilities.iter().copied()),
            }),
            ..Self::found(detection, detector)
        }
    }

    /// A followed face with what is shown of it.
    pub fn tracked(
        track_id: u64,
        detection: &Detection,
        detector: &str,
        shown: &Shown,
        labels: &Labels,
    ) -> Self {
        let expression = shown.label_index.and_then(|index| labels.name(index));
        Self {
            track: Some(track_id),
            judgement: Some(Judgement {
                expression: expression.map(str::to_owned),
                uncertain: Some(expression.is_none()),
                probabilities: by_label(labels, shown.probabilities.iter().copied()),
            }),
            ..Self::found(detection, detector)
        }
    }
}

/// Values by the labels' names, as far as there are both.
pub(crate) fn by_label<T>(labels: &Labels, values: impl IntoIterator<Item = T>) -> ByLabel<T> {
    labels.iter().map(str::to_owned).zip(values).collect()
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum FileReport {
    /// It was read.
    Read(ReadFile),
    /// It was not.
    Failed {
        /// The path as given.
        path: String,
        /// Why.
        error: ErrorReport,
    },
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReadFile {
    /// The path as given.
    pub path: String,
    /// Columns of the upright picture.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Its faces, largest first.
    pub faces: Vec<Face>,
    /// What it took.
    pub timing_ms: TimingMs,
}

/// Milliseconds per step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TimingMs {
    /// Reading and decoding the file.
    pub decode: f64,
    /// Looking for faces.
    pub detect: f64,
    /// Cropping and judging all faces; absent where nothing is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classify: Option<f64>,
}

/// An error for programs and people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorReport {
    /// Stable name of the kind.
    pub kind: &'static str,
    /// One line for people.
    pub message: String,
}

impl From<&PictureError> for ErrorReport {
    fn from(error: &PictureError) -> Self {
        Self {
            kind: error.kind.name(),
            message: error.message.clone(),
        }
    }
}
