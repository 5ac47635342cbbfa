//! Signing keys on disk: PKCS#8 in PEM (RFC 5958), encrypted where there is a passphrase, and the
//! public key beside it. The signature itself is `mien_models::signature`.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
pub use mien_device::model_file::signature_path;
use mien_models::SigningKey;
use mien_models::signature::{PublicKey, PublicKeyError};
use pkcs8::der::pem::PemLabel;
use pkcs8::pkcs5::{pbes2, scrypt};
use pkcs8::rand_core::{OsRng, RngCore};
use pkcs8::{EncryptedPrivateKeyInfo, LineEnding, PrivateKeyInfo};
use zeroize::Zeroizing;

/// A passphrase; wiped from memory when it is no longer needed.
pub type Passphrase = Zeroizing<String>;

/// Longest key file that is read, in bytes.
const MAX_KEY_BYTES: u64 = 16 * 1024;

/// Why a key could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file system said no.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A key is never overwritten.
    #[error("{} exists; keys are never overwritten (choose another --out)", .0.display())]
    Exists(PathBuf),
    /// A file without a private key of ours.
    #[error("{} holds no Ed25519 private key (PKCS#8, as `mien keygen` writes it)", .0.display())]
    NotPrivate(PathBuf),
    /// An encrypted key and no passphrase.
    #[error(
        "{} is encrypted: its passphrase can be typed on a terminal, stand in MIEN_PASSPHRASE or \
         in a --passphrase-file", .0.display()
    )]
    Locked(PathBuf),
    /// Not its passphrase.
    #[error("the passphrase does not open {}", .0.display())]
    Passphrase(PathBuf),
    /// The key could not be put into PKCS#8.
    #[error("the key cannot be encoded: {0}")]
    Encode(pkcs8::Error),
    /// A file without a public key of ours.
    #[error("{}", path.display())]
    Public {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: PublicKeyError,
    },
}

/// Makes a key and writes it to `path`, readable by its owner alone, and the public key to
/// `path.pub`. Nothing is overwritten.
///
/// # Errors
/// [`KeyError::Exists`], `Io` or `Encode`; what was begun is removed.
pub fn generate(path: &Path, passphrase: Option<&Passphrase>) -> Result<PublicKey, KeyError> {
    let key = SigningKey::generate(&mut OsRng);
    // Without the public key inside (version 1), which OpenSSL before 3.2 does not read.
    let pair = KeypairBytes {
        secret_key: key.to_bytes(),
        public_key: None,
    };
    let pem = match passphrase {
        Some(passphrase) => encrypted(&pair, passphrase),
        None => pair.to_pkcs8_pem(LineEnding::LF),
    };
    let pem = pem.map_err(KeyError::Encode)?;
    let public = PublicKey::of(&key);
    let public_path = public_path(path);
    create(path, 0o600, pem.as_bytes())?;
    if let Err(error) = create(&public_path, 0o644, public.to_pem().as_bytes()) {
        // A private key without its public one is of no use; the first error counts.
        let _ = fs::remove_file(path);
        return Err(error);
    }
    Ok(public)
}

/// PBES2 with AES-256 and scrypt: as costly to guess as OWASP asks for ("Password Storage Cheat
/// Sheet": N = 2^14, r = 8, p = 5), with no more memory than OpenSSL grants a key it reads.
fn encrypted(pair: &KeypairBytes, passphrase: &str) -> Result<Zeroizing<String>, pkcs8::Error> {
    let scrypt = scrypt::Params::new(14, 8, 5, scrypt::Params::RECOMMENDED_LEN);
    let scrypt = scrypt.map_err(|_| pkcs8::Error::ParametersMalformed)?;
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    OsRng.fill_bytes(&mut salt);
    OsRng.fill_bytes(&mut iv);
    let parameters = pbes2::Parameters::scrypt_aes256cbc(scrypt, &salt, &iv)?;
    let der = pair.to_pkcs8_der()?;
    let encrypted =
        PrivateKeyInfo::try_from(der.as_bytes())?.encrypt_with_params(parameters, passphrase)?;
    Ok(encrypted.to_pem(EncryptedPrivateKeyInfo::PEM_LABEL, LineEnding::LF)?)
}

