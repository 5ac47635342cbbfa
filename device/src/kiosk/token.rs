//! Tokens: what is asked for where the page is shown beyond this machine, and at the owner's page.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::KioskError;
use crate::secret;

/// Shortest token, in bytes: with fewer one could try them all.
const MIN_BYTES: usize = 16;
/// Longest token, in bytes.
const MAX_BYTES: usize = 256;

/// A secret. It is not printed, and compared in a time that does not depend on it.
#[derive(Clone)]
pub struct Token {
    secret: String,
    cookie: String,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Reads the first line of a file that others than its owner and its group cannot read.
    ///
    /// # Errors
    /// If the file cannot be read, others may read it, or there is no usable token in it.
    pub fn read(path: &Path) -> Result<Self, KioskError> {
        let refuse = |why: String| KioskError::Token {
            path: path.to_owned(),
            why,
        };
        Self::new(&secret::read(path).map_err(refuse)?).map_err(refuse)
    }

    /// A token from its text.
    ///
    /// # Errors
    /// Why it is none.
    pub fn new(secret: &str) -> Result<Self, String> {
        let is_visible = secret.bytes().all(|byte| byte.is_ascii_graphic());
        if !(MIN_BYTES..=MAX_BYTES).contains(&secret.len()) || !is_visible {
            return Err(format!(
                "the first line must be {MIN_BYTES} to {MAX_BYTES} visible ASCII characters \
                 (hint: openssl rand -hex 16)"
            ));
        }
        // What the browser keeps does not give the token away, and changes with it.
        let digest = Sha256::new_with_prefix("mien page 1\n")
            .chain_update(secret)
            .finalize();
        Ok(Self {
            secret: secret.to_owned(),
            cookie: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    /// Whether this is the token.
    pub fn is(&self, text: &str) -> bool {
        same(&self.secret, text)
    }

    /// What a browser that knows the token keeps in its cookie.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Whether this is the cookie.
    pub fn is_cookie(&self, text: &str) -> bool {
        same(&self.cookie, text)
    }
}

/// Digests have one length, so that not even that of the secret shows.
fn same(a: &str, b: &str) -> bool {
    Sha256::digest(a).ct_eq(&Sha256::digest(b)).into()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const TEXT: &str = "0123456789abcdef";

    fn read(text: &str, mode: u32) -> Result<Token, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Token::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_is_read_from_a_file_that_others_cannot_read() {
        for mode in [0o600, 0o640, 0o400] {
            let token = read(&format!(" {TEXT}\nmore\n"), mode).unwrap();
            assert!(token.is(TEXT) && !token.is("0123456789abcdeg") && !token.is(""));
            assert!(token.is_cookie(token.cookie()) && !token.is_cookie(TEXT));
            assert!(!token.cookie().contains(TEXT) && !format!("{token:?}").contains(TEXT));
        }
        for mode in [0o644, 0o666, 0o660, 0o604] {
            let error = read(TEXT, mode).unwrap_err();
            assert!(
                error.contains(&format!("{mode:o}")) && error.contains("chmod 640"),
                "{error}"
            );
        }
        for text in ["", "short", "0123456789 abcdef", &"x".repeat(257)] {
            let error = read(text, 0o600).unwrap_err();
            assert!(error.contains("16 to 256"), "{error}");
        }
        let error = Token::read(Path::new("/")).unwrap_err().to_string();
        assert!(error.contains("no file"), "{error}");
    }
}
