//! The device program `mien-device`: parses the command line and hands over to the command.

mod commands;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Recognise facial expressions, on this machine alone: nothing is sent anywhere.
#[derive(Parser)]
#[command(name = "mien-device", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show expressions live, from the demo's virtual camera or from pictures.
    Run(commands::run::Args),
    /// Find faces in pictures.
    Detect(commands::detect::Args),
    /// Find faces in pictures and judge their expressions.
    Analyze(commands::analyze::Args),
    /// Time each stage on this machine.
    Bench(commands::bench::Args),
    /// List cameras and their formats.
    Sources(commands::sources::Args),
    /// Write counted visits as CSV or JSON.
    Export(commands::export::Args),
    /// Write counted visits as a page with plots.
    Report(commands::report::Args),
    /// Delete counted visits for good.
    Purge(commands::purge::Args),
    /// Check camera, models, outputs and the machine.
    Selftest(commands::selftest::Args),
    /// Install other models, without a restart.
    Install(commands::install::Args),
    /// Go back to the models before.
    Rollback(commands::rollback::Args),
    /// Tell which models run.
    Status(commands::status::Args),
    /// Trust models that a key has signed.
    Trust(commands::trust::Args),
    /// Check or show the configuration.
    Config(commands::config::Args),
    /// Show what lights and display would show, without a Pi.
    Simulate(commands::simulate::Args),
    /// Switch all configured lights and displays off.
    Off(commands::off::Args),
    /// Print a shell's completion script.
    Completions(commands::completions::Args),
    /// Write the manual pages.
    #[command(hide = true)]
    Man(commands::completions::ManArgs),
    /// Write a camera's frames to standard output; `run` starts it as a child.
    #[cfg(feature = "camera")]
    #[command(hide = true)]
    Grab(commands::grab::Args),
}

fn main() -> ExitCode {
    commands::start();
    commands::exit_code(match Cli::parse().command {
        Command::Run(args) => commands::run::run(args),
        Command::Detect(args) => commands::detect::run(args),
        Command::Analyze(args) => commands::analyze::run(args),
        Command::Bench(args) => commands::bench::run(args),
        Command::Sources(args) => commands::sources::run(args),
        Command::Export(args) => commands::export::run(args),
        Command::Report(args) => commands::report::run(args),
        Command::Purge(args) => commands::purge::run(args),
        Command::Selftest(args) => commands::selftest::run(args),
        Command::Install(args) => commands::install::run(args),
        Command::Rollback(args) => commands::rollback::run(args),
        Command::Status(args) => commands::status::run(args),
        Command::Trust(args) => commands::trust::run(args),
        Command::Config(args) => commands::config::run(args),
        Command::Simulate(args) => commands::simulate::run(args),
        Command::Off(args) => commands::off::run(args),
        Command::Completions(args) => commands::completions::run(args, Cli::command()),
        Command::Man(args) => commands::completions::man(args, Cli::command()),
        #[cfg(feature = "camera")]
        Command::Grab(args) => commands::grab::run(args),
    })
}
