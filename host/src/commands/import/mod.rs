//! `mien import …`: other people's models into Mien's format.

mod cascade;

use std::process::ExitCode;

use clap::Subcommand;

/// Arguments of `mien import`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A Viola-Jones cascade in OpenCV's XML format (2.4 and later).
    Cascade(cascade::Args),
}

/// Runs the subcommand.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Cascade(args) => cascade::run(args),
    }
}
