//! Inside the grabbing child: from a camera's formats to gray frames on standard output.

pub mod choose;
pub mod luma;

#[cfg(feature = "camera")]
mod gray_camera;
#[cfg(feature = "camera")]
mod nokhwa_camera;
#[cfg(feature = "camera")]
mod run;

#[cfg(feature = "camera")]
pub use run::{GrabError, Request, offers, run};
