//! `mien data …`: training data.

pub mod hygiene;
pub mod inspect;
pub mod pack;
pub mod preview;

use std::process::ExitCode;

use clap::Subcommand;

/// Arguments of `mien data`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Count classes, splits, duplicates and blank pictures.
    Inspect(inspect::Args),
    /// Show what training would leave out, and why.
    Hygiene(hygiene::Args),
    /// Put a data set into one small file, without loss.
    Pack(pack::Args),
    /// Draw pictures as a recipe changes them for training.
    Preview(preview::Args),
}

/// Runs `mien data`.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Inspect(args) => inspect::run(args),
        Command::Hygiene(args) => hygiene::run(args),
        Command::Pack(args) => pack::run(args),
        Command::Preview(args) => preview::run(args),
    }
}
