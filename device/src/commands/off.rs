//! `mien-device off`: every configured light and display dark, also after a kill.

use std::ffi::OsString;

use anyhow::anyhow;
use mien_device::board;
use mien_device::config::OutputName;
use mien_device::update::check::Loaded;
use mien_device::update::record::Role;

use super::open::{self, ConfigArgs, Need, Search};
use super::outputs::{self, OutputArgs};
use super::updates;
use super::{Failure, Outcome};

/// Exit code of a run that a second signal ended.
pub const UNFINISHED: u8 = 1;

/// Arguments of `mien-device off`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    outputs: OutputArgs,
    #[command(flatten)]
    config: ConfigArgs,
    /// Exit code once all is dark: this command may be the end of a run
    #[arg(long, hide = true, default_value_t = 0)]
    exit_code: u8,
}

/// The command line that darkens what a run with these arguments lights, and ends as unfinished.
pub fn arguments(outputs: &OutputArgs, config: &ConfigArgs) -> Vec<OsString> {
    let code = UNFINISHED.to_string().into();
    let mut arguments = vec!["off".into(), "--exit-code".into(), code];
    arguments.extend(outputs.arguments());
    arguments.extend(config.arguments());
    arguments
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let config = args.config.load()?;
    let mut names = args.outputs.names(&config);
    names.retain(|name| !matches!(name, OutputName::Terminal | OutputName::Exec));
    if names.is_empty() {
        return Ok(args.exit_code.into());
    }
    // Labels name the lights; a model that cannot be read must not leave them on.
    let installed = updates::installed(&config, Search::live(), Role::Expression);
    let labels = match (installed, open::classifier(None, &config, Need::Any)) {
        (Some(Loaded::Expression(classifier)), _) => classifier.labels().clone(),
        (_, Ok(classifier)) => classifier.labels().clone(),
        (_, Err(_)) => mien_models::label::Labels::fer2013(),
    };
    let board = board::this();
    let mut failures = Vec::new();
    for name in names {
        // Opening makes it dark, and so does dropping.
        if let Err(error) = outputs::open(name, &*board, &config, &labels, None) {
            failures.push(format!("{name}: {error:#}"));
        }
    }
    if failures.is_empty() {
        return Ok(args.exit_code.into());
    }
    Err(Failure::Work(anyhow!("{}", failures.join("; "))))
}
