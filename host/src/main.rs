//! The host program `mien`: parses the command line and hands over to the command.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Prepare data, train, pack and judge Mien's models.
#[derive(Parser)]
#[command(name = "mien", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Look at training data.
    Data(commands::data::Args),
    /// Convert other people's models.
    Import(commands::import::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Data(args) => commands::data::run(args),
        Command::Import(args) => commands::import::run(args),
    };
    commands::exit_code(result)
}
