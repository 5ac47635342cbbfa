//! `mien-device grab`: the child that reads a camera. A camera's driver can block for ever; this
//! process can be killed.

use std::io;
use std::process::ExitCode;

use anyhow::anyhow;
use mien_device::capture::grab::{self, GrabError, Request};

use super::{Failure, Outcome};

/// Arguments of `mien-device grab`.
#[derive(clap::Args)]
pub struct Args {
    /// The N of /dev/videoN
    #[arg(long)]
    camera: u32,
    /// Wanted columns
    #[arg(long)]
    width: u32,
    /// Wanted rows
    #[arg(long)]
    height: u32,
    /// Wanted frames per second
    #[arg(long)]
    frames_per_s: u32,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let request = Request {
        camera: args.camera,
        size: [args.width, args.height],
        frames_per_s: args.frames_per_s,
    };
    match grab::run(&request, io::stdout().lock()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(GrabError::Write(error)) => Err(error.into()),
        Err(error) => Err(Failure::Nothing(anyhow!(error))),
    }
}
