//! Finding and reading model files: the command line first, then the configuration, then the
//! one inside the program.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use mien_models::container::{self, FormatError, HEADER_BYTES, Header, Kind, Payload};
use mien_models::signature::SIGNATURE_BYTES;

use crate::bounded_file;
use crate::update::trust::{self, NotTrusted, Trust};

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
    /// The file is not a sound model file of the wanted kind.
    #[error("{origin}: {error}")]
    Format {
        /// Where it comes from.
        origin: Origin,
        /// What is wrong.
        error: FormatError,
    },
    /// The file is not what a trusted key has signed, or nobody has.
    #[error("{origin} is not trusted: {error}")]
    NotTrusted {
        /// Where it comes from.
        origin: Origin,
        /// Why.
        error: NotTrusted,
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
        let bytes = bounded_file::read(path, max_bytes).map_err(|error| unreadable(path, error))?;
        Ok(Self {
            origin: Origin::File(path.to_owned()),
            bytes: bytes.into(),
        })
    }

    /// By what the file is trusted: its signature, beside it in `FILE.sig`, or what this program
    /// knows of its own models. Nothing of it has been parsed before.
    ///
    /// # Errors
    /// [`ModelFileError::NotTrusted`], or `Unreadable` for the signature.
    pub fn trusted_by(&self, trust: &Trust) -> Result<trust::Origin, ModelFileError> {
        let signature = match &self.origin {
            Origin::File(path) => read_signature(path)?,
            Origin::Embedded => None,
        };
        let checked = trust.check(&self.bytes, signature.as_deref());
        checked.map_err(|error| ModelFileError::NotTrusted {
            origin: self.origin.clone(),
            error,
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

/// Where the signature of the file at `path` is.
pub fn signature_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// The content of the signature file of `path`, if there is one.
fn read_signature(path: &Path) -> Result<Option<Vec<u8>>, ModelFileError> {
    let path = signature_path(path);
    match bounded_file::read(&path, SIGNATURE_BYTES as u64) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&path, error)),
    }
}

fn unreadable(path: &Path, error: io::Error) -> ModelFileError {
    ModelFileError::Unreadable {
        path: path.to_owned(),
        error,
    }
}
