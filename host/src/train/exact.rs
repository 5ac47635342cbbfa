//! Numbers in JSON that are read as exactly what was written: as text. JSON numbers are read to
//! within a rounding, which can decide whether an epoch after a resume is better than the best.

use serde::{Deserialize, Deserializer, Serializer};

/// Writes the shortest text that names the number.
///
/// # Errors
/// When the serializer fails.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{value:?}"))
}

/// Reads what [`serialize`] wrote, or a number as older checkpoints have it.
///
/// # Errors
/// When it is neither.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(f64),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(value) => Ok(value),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}
