//! Texts from a file, which somebody will print.

/// Longest text in a file in bytes (UTF-8).
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Over [`MAX_TEXT_BYTES`].
    #[error("is longer than {MAX_TEXT_BYTES} bytes")]
    TooLong,
    /// A control character other than a line feed or tab, which could drive a terminal.
    #[error("holds a control character")]
    ControlCharacter,
}

/// Checks a text's length and characters.
pub(crate) fn check_text(text: &str) -> Result<(), TextError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(TextError::TooLong);
    }
    if text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t')
    {
        return Err(TextError::ControlCharacter);
    }
    Ok(())
}
