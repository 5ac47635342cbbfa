//! The model files that every build carries, so that the programs work from any folder.

/// `models/expression.postcard`: the expression network, trained by Mien's own host.
pub const EXPRESSION: &[u8] = include_bytes!("../expression.postcard");
/// `models/frontalface.postcard`: OpenCV's frontal faces, see `models/NOTICE.md` for its licence.
pub const CASCADE: &[u8] = include_bytes!("../frontalface.postcard");
