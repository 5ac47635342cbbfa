//! The seven FER2013 classes, a model's own label list, and how a label looks.

mod appearance;

use core::fmt;

use postcard_schema::Schema;
use serde::{Deserialize, Serialize};

pub use appearance::{Appearance, Icon, Rgb, appearance};

/// Most labels a model may have.
pub const MAX_LABELS: usize = 16;
/// Longest label name in bytes (UTF-8).
pub const MAX_LABEL_BYTES: usize = 24;

/// One class name.
pub type LabelName = heapless::String<MAX_LABEL_BYTES>;

/// A model's labels, in the order of its logits. Unique, non-empty names.
///
/// [`Labels::new`] keeps these rules; a list read from a file has to pass [`Labels::validate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Labels(pub heapless::Vec<LabelName, MAX_LABELS>);

/// Why a list of names cannot be a model's labels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// No name at all.
    #[error("the label list is empty")]
    Empty,
    /// More than [`MAX_LABELS`] names.
    #[error("more than {MAX_LABELS} labels")]
    TooMany,
    /// A name of zero bytes.
    #[error("label {index} has no name")]
    EmptyName {
        /// Position in the list.
        index: usize,
    },
    /// A name over [`MAX_LABEL_BYTES`].
    #[error("label {index} is longer than {MAX_LABEL_BYTES} bytes")]
    TooLong {
        /// Position in the list.
        index: usize,
    },
    /// A control character, which could drive a terminal.
    #[error("label {index} holds a control character")]
    ControlCharacter {
        /// Position in the list.
        index: usize,
    },
    /// A name that stood in the list before.
    #[error("label {index} repeats the name of label {first}")]
    Duplicate {
        /// Position of the earlier one.
        first: usize,
        /// Position in the list.
        index: usize,
    },
}

impl Labels {
    /// The seven FER2013 classes in FER2013 order.
    pub fn fer2013() -> Self {
        Self(
            Expression::ALL
                .iter()
                .filter_map(|e| LabelName::try_from(e.name()).ok())
                .collect(),
        )
    }

    /// A list from names in logit order.
    ///
    /// # Errors
    /// [`LabelError`] when a rule of [`Labels`] is broken.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, LabelError> {
        let mut list = heapless::Vec::new();
        for (index, name) in names.into_iter().enumerate() {
            // Counted first: with sixteen names the seventeenth's own faults do not matter.
            if list.is_full() {
                return Err(LabelError::TooMany);
            }
            let name = LabelName::try_from(name).map_err(|_| LabelError::TooLong { index })?;
            list.push(name).map_err(|_| LabelError::TooMany)?;
        }
        let labels = Self(list);
        labels.validate()?;
        Ok(labels)
    }

    /// Checks the rules that the type itself does not keep.
    ///
    /// # Errors
    /// [`LabelError`] for an empty list, or an empty, repeated or control-character name.
    pub fn validate(&self) -> Result<(), LabelError> {
        if self.0.is_empty() {
            return Err(LabelError::Empty);
        }
        for (index, name) in self.0.iter().enumerate() {
            if name.is_empty() {
                return Err(LabelError::EmptyName { index });
            }
            if name.chars().any(char::is_control) {
                return Err(LabelError::ControlCharacter { index });
            }
            if let Some(first) = self.0[..index].iter().position(|n| n == name) {
                return Err(LabelError::Duplicate { first, index });
            }
        }
        Ok(())
    }

    /// Number of labels, 1..=16 once validated.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no label; never so once validated.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of a label, `None` beyond the list.
    pub fn name(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(LabelName::as_str)
    }

    /// Where a name stands, compared exactly.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|n| n == name)
    }

    /// The names in logit order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(LabelName::as_str)
    }
}

/// The seven FER2013 classes in FER2013 order (Goodfellow et al. 2013, "Challenges in
/// Representation Learning").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Expression {
    /// FER2013 label 0.
    Angry,
    /// FER2013 label 1.
    Disgust,
    /// FER2013 label 2.
    Fear,
    /// FER2013 label 3.
    Happy,
    /// FER2013 label 4.
    Sad,
    /// FER2013 label 5.
    Surprise,
    /// FER2013 label 6.
    Neutral,
}

impl Expression {
    /// All seven in FER2013 order.
    pub const ALL: [Self; 7] = [
        Self::Angry,
        Self::Disgust,
        Self::Fear,
        Self::Happy,
        Self::Sad,
        Self::Surprise,
        Self::Neutral,
    ];

    /// The lower-case English name, as in label lists and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Angry => "angry",
            Self::Disgust => "disgust",
            Self::Fear => "fear",
            Self::Happy => "happy",
            Self::Sad => "sad",
            Self::Surprise => "surprise",
            Self::Neutral => "neutral",
        }
    }

    /// The class of a FER2013 label 0..=6, `None` beyond.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// The class with this [`name`](Self::name), whatever its ASCII case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|e| e.name().eq_ignore_ascii_case(name))
    }

    /// The FER2013 label, 0..=6.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Colour and icon.
    pub const fn appearance(self) -> Appearance {
        Appearance::of(self)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
