//! Checkpoints of a run: written whole under a temporary name, then renamed, so that a kill at any
//! moment leaves a whole one; and in files short enough to be carried to another machine.

mod error;
mod folder;
pub(super) mod record;
#[cfg(test)]
mod tests;

use std::path::Path;

use burn::module::Module;
use burn::tensor::backend::{AutodiffBackend, Backend};
use serde::{Deserialize, Serialize};

use self::folder::{Older, copies, replace};
pub(super) use self::folder::{Reader, Writer};
use super::net::Net;
use super::optimizer::Rule;
use super::plateau::Plateau;

pub use error::CheckpointError;
pub use folder::PART_BYTES;

const PROGRESS: &str = "progress.json";

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Finished epochs.
    pub epochs: usize,
    /// Finished steps.
    pub steps: usize,
    /// Epoch of the best weights, counted from 1; 0 before the first.
    pub best_epoch: usize,
    /// Its validation loss (to minimize) or accuracy (to maximize).
    #[serde(with = "super::exact")]
    pub best_value: f64,
    /// State of a plateau schedule.
    #[serde(default)]
    pub plateau: Plateau,
}

/// The state a run goes on from.
#[derive(Clone)]
pub struct State<B: AutodiffBackend> {
    /// Weights being trained.
    pub net: Net<B>,
    /// Averaged weights, the ones evaluated.
    pub average: Net<B::InnerBackend>,
    /// Optimizer with its state.
    pub rule: Rule<B>,
    /// Counters.
    pub progress: Progress,
}

/// A state that was read.
pub struct Loaded<B: AutodiffBackend> {
    /// The state.
    pub state: State<B>,
    /// Why it is that of an older checkpoint than the newest.
    pub damaged: Option<CheckpointError>,
}

/// Writes a checkpoint folder. The one before it stays beside it as `.old`.
///
/// # Errors
/// When a file cannot be written; the previous checkpoint stays.
pub fn save<B: AutodiffBackend>(state: &State<B>, folder: &Path) -> Result<(), CheckpointError> {
    save_in_parts(state, folder, PART_BYTES)
}

fn save_in_parts<B: AutodiffBackend>(
    state: &State<B>,
    folder: &Path,
    part_bytes: usize,
) -> Result<(), CheckpointError> {
    replace(folder, part_bytes, Older::Kept, |writer| {
        record::put::<B>(writer, "net", state.net.clone().into_record())?;
        record::put::<B::InnerBackend>(writer, "average", state.average.clone().into_record())?;
        state.rule.put(writer)?;
        let text = serde_json::to_vec(&state.progress).map_err(|e| CheckpointError::Write {
            path: PROGRESS.into(),
            source: e.into(),
        })?;
        writer.put(PROGRESS, &text)
    })
}

/// Reads the newest whole copy of a checkpoint folder into a fresh state of the same plan; `None`
/// where there is none at all.
///
/// # Errors
/// When there are only damaged ones.
pub fn load<B: AutodiffBackend>(
    fresh: &State<B>,
    folder: &Path,
    device: &B::Device,
) -> Result<Option<Loaded<B>>, CheckpointError> {
    let newest = newest(folder, |reader| {
        let bytes = reader.get(PROGRESS)?;
        let progress = serde_json::from_slice(&bytes).map_err(|e| CheckpointError::Damaged {
            path: reader.path(PROGRESS),
            why: e.to_string(),
        })?;
        Ok(State {
            net: record::get_net(reader, "net", &fresh.net, device)?,
            average: record::get_net(reader, "average", &fresh.average, device)?,
            rule: fresh.rule.clone().get(reader, device)?,
            progress,
        })
    })?;
    Ok(newest.map(|(state, damaged)| Loaded { state, damaged }))
}

/// What `read` makes of the newest copy that it can, with the error of a newer one.
fn newest<T>(
    folder: &Path,
    read: impl Fn(&Reader) -> Result<T, CheckpointError>,
) -> Result<Option<(T, Option<CheckpointError>)>, CheckpointError> {
    let mut first = None;
    for copy in copies(folder) {
        let value = match Reader::open(&copy) {
            Ok(Some(reader)) => read(&reader),
            Ok(None) => continue,
            Err(e) => Err(e),
        };
        match value {
            Ok(value) => return Ok(Some((value, first))),
            Err(e) => first = first.or(Some(e)),
        }
    }
    first.map_or(Ok(None), Err)
}

/// Writes the weights of the best epoch.
///
/// # Errors
/// When a file cannot be written; the previous best stays.
pub fn save_best<B: Backend>(net: &Net<B>, folder: &Path) -> Result<(), CheckpointError> {
    replace(folder, PART_BYTES, Older::Removed, |writer| {
        record::put::<B>(writer, "net", net.clone().into_record())
    })
}

/// Reads the weights of the best epoch.
///
/// # Errors
/// When a file is missing, damaged or of another recipe.
pub fn load_best<B: Backend>(
    fresh: &Net<B>,
    folder: &Path,
    device: &B::Device,
) -> Result<Net<B>, CheckpointError> {
    load_net(fresh, folder, "net", device)
}

/// Reads the averaged weights of the newest checkpoint.
///
/// # Errors
/// When a file is missing, damaged or of another recipe.
pub fn load_average<B: Backend>(
    fresh: &Net<B>,
    folder: &Path,
    device: &B::Device,
) -> Result<Net<B>, CheckpointError> {
    load_net(fresh, folder, "average", device)
}

fn load_net<B: Backend>(
    fresh: &Net<B>,
    folder: &Path,
    name: &str,
    device: &B::Device,
) -> Result<Net<B>, CheckpointError> {
    let read = |reader: &Reader| record::get_net(reader, name, fresh, device);
    match newest(folder, read)? {
        Some((net, None)) => Ok(net),
        // Not those that were asked for.
        Some((_, Some(damaged))) => Err(damaged),
        None => Err(CheckpointError::Read {
            path: folder.to_owned(),
            source: std::io::ErrorKind::NotFound.into(),
        }),
    }
}
