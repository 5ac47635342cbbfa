//! The files on their way: a tar archive with them, their signatures and their checksums, under names
//! of our own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::inspect::{self, InspectError, hex};
use crate::signing::signature_path;

/// Why files cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum ParcelError {
    /// Not a sound model file.
    #[error(transparent)]
    Model(#[from] InspectError),
    /// A file that cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The archive could not be made.
    #[error("cannot pack the files")]
    Pack(#[from] io::Error),
}

/// What is sent to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    bytes: Vec<u8>,
    count: usize,
    unsigned: Vec<PathBuf>,
}

/// Name of the checksums in the archive.
pub const SUMS: &str = "SHA256SUMS";

impl Parcel {
    /// Checks the files as a device does and packs them with the signatures beside them.
    ///
    /// # Errors
    /// [`ParcelError`].
    pub fn pack(files: &[PathBuf]) -> Result<Self, ParcelError> {
        let mut archive = tar::Builder::new(Vec::new());
        let mut sums = String::new();
        let mut unsigned = Vec::new();
        let mut add = |name: &str, content: &[u8]| {
            let digest = hex(&Sha256::digest(content));
            sums += &format!("{digest}  {name}\n");
            append(&mut archive, name, content)
        };
        for (index, path) in files.iter().enumerate() {
            inspect::inspect(path)?;
            let name = name(index);
            add(&name, &read(path)?)?;
            let signature = signature_path(path);
            match signature.exists() {
                true => add(&format!("{name}.sig"), &read(&signature)?)?,
                false => unsigned.push(path.clone()),
            }
        }
        append(&mut archive, SUMS, sums.as_bytes())?;
        Ok(Self {
            bytes: archive.into_inner()?,
            count: files.len(),
            unsigned,
        })
    }

    /// The archive.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The model files' names in the archive.
    pub fn names(&self) -> Vec<String> {
        (0..self.count).map(name).collect()
    }

    /// Files without a signature beside them.
    pub fn unsigned(&self) -> &[PathBuf] {
        &self.unsigned
    }
}

fn name(index: usize) -> String {
    format!("{index}.postcard")
}

fn append(archive: &mut tar::Builder<Vec<u8>>, name: &str, content: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o600);
    archive.append_data(&mut header, name, content)
}

fn read(path: &Path) -> Result<Vec<u8>, ParcelError> {
    fs::read(path).map_err(|source| ParcelError::Read {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// What a device unpacks has our names, whatever the files are called and wherever they are.
    #[test]
    fn no_name_leads_out_of_the_folder_there() {
        let root = tempfile::tempdir().unwrap();
        let below = root.path().join("below");
        fs::create_dir(&below).unwrap();
        let names = ["-rf.postcard", "$(reboot).postcard", "a b;c.postcard"];
        let mut files = Vec::new();
        for name in names {
            fs::write(root.path().join(name), mien_models::embedded::CASCADE).unwrap();
            files.push(below.join("..").join(name));
        }
        fs::write(signature_path(&files[1]), [7; 96]).unwrap();
        let parcel = Parcel::pack(&files).unwrap();
        assert_eq!(parcel.names(), ["0.postcard", "1.postcard", "2.postcard"]);
        assert_eq!(parcel.unsigned(), [files[0].clone(), files[2].clone()]);
        let mut unpacked = BTreeMap::new();
        for entry in tar::Archive::new(parcel.bytes()).entries().unwrap() {
            let mut entry = entry.unwrap();
            assert!(entry.header().entry_type().is_file());
            let name = entry.path().unwrap().display().to_string();
            let mut content = Vec::new();
            io::copy(&mut entry, &mut content).unwrap();
            unpacked.insert(name, content);
        }
        let all = [
            "0.postcard",
            "1.postcard",
            "1.postcard.sig",
            "2.postcard",
            SUMS,
        ];
        assert_eq!(unpacked.keys().collect::<Vec<_>>(), all);
        assert_eq!(unpacked["1.postcard.sig"], [7; 96]);
    }
}
