//! The page for a screen beside the camera, the owner's page, and the API behind both. A thread of
//! its own serves what [`crate::publish`] holds; the pipeline never waits for it.

pub mod language;
pub mod options;
mod server;
pub mod token;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use options::KioskOptions;
pub use server::limits::Limits;
pub use server::{Kiosk, Parts};

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum KioskError {
    /// The configuration does not allow it.
    #[error("{0}")]
    Options(String),
    /// A file that should hold a token does not.
    #[error("[kiosk] token file {}: {why}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A language cannot be used.
    #[error("[kiosk] {}: {why}", path.display())]
    Language {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The address cannot be listened on.
    #[error("{address}: {error} (hint: [kiosk] bind = [\"127.0.0.1:8081\"] is another one)")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The system has no thread for it.
    #[error("the page cannot be started: {0}")]
    Start(#[from] io::Error),
}
