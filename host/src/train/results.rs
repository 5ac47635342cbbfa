//! results.csv: one row per epoch.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model_file;

/// What was measured in one epoch. Accuracies are fractions 0..1, losses natural-log
/// cross-entropies; the training figures are on augmented pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRow {
    /// Counted from 1.
    pub epoch: usize,
    /// At the epoch's last step.
    pub learning_rate: f64,
    /// Mean over the epoch's steps, against the smoothed and mixed targets.
    pub train_loss: f64,
    /// Share of argmax hits on the larger target.
    pub train_accuracy: f64,
    /// On the validation split.
    pub val_loss: f64,
    /// On the validation split.
    pub val_accuracy: f64,
    /// Wall-clock time of the epoch, validation included.
    pub seconds: f64,
}

/// Reads the rows of the first `epochs` epochs; none when there is no file.
///
/// # Errors
/// When a row is not of this form.
pub fn read(path: &Path, epochs: usize) -> Result<Vec<EpochRow>, csv::Error> {
    if !path.exists() {
        return Ok(vec![]);
    }
    let mut rows: Vec<EpochRow> = csv::Reader::from_path(path)?
        .deserialize()
        .collect::<Result<_, _>>()?;
    rows.retain(|row| row.epoch <= epochs);
    Ok(rows)
}

/// Writes all rows, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, rows: &[EpochRow]) -> Result<(), csv::Error> {
    model_file::write_with(path, |file| {
        let mut writer = csv::Writer::from_writer(file);
        rows.iter().try_for_each(|row| writer.serialize(row))?;
        Ok(writer.flush()?)
    })
}