/// Where the public key of the private key at `path` is.
pub fn public_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(".pub");
    name.into()
}

/// Reads a private key; `passphrase` is asked only where it is encrypted.
///
/// # Errors
/// [`KeyError`] where there is none, or the passphrase is missing or wrong.
pub fn read_private(
    path: &Path,
    passphrase: impl FnOnce() -> Option<Passphrase>,
) -> Result<SigningKey, KeyError> {
    let pem = Zeroizing::new(read(path)?);
    if pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        let passphrase = passphrase().ok_or_else(|| KeyError::Locked(path.to_owned()))?;
        return SigningKey::from_pkcs8_encrypted_pem(&pem, passphrase.as_bytes())
            .map_err(|_| KeyError::Passphrase(path.to_owned()));
    }
    SigningKey::from_pkcs8_pem(&pem).map_err(|_| KeyError::NotPrivate(path.to_owned()))
}

/// Reads a public key.
///
/// # Errors
/// [`KeyError`] where there is none.
pub fn read_public(path: &Path) -> Result<PublicKey, KeyError> {
    read(path)?.parse().map_err(|source| KeyError::Public {
        path: path.to_owned(),
        source,
    })
}

fn read(path: &Path) -> Result<String, KeyError> {
    use io::Read;
    let mut text = String::new();
    let file = File::open(path).and_then(|file| file.take(MAX_KEY_BYTES).read_to_string(&mut text));
    match file {
        Ok(_) => Ok(text),
        // Not text: no key either.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(KeyError::NotPrivate(path.to_owned()))
        }
        Err(source) => Err(KeyError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Writes a new file with these permissions; they hold before there is anything in it.
fn create(path: &Path, mode: u32, content: &[u8]) -> Result<(), KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(path).and_then(|mut file| {
        let written = file.write_all(content).and_then(|()| file.sync_all());
        if written.is_err() {
            let _ = fs::remove_file(path);
        }
        written
    });
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::Io {
            path: path.to_owned(),
            source,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(text: &str) -> Passphrase {
        Passphrase::new(text.to_owned())
    }

    #[test]
    fn a_key_is_written_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let public = generate(&path, None).unwrap();
        let key = read_private(&path, || panic!("it is not encrypted")).unwrap();
        assert_eq!(PublicKey::of(&key), public);
        assert_eq!(read_public(&public_path(&path)).unwrap(), public);
        assert!(matches!(generate(&path, None), Err(KeyError::Exists(_))));
        // Neither is half of a pair left behind.
        fs::remove_file(&path).unwrap();
        assert!(matches!(generate(&path, None), Err(KeyError::Exists(_))));
        assert!(!path.exists());
        let other = generate(&folder.path().join("other"), None).unwrap();
        assert_ne!(other, public);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_it() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        generate(&path, None).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_passphrase_locks_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let public = generate(&path, Some(&phrase("correct horse"))).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        let opened = read_private(&path, || Some(phrase("correct horse"))).unwrap();
        assert_eq!(PublicKey::of(&opened), public);
        let wrong = read_private(&path, || Some(phrase("battery")));
        assert!(matches!(wrong, Err(KeyError::Passphrase(_))));
        let missing = read_private(&path, || None);
        assert!(matches!(missing, Err(KeyError::Locked(_))));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        generate(&path, None).unwrap();
        let private = |path: &Path| read_private(path, || None);
        assert!(matches!(
            private(&public_path(&path)),
            Err(KeyError::NotPrivate(_))
        ));
        assert!(matches!(
            read_public(&path),
            Err(KeyError::Public {
                source: PublicKeyError::Private,
                ..
            })
        ));
        fs::write(&path, [0xFF; 100]).unwrap();
        assert!(matches!(private(&path), Err(KeyError::NotPrivate(_))));
        let nowhere = folder.path().join("nowhere");
        assert!(matches!(private(&nowhere), Err(KeyError::Io { .. })));
    }
}
