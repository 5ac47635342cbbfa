//! What can be wrong with a cascade file.

use mien_models::cascade::CascadeError;

use super::MAX_XML_NODES;

/// Why a cascade was not imported.
#[derive(Debug, thiserror::Error)]
pub enum CascadeImportError {
    /// The file could not be read.
    #[error("cannot read the file")]
    Read(#[from] std::io::Error),
    /// More bytes than any cascade has.
    #[error("the file is too large; a cascade has at most {max_bytes} bytes")]
    FileTooLarge {
        /// Largest size that is read.
        max_bytes: u64,
    },
    /// Not UTF-8.
    #[error(
        "the file is not text; a cascade is an XML file such as haarcascade_frontalface_default.xml"
    )]
    NotText,
    /// Not XML, or XML with an error in it.
    #[error(
        "the file is not well-formed XML; a cascade is an XML file such as haarcascade_frontalface_default.xml"
    )]
    NotXml(#[source] roxmltree::Error),
    /// XML that ends in the middle.
    #[error("the file ends early; copy or download it again")]
    Truncated,
    /// More elements than any cascade has.
    #[error("the file has more than {max} elements and texts; no cascade has as many")]
    TooManyElements {
        /// Most that are read.
        max: u32,
    },
    /// More attributes than any cascade has.
    #[error("the file has more than {max} attributes; a cascade has a few")]
    TooManyAttributes {
        /// Most that are read.
        max: usize,
    },
    /// XML, but no cascade.
    #[error(
        "the file is XML, but no OpenCV cascade, which is an <opencv_storage> with a <stageType>, <featureType>, <stages> and <features>"
    )]
    NotACascade,
    /// A cascade of OpenCV 1.
    #[error(
        "the cascade has the format of OpenCV 1; take the newer file of the same name from OpenCV 2.4 or later, or convert it: python3 -c \"import cv2; cv2.CascadeClassifier.convert('old.xml', 'new.xml')\""
    )]
    OldFormat,
    /// A kind of cascade that Mien has no evaluator for.
    #[error("the {what} is {found:?}; supported: {supported}")]
    Unsupported {
        /// What differs.
        what: &'static str,
        /// What the file says.
        found: String,
        /// What can be imported.
        supported: &'static str,
    },
    /// An element that every cascade has is not there.
    #[error("<{parent}> in line {line} has no <{name}>")]
    Missing {
        /// The element that is missing.
        name: &'static str,
        /// Where it should be.
        parent: String,
        /// Line of the parent, from 1.
        line: u32,
    },
    /// An element with too few or too many values, or the wrong ones.
    #[error("<{element}> in line {line} should have {expected}; it has {found:?}")]
    BadValue {
        /// Name of the element.
        element: String,
        /// Its line, from 1.
        line: u32,
        /// What it should hold.
        expected: &'static str,
        /// The beginning of what it holds.
        found: String,
    },
    /// A number that is none, or does not fit.
    #[error("{found:?} in <{element}>, line {line}, should be {expected}")]
    BadNumber {
        /// Name of the element.
        element: String,
        /// Its line, from 1.
        line: u32,
        /// What it should be.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// The numbers can be read but make no sound cascade.
    #[error("the cascade is not sound")]
    Unsound(#[from] CascadeError),
}

/// The XML parser's error in our terms.
pub(super) fn xml_error(xml: &str, error: roxmltree::Error) -> CascadeImportError {
    let looks_like_xml = xml
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with('<');
    match error {
        roxmltree::Error::NodesLimitReached => {
            CascadeImportError::TooManyElements { max: MAX_XML_NODES }
        }
        roxmltree::Error::UnclosedRootNode | roxmltree::Error::UnexpectedEndOfStream
            if looks_like_xml =>
        {
            CascadeImportError::Truncated
        }
        error => CascadeImportError::NotXml(error),
    }
}
