//! The model files that every build carries, so that the programs work from any folder.

/// `models/expression.postcard`, `None` until one is trained.
pub const EXPRESSION: Option<&[u8]> = None;
/// `models/frontalface.postcard`: OpenCV's frontal faces, see `models/NOTICE.md` for its licence.
pub const CASCADE: Option<&[u8]> = Some(include_bytes!("../frontalface.postcard"));
