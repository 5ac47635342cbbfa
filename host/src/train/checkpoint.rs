//! Checkpoints of a run: written whole under a temporary name, then renamed, so that a kill at any
//! moment leaves the previous one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::record::{BinFileRecorder, FullPrecisionSettings, RecorderError};
use burn::tensor::backend::{AutodiffBackend, Backend};
use serde::{Deserialize, Serialize};

use super::net::Net;
use super::optimizer::Rule;
use super::plateau::Plateau;

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system refused.
    #[error("cannot write the checkpoint {path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Weights or optimizer state could not be written.
    #[error("cannot write the checkpoint {path}: {source}")]
    Save {
        /// The file.
        path: PathBuf,
        /// What Burn said.
        source: RecorderError,
    },
    /// Weights or optimizer state could not be read.
    #[error("the checkpoint {path} is missing or damaged: {source}")]
    Load {
        /// The file.
        path: PathBuf,
        /// What Burn said.
        source: RecorderError,
    },
    /// The progress file could not be read.
    #[error("the checkpoint {path} is missing or damaged: {why}")]
    Progress {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

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

fn recorder() -> BinFileRecorder<FullPrecisionSettings> {
    BinFileRecorder::new()
}

/// Writes weights to `path` (Burn adds `.bin`).
///
/// # Errors
/// When the file cannot be written.
pub fn save_net<B: Backend>(net: &Net<B>, path: &Path) -> Result<(), CheckpointError> {
    net.clone()
        .save_file(path, &recorder())
        .map_err(|source| CheckpointError::Save {
            path: path.to_owned(),
            source,
        })
}

/// Reads weights that [`save_net`] wrote into a network of the same plan.
///
/// # Errors
/// When the file is missing, damaged or of another shape.
pub fn load_net<B: Backend>(
    net: Net<B>,
    path: &Path,
    device: &B::Device,
) -> Result<Net<B>, CheckpointError> {
    net.load_file(path, &recorder(), device)
        .map_err(|source| CheckpointError::Load {
            path: path.to_owned(),
            source,
        })
}

/// Fills a new folder with `fill` and puts it at `folder` by renames.
fn replace_folder(
    folder: &Path,
    fill: impl FnOnce(&Path) -> Result<(), CheckpointError>,
) -> Result<(), CheckpointError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| CheckpointError::Write { path, source }
    };
    let (new, old) = (folder.with_extension("new"), folder.with_extension("old"));
    if new.exists() {
        fs::remove_dir_all(&new).map_err(write(&new))?;
    }
    fs::create_dir_all(&new).map_err(write(&new))?;
    fill(&new)?;
    for entry in fs::read_dir(&new).map_err(write(&new))? {
        let path = entry.map_err(write(&new))?.path();
        File::open(&path)
            .and_then(|f| f.sync_all())
            .map_err(write(&path))?;
    }
    if folder.exists() {
        if old.exists() {
            fs::remove_dir_all(&old).map_err(write(&old))?;
        }
        fs::rename(folder, &old).map_err(write(folder))?;
    }
    fs::rename(&new, folder).map_err(write(folder))?;
    if old.exists() {
        fs::remove_dir_all(&old).map_err(write(&old))?;
    }
    Ok(())
}

/// The newest whole copy of a checkpoint folder: between the two renames it is the old one.
fn whole_folder(folder: &Path) -> PathBuf {
    let old = folder.with_extension("old");
    if !folder.exists() && old.exists() {
        old
    } else {
        folder.to_owned()
    }
}

/// Writes a checkpoint folder.
///
/// # Errors
/// When a file cannot be written; the previous checkpoint stays.
pub fn save<B: AutodiffBackend>(state: &State<B>, folder: &Path) -> Result<(), CheckpointError> {
    replace_folder(folder, |new| {
        save_net(&state.net, &new.join("net"))?;
        save_net(&state.average, &new.join("average"))?;
        let path = new.join("optimizer");
        state
            .rule
            .save(path.clone())
            .map_err(|source| CheckpointError::Save { path, source })?;
        let path = new.join("progress.json");
        let file = File::create(&path).map_err(|source| CheckpointError::Write {
            path: path.clone(),
            source,
        })?;
        serde_json::to_writer(file, &state.progress).map_err(|e| CheckpointError::Write {
            path,
            source: e.into(),
        })
    })
}

/// Reads a checkpoint folder into a fresh state of the same plan.
///
/// # Errors
/// When a file is missing or damaged.
pub fn load<B: AutodiffBackend>(
    fresh: State<B>,
    folder: &Path,
    device: &B::Device,
) -> Result<State<B>, CheckpointError> {
    let folder = whole_folder(folder);
    let path = folder.join("progress.json");
    let progress = File::open(&path)
        .map_err(|e| e.to_string())
        .and_then(|file| serde_json::from_reader(file).map_err(|e| e.to_string()))
        .map_err(|why| CheckpointError::Progress { path, why })?;
    let optimizer = folder.join("optimizer");
    Ok(State {
        net: load_net(fresh.net, &folder.join("net"), device)?,
        average: load_net(fresh.average, &folder.join("average"), device)?,
        rule: fresh
            .rule
            .load(optimizer.clone(), device)
            .map_err(|source| CheckpointError::Load {
                path: optimizer,
                source,
            })?,
        progress,
    })
}

/// Writes the weights of the best epoch.
///
/// # Errors
/// When a file cannot be written; the previous best stays.
pub fn save_best<B: Backend>(net: &Net<B>, folder: &Path) -> Result<(), CheckpointError> {
    replace_folder(folder, |new| save_net(net, &new.join("net")))
}

/// Reads the weights of the best epoch.
///
/// # Errors
/// When the file is missing or damaged.
pub fn load_best<B: Backend>(
    net: Net<B>,
    folder: &Path,
    device: &B::Device,
) -> Result<Net<B>, CheckpointError> {
    load_net(net, &whole_folder(folder).join("net"), device)
}
