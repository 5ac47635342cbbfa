//! What a model file holds, as data for tables and JSON.

mod cascade;
mod expression;
mod replay;
mod yunet;

use std::path::{Path, PathBuf};

use mien_models::ExpressionModel;
use mien_models::cascade::CascadeModel;
use mien_models::container::{self, FormatError, Header, Kind};
use mien_models::replay::ReplaySet;
use mien_models::yunet::YunetModel;
use serde::Serialize;
use sha2::{Digest, Sha256};

pub use cascade::CascadeContent;
pub use expression::{Card, ExpressionContent, Layer, PreprocessingContent};
pub use replay::ReplayContent;
pub use yunet::YunetContent;

use crate::signing::signature_path;

/// Why a file could not be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It is not a sound model file.
    #[error("{path} is not a sound model file; {}", hint(.source))]
    Format {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: FormatError,
    },
}

/// A model file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// Length of the file in bytes.
    pub bytes: usize,
    /// `expression`, `cascade`, `yunet` or `replay`.
    pub kind: &'static str,
    /// Lower-case hex.
    pub model_id: String,
    /// Grows with every release of its kind.
    pub model_version: u64,
    /// SHA-256 of the whole file, lower-case hex.
    pub sha256: String,
    /// The detached signature beside it, which is not checked here; null for an unsigned file.
    pub signature: Option<PathBuf>,
    /// What an expression file holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<ExpressionContent>,
    /// What a cascade file holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cascade: Option<CascadeContent>,
    /// What a YuNet file holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yunet: Option<YunetContent>,
    /// What a replay file holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayContent>,
}

/// Reads and checks the file as the device does.
pub fn inspect(path: &Path) -> Result<Inspection, InspectError> {
    let file = std::fs::read(path).map_err(|source| InspectError::Read {
        path: path.to_owned(),
        source,
    })?;
    let signature = Some(signature_path(path)).filter(|path| path.is_file());
    let inspection = read(&file).map_err(|source| InspectError::Format {
        path: path.to_owned(),
        source,
    })?;
    Ok(Inspection {
        signature,
        ..inspection
    })
}

fn read(file: &[u8]) -> Result<Inspection, FormatError> {
    let header = Header::parse(file)?;
    let mut expression = None;
    let mut cascade = None;
    let mut yunet = None;
    let mut replay = None;
    match header.kind {
        Kind::Expression => {
            let (_, model) = container::decode::<ExpressionModel<'_>>(file)?;
            expression = Some(ExpressionContent::of(&model)?);
        }
        Kind::Cascade => {
            let (_, model) = container::decode::<CascadeModel<'_>>(file)?;
            cascade = Some(CascadeContent::of(&model));
        }
        Kind::Yunet => {
            let (_, model) = container::decode::<YunetModel<'_>>(file)?;
            yunet = Some(YunetContent::of(&model));
        }
        Kind::Replay => {
            let (_, set) = container::decode::<ReplaySet<'_>>(file)?;
            replay = Some(ReplayContent::of(&set));
        }
    }
    Ok(Inspection {
        bytes: file.len(),
        kind: kind_name(header.kind),
        model_id: hex(&header.model_id),
        model_version: header.model_version,
        sha256: hex(&Sha256::digest(file)),
        signature: None,
        expression,
        cascade,
        yunet,
        replay,
    })
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Expression => "expression",
        Kind::Cascade => "cascade",
        Kind::Yunet => "yunet",
        Kind::Replay => "replay",
    }
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a person can do about a file that is refused.
fn hint(error: &FormatError) -> &'static str {
    match error {
        FormatError::Magic => {
            "model files end in .postcard and are made by `mien quantize` or `mien import`"
        }
        FormatError::Version { .. } | FormatError::Schema | FormatError::Kind { .. } => {
            "use the program version it was made with, or make it again with this one"
        }
        _ => "copy or download it again, or make it again",
    }
}
