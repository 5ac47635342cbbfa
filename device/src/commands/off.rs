//! `mien-device off`: every configured light and display dark, also after a kill.

use std::process::ExitCode;

use anyhow::anyhow;
use mien_device::board;
use mien_device::config::OutputName;
use mien_device::update::check::Loaded;
use mien_device::update::record::Role;

use super::open::{self, ConfigArgs, Need, Search};
use super::outputs::{self, OutputArgs};
use super::updates;
use super::{Failure, Outcome};

/// Arguments of `mien-device off`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    outputs: OutputArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let config = args.config.load()?;
    // Labels name the lights; a model that cannot be read must not leave them on.
    let installed = updates::installed(&config, Search::live(), Role::Expression);
    let labels = match (installed, open::classifier(None, &config, Need::Any)) {
        (Some(Loaded::Expression(classifier, _)), _) => classifier.labels().clone(),
        (_, Ok((classifier, _))) => classifier.labels().clone(),
        (_, Err(_)) => mien_models::label::Labels::fer2013(),
    };
    let board = board::this();
    let mut failures = Vec::new();
    for name in args.outputs.names(&config) {
        if matches!(name, OutputName::Terminal | OutputName::Exec) {
            continue;
        }
        // Opening makes it dark, and so does dropping.
        if let Err(error) = outputs::open(name, &*board, &config, &labels, None) {
            failures.push(format!("{name}: {error:#}"));
        }
    }
    if failures.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Work(anyhow!("{}", failures.join("; "))))
}
