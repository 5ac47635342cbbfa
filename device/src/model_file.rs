//! Finding and reading model files: the command line first, then the configuration, then the
//! one inside the program.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use mien_models::container::{self, FormatError, HEADER_BYTES, Header, Kind, Payload};

/// Where a model file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The file that is built into the program.
    Embedded,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Embedded => f.write_str("the embedded model"),
        }
    }
}

/// The bytes of a model file.
#[derive(Debug)]
pub struct ModelFile {
    /// Where they come from.
    pub origin: Origin,
    bytes: Cow<'static, [u8]>,
}

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file is larger than any model of its kind.
    #[error("{}: {bytes} bytes; a model file of this kind has at most {max_bytes}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// Longest allowed.
        max_bytes: u64,
    },
    /// The file is not a sound model file of the wanted kind.
    #[error("{origin}: {error}")]
    Format {
        /// Where it comes from.
        origin: Origin,
        /// What is wrong.
        error: FormatError,
    },
}

impl ModelFile {
    /// Reads the file from `argument`, else `configured`, else `embedded`. The first that is
    /// named counts, even if it turns out to be unusable. No kind of file that is asked for has
    /// more than `max_payload_bytes` after its header.
    pub fn find(
        argument: Option<&Path>,
        configured: Option<&Path>,
        embedded: &'static [u8],
        max_payload_bytes: usize,
    ) -> Result<Self, ModelFileError> {
        match argument.or(configured) {
            Some(path) => Self::read(path, (HEADER_BYTES + max_payload_bytes) as u64),
            None => Ok(Self {
                origin: Origin::Embedded,
                bytes: embedded.into(),
            }),
        }
    }

    fn read(path: &Path, max_bytes: u64) -> Result<Self, ModelFileError> {
        let unreadable = |error| ModelFileError::Unreadable {
            path: path.to_owned(),
            error,
        };
        let bytes = fs::metadata(path).map_err(unreadable)?.len();
        if bytes > max_bytes {
            return Err(ModelFileError::TooLarge {
                path: path.to_owned(),
                bytes,
                max_bytes,
            });
        }
        let bytes = fs::read(path).map_err(unreadable)?.into();
        Ok(Self {
            origin: Origin::File(path.to_owned()),
            bytes,
        })
    }

    /// What the file says it holds.
    pub fn kind(&self) -> Result<Kind, ModelFileError> {
        let header = Header::parse(&self.bytes).map_err(|error| ModelFileError::Format {
            origin: self.origin.clone(),
            error,
        })?;
        Ok(header.kind)
    }

    /// Checks and decodes the file; the model borrows from it.
    pub fn decode<'a, P: Payload<'a>>(&'a self) -> Result<(Header, P), ModelFileError> {
        container::decode(&self.bytes).map_err(|error| ModelFileError::Format {
            origin: self.origin.clone(),
            error,
        })
    }
}
