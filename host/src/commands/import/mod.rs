//! `mien import …`: other people's models into Mien's format.

mod cascade;
mod yunet;

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
    /// A YuNet face detector in ONNX.
    Yunet(yunet::Args),
}

/// Runs the subcommand.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Cascade(args) => cascade::run(args),
        Command::Yunet(args) => yunet::run(args),
    }
}
