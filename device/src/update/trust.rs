//! Which model files are trusted: those of the program's own repository, and those that a key of
//! the configuration has signed.

use std::path::Path;

use mien_models::embedded;
use mien_models::signature::{self, KeyId, PublicKey, PublicKeyError, SignatureError};

use super::UpdateOptions;
use crate::bounded_file;

/// Longest key file that is read, in bytes.
const MAX_KEY_FILE_BYTES: u64 = 16 * 1024;

/// A trusted key of the configuration that is none.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Neither a key nor a file that can be read.
    #[error("[updates] trusted_keys: {entry} is neither a key nor a file: {error}")]
    Unreadable {
        /// What the configuration says.
        entry: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file with something else in it.
    #[error("[updates] trusted_keys: {entry}: {error}")]
    Key {
        /// What the configuration says.
        entry: String,
        /// What is wrong.
        error: PublicKeyError,
    },
}

/// Why a file is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTrusted {
    /// There is no signature.
    #[error("it is not signed")]
    Unsigned,
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// By what a file is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is, byte for byte, a model of the repository that the program was built from.
    Bundled,
    /// A trusted key has signed it.
    Signed(KeyId),
    /// By nothing; the configuration allows that.
    Unsigned,
}

/// The configuration's keys.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    keys: Vec<PublicKey>,
    allow_unsigned: bool,
}

impl Trust {
    /// Reads the keys that `options` name.
    ///
    /// # Errors
    /// [`TrustError`] for the first that is none.
    pub fn load(options: &UpdateOptions) -> Result<Self, TrustError> {
        let keys = options.trusted_keys.iter().map(|entry| key(entry));
        Ok(Self {
            keys: keys.collect::<Result<_, _>>()?,
            allow_unsigned: options.allow_unsigned,
        })
    }

    /// The keys' names.
    pub fn key_ids(&self) -> Vec<KeyId> {
        self.keys.iter().map(PublicKey::id).collect()
    }

    /// Whether unsigned files are allowed.
    pub fn allows_unsigned(&self) -> bool {
        self.allow_unsigned
    }

    /// By what `file` is trusted; `signature` is what its `FILE.sig` holds, if there is one. Nothing
    /// of the file is parsed. A signature that does not hold is an error even where none is needed.
    ///
    /// # Errors
    /// [`NotTrusted`].
    pub fn check(&self, file: &[u8], signature: Option<&[u8]>) -> Result<Origin, NotTrusted> {
        if embedded::is_bundled(file) {
            return Ok(Origin::Bundled);
        }
        match signature {
            Some(signature) => match signature::verify(file, signature, &self.keys) {
                Ok(key_id) => Ok(Origin::Signed(key_id)),
                // A stranger's signature is no worse than none.
                Err(SignatureError::UnknownKey { .. }) if self.allow_unsigned => {
                    Ok(Origin::Unsigned)
                }
                Err(error) => Err(error.into()),
            },
            None if self.allow_unsigned => Ok(Origin::Unsigned),
            None => Err(NotTrusted::Unsigned),
        }
    }
}

fn key(entry: &str) -> Result<PublicKey, TrustError> {
    if let Ok(key) = entry.parse() {
        return Ok(key);
    }
    let bytes = bounded_file::read(Path::new(entry), MAX_KEY_FILE_BYTES).map_err(|error| {
        TrustError::Unreadable {
            entry: entry.to_owned(),
            error,
        }
    })?;
    let text = String::from_utf8_lossy(&bytes);
    text.parse().map_err(|error| TrustError::Key {
        entry: entry.to_owned(),
        error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mien_models::SigningKey;
    use mien_models::container::encode;
    use mien_models::procedural::test_model;
    use mien_models::signature::Signature;

    fn signing(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn trust(seeds: &[u8], allow_unsigned: bool) -> Trust {
        let keys = seeds.iter().map(|&seed| PublicKey::of(&signing(seed)));
        Trust {
            keys: keys.collect(),
            allow_unsigned,
        }
    }

    #[test]
    fn signed_bundled_and_unsigned_files() {
        let model = test_model();
        let file = encode(&model, model.model_id(), 2).unwrap();
        let by = |seed| Signature::sign(&signing(seed), &file).unwrap().to_bytes();
        let key_id = |seed| PublicKey::of(&signing(seed)).id();
        let both = trust(&[1, 2], false);
        assert_eq!(
            both.check(&file, Some(&by(2))),
            Ok(Origin::Signed(key_id(2)))
        );
        assert_eq!(both.check(&file, None), Err(NotTrusted::Unsigned));
        let unknown = SignatureError::UnknownKey { key_id: key_id(3) };
        assert_eq!(both.check(&file, Some(&by(3))), Err(unknown.into()));
        assert_eq!(
            trust(&[], false).check(embedded::CASCADE, None),
            Ok(Origin::Bundled)
        );

        let lax = trust(&[1], true);
        assert_eq!(lax.check(&file, None), Ok(Origin::Unsigned));
        assert_eq!(lax.check(&file, Some(&by(3))), Ok(Origin::Unsigned));
        let mut broken = by(1);
        broken[50] ^= 1;
        assert!(lax.check(&file, Some(&broken)).is_err(), "it was changed");
    }

    #[test]
    fn keys_are_lines_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pub");
        std::fs::write(&path, PublicKey::of(&signing(1)).to_pem()).unwrap();
        let mut options = UpdateOptions {
            trusted_keys: vec![
                path.display().to_string(),
                PublicKey::of(&signing(2)).to_string(),
            ],
            ..UpdateOptions::default()
        };
        let ids = Trust::load(&options).unwrap().key_ids();
        assert_eq!(ids, [1, 2].map(|seed| PublicKey::of(&signing(seed)).id()));
        std::fs::write(&path, "-----BEGIN PRIVATE KEY-----").unwrap();
        let error = Trust::load(&options).unwrap_err().to_string();
        assert!(error.contains("a.pub: this is a private key"), "{error}");
        options.trusted_keys = vec!["nowhere".into()];
        let error = Trust::load(&options).unwrap_err().to_string();
        assert!(
            error.contains("nowhere is neither a key nor a file"),
            "{error}"
        );
    }
}
