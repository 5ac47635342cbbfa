//! One file per subcommand, and what they share: logging, failures, exit codes.

pub mod analyze;
pub mod bench;
pub mod completions;
pub mod config;
mod control;
mod counting;
pub mod detect;
pub mod export;
#[cfg(feature = "camera")]
pub mod grab;
pub mod install;
mod log;
mod network;
pub mod off;
mod open;
mod outputs;
mod parts;
mod photographs;
pub mod purge;
pub mod report;
pub mod rollback;
pub mod run;
mod search;
pub mod selftest;
mod service;
mod signals;
pub mod simulate;
mod source;
pub mod sources;
pub mod status;
mod table;
pub mod trust;
mod updates;

use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use serde::Serialize;

/// Why a command could not do its work; each kind has its exit code (docs/cli.md).
#[derive(Debug)]
pub enum Failure {
    /// The work was begun and failed: 1.
    Work(anyhow::Error),
    /// Wrong arguments or configuration: 2.
    Usage(anyhow::Error),
    /// Nothing could be begun: 3.
    Nothing(anyhow::Error),
}

impl Failure {
    /// What went wrong.
    pub fn into_error(self) -> anyhow::Error {
        match self {
            Self::Work(error) | Self::Usage(error) | Self::Nothing(error) => error,
        }
    }
}

/// A command's outcome.
pub type Outcome = Result<ExitCode, Failure>;

/// Work was begun and writing its result failed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Work(error.into())
    }
}

/// Begins logging. A panic says what it is.
pub fn start() {
    log::start();
    let print_details = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        print_details(info);
        eprintln!("error: this is a fault in mien-device, please report it");
    }));
}

/// Writes a report as JSON, ending with a line feed.
fn print_json(to: &mut impl Write, report: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, report)?;
    writeln!(to)
}

/// The exit code for an outcome; a failure is printed.
pub fn exit_code(outcome: Outcome) -> ExitCode {
    let (error, code) = match outcome {
        Ok(code) => return code,
        Err(Failure::Work(error)) => (error, 1),
        Err(Failure::Usage(error)) => (error, 2),
        Err(Failure::Nothing(error)) => (error, 3),
    };
    if is_broken_pipe(&error) {
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {error:#}");
    ExitCode::from(code)
}

/// `mien-device … | head` has seen enough: not an error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
