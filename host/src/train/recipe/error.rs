//! What can be wrong with a recipe.

use std::path::PathBuf;

use mien_models::label::LabelError;

use super::builtin_names;

/// Why a recipe cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// The file could not be read.
    #[error("cannot read the recipe {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No such file and no built-in recipe of that name.
    #[error("no recipe {0:?}: neither a file nor one of the built-in recipes ({names})", names = builtin_names())]
    Unknown(String),
    /// Not TOML, or a key that does not exist.
    #[error("the recipe {path} is not valid: {source}")]
    Parse {
        /// The file or built-in name.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A value outside its range.
    #[error("the recipe's {key} is {value}, expected {expected}")]
    Range {
        /// Dotted key.
        key: &'static str,
        /// What the file says.
        value: f64,
        /// The allowed range.
        expected: &'static str,
    },
    /// A group of classes that does not fit the data.
    #[error("the recipe's label groups are not usable: {0}")]
    Groups(String),
    /// Group names that cannot be labels.
    #[error("the recipe's label groups are not usable: {0}")]
    Labels(#[from] LabelError),
}

/// An error naming `key` unless `ok`.
pub(super) fn range(
    key: &'static str,
    value: f64,
    ok: bool,
    expected: &'static str,
) -> Result<(), RecipeError> {
    if ok {
        return Ok(());
    }
    Err(RecipeError::Range {
        key,
        value,
        expected,
    })
}
