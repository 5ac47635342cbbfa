//! Material that is not part of the repository.

use std::env;
use std::path::{Path, PathBuf};

/// A file or folder of the shared material, in `MIEN_SHARED` or beside the workspace. `None`,
/// with a message, when it is not there.
///
/// # Panics
/// When it is not there though `MIEN_REQUIRE_SHARED=1` asks for it.
pub fn path(relative: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let root = env::var_os("MIEN_SHARED").map_or_else(beside, PathBuf::from);
    let path = root.join(relative);
    if path.exists() {
        return Some(path);
    }
    let message = format!("{} is not there", path.display());
    assert!(!required("MIEN_REQUIRE_SHARED"), "{message}");
    eprintln!("skipped: {message}");
    None
}

/// Whether the variable asks for no test to be skipped.
pub(crate) fn required(variable: &str) -> bool {
    env::var(variable).is_ok_and(|value| value == "1")
}
