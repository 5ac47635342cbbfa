//! Every list of a replay set against its neighbours.

use super::{MAX_FEATURES, ReplaySet};
use crate::container::{TextError, check_text};
use crate::label::LabelError;

/// Why a replay set is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A label list that breaks its rules.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// Not one number of pictures per label.
    #[error("{actual} numbers of pictures for {labels} labels")]
    Pictures {
        /// How many labels there are.
        labels: usize,
        /// How many numbers there are.
        actual: usize,
    },
    /// No features, or more than [`MAX_FEATURES`].
    #[error("{0} features a row; there are 1 to {MAX_FEATURES}")]
    Features(u16),
    /// Not one scale per feature.
    #[error("{actual} bytes of scales instead of {expected}")]
    ScalesLength {
        /// Four per feature.
        expected: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// A scale that is not finite and positive.
    #[error("the scale of feature {feature} is not finite and positive")]
    Scale {
        /// Which feature.
        feature: usize,
    },
    /// Nothing to fit to or nothing to judge by.
    #[error("{fitted} of {rows} rows are to be fitted to: at least one, and not all")]
    Split {
        /// Rows to fit to.
        fitted: u16,
        /// Rows there are.
        rows: usize,
    },
    /// Not as many values as rows times features.
    #[error("{actual} values instead of {expected}")]
    ValuesLength {
        /// Rows times features.
        expected: usize,
        /// Values there are.
        actual: usize,
    },
    /// A row of no label.
    #[error("row {row} is of label {class}; there are {labels}")]
    Class {
        /// Which row.
        row: usize,
        /// The label's index in the row.
        class: u8,
        /// How many labels there are.
        labels: usize,
    },
    /// A text that is too long or not printable.
    #[error("the replay set's source {0}")]
    Source(TextError),
}

impl ReplaySet<'_> {
    /// Checks everything that must hold before the rows may be used.
    ///
    /// # Errors
    /// [`ReplayError`] for the first rule broken.
    pub fn validate(&self) -> Result<(), ReplayError> {
        self.labels.validate()?;
        let (labels, rows) = (self.labels.len(), self.len());
        if self.pictures.len() != labels {
            return Err(ReplayError::Pictures {
                labels,
                actual: self.pictures.len(),
            });
        }
        if !(1..=MAX_FEATURES).contains(&self.features) {
            return Err(ReplayError::Features(self.features));
        }
        let features = usize::from(self.features);
        if self.scales.len() != 4 * features {
            return Err(ReplayError::ScalesLength {
                expected: 4 * features,
                actual: self.scales.len(),
            });
        }
        if let Some(feature) = self.scales_f32().position(|s| !(s.is_finite() && s > 0.0)) {
            return Err(ReplayError::Scale { feature });
        }
        if !(1..rows).contains(&usize::from(self.fitted)) {
            return Err(ReplayError::Split {
                fitted: self.fitted,
                rows,
            });
        }
        // Both are bounded by the file's length, far from an overflow.
        if self.values.len() != rows * features {
            return Err(ReplayError::ValuesLength {
                expected: rows * features,
                actual: self.values.len(),
            });
        }
        let mut classes = self.classes.iter().enumerate();
        if let Some((row, &class)) = classes.find(|(_, class)| usize::from(**class) >= labels) {
            return Err(ReplayError::Class { row, class, labels });
        }
        check_text(self.source).map_err(ReplayError::Source)
    }
}
