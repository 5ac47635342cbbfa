//! The model files that every build carries, so that the programs work from any folder, and what
//! those of the repository are recognised by.

use core::fmt::Write;

use heapless::String;
use sha2::{Digest, Sha256};

/// `models/expression.postcard`: the expression network, trained by Mien's own host.
pub const EXPRESSION: &[u8] = include_bytes!("../expression.postcard");
/// `models/frontalface.postcard`: OpenCV's frontal faces, see `models/NOTICE.md` for its licence.
pub const CASCADE: &[u8] = include_bytes!("../frontalface.postcard");

/// SHA-256 of the repository's model files, as `sha256sum` writes them.
const SHA256SUMS: &str = include_str!("../SHA256SUMS");

/// Whether `file` is, byte for byte, a model file of the repository that this program was built
/// from. Such files need no signature: who trusts the program trusts them.
pub fn is_bundled(file: &[u8]) -> bool {
    let mut hex: String<64> = String::new();
    for byte in Sha256::digest(file) {
        // Cannot fail: there is room for 32 times two digits.
        let _ = write!(hex, "{byte:02x}");
    }
    SHA256SUMS
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .any(|sum| sum == hex)
}
