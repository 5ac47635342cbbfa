//! The payload of a replay set: what a network saw of the data it was trained on, as features and
//! labels, so that a new head can be fitted to new pictures without forgetting the old ones.
//!
//! Rehearsal on stored features ("latent replay"): Pellegrini, Graffieti, Lomonaco and Maltoni,
//! "Latent Replay for Real-Time Continual Learning" (IROS 2020). Features are no pictures.

mod validate;

use alloc::vec::Vec;

use postcard_schema::Schema;
use serde::{Deserialize, Serialize};

use crate::container::{FormatError, HEADER_BYTES, Kind, Payload};
use crate::label::{Labels, MAX_LABELS};

pub use validate::ReplayError;

/// Longest file in bytes, its header included.
pub const MAX_REPLAY_FILE_BYTES: usize = 300_000;
/// Most numbers a row may have.
pub const MAX_FEATURES: u16 = 4096;

/// Features and labels of some of a network's training pictures. The file's model id is that of the
/// model whose network made the features; with another network they mean nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct ReplaySet<'a> {
    /// The model's labels, in its order.
    pub labels: Labels,
    /// Pictures of each label that the model was fitted to, in the order of the labels.
    pub pictures: heapless::Vec<u32, MAX_LABELS>,
    /// Numbers per row, 1..=[`MAX_FEATURES`]: the input of the network's last layer.
    pub features: u16,
    /// Little-endian f32 scale per feature, finite and positive: real value = `q * scale`.
    pub scales: &'a [u8],
    /// The first this many rows are to be fitted to, the others to judge by; of both at least one.
    pub fitted: u16,
    /// A label's index per row.
    pub classes: &'a [u8],
    /// int8 features `[rows, features]`, row-major.
    pub values: &'a [u8],
    /// What the rows were made from.
    pub source: &'a str,
}

impl ReplaySet<'_> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there is no row; never so once validated.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// All rows in order: the label's index and the features as real numbers. Complete for a
    /// validated set; shorter, never longer, for others.
    pub fn rows(&self) -> impl Iterator<Item = (usize, Vec<f32>)> {
        let width = usize::from(self.features).max(1);
        let scales: Vec<f32> = self.scales_f32().collect();
        let values = bytemuck::cast_slice::<u8, i8>(self.values).chunks_exact(width);
        self.classes.iter().zip(values).map(move |(&class, row)| {
            let real = row.iter().zip(&scales).map(|(&q, s)| f32::from(q) * s);
            (usize::from(class), real.collect())
        })
    }

    fn scales_f32(&self) -> impl Iterator<Item = f32> {
        let bytes = self.scales.chunks_exact(4);
        bytes.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }
}

impl<'a> Payload<'a> for ReplaySet<'a> {
    const KIND: Kind = Kind::Replay;
    const MAX_PAYLOAD_BYTES: usize = MAX_REPLAY_FILE_BYTES - HEADER_BYTES;

    fn validate(&self) -> Result<(), FormatError> {
        Ok(ReplaySet::validate(self)?)
    }
}
