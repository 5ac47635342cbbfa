//! The host program `mien`: parses the command line and hands over to the command.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Freed activations stay with the process: glibc gives each back to the kernel and faults it in
/// again, a fifth of a training step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Train a network.
    Train(commands::train::Args),
    /// Write teachers' logits for distillation.
    Teach(commands::teach::Args),
    /// Show what can be had without a network: histograms of gradients and logistic regression.
    Baseline(commands::baseline::Args),
    /// Pack a trained network into one int8 model file.
    Quantize(commands::quantize::Args),
    /// Keep some of a model's training as features, for `mien adapt`.
    Replay(commands::replay::Args),
    /// Fit a model's last layer to pictures of your own.
    Adapt(commands::adapt::Args),
    /// Judge a packed model with the device's inference code.
    Evaluate(commands::evaluate::Args),
    /// Compare two packed models on the same pictures.
    Compare(commands::compare::Args),
    /// Show what a model file holds.
    Inspect(commands::inspect::Args),
    /// Make a key to sign models with.
    Keygen(commands::keygen::Args),
    /// Sign model files.
    Sign(commands::sign::Args),
    /// Check the signatures of model files.
    Verify(commands::verify::Args),
    /// Send models to devices.
    Flash(commands::flash::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Data(args) => commands::data::run(args),
        Command::Import(args) => commands::import::run(args),
        Command::Train(args) => commands::train::run(args),
        Command::Teach(args) => commands::teach::run(args),
        Command::Baseline(args) => commands::baseline::run(args),
        Command::Quantize(args) => commands::quantize::run(args),
        Command::Replay(args) => commands::replay::run(args),
        Command::Adapt(args) => commands::adapt::run(args),
        Command::Evaluate(args) => commands::evaluate::run(args),
        Command::Compare(args) => commands::compare::run(args),
        Command::Inspect(args) => commands::inspect::run(args),
        Command::Keygen(args) => commands::keygen::run(args),
        Command::Sign(args) => commands::sign::run(args),
        Command::Verify(args) => commands::verify::run(args),
        Command::Flash(args) => commands::flash::run(args),
    };
    commands::exit_code(result)
}
