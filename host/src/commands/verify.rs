//! `mien verify`: is FILE signed by this key?

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use mien_host::signing;
use mien_models::signature;

use crate::commands;

/// Arguments of `mien verify`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien verify --key my.key.pub models/expression.postcard")]
pub struct Args {
    /// Model files, each with its FILE.sig beside it.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Public key of `mien keygen`.
    #[arg(long, value_name = "KEY.pub")]
    key: PathBuf,
}

/// Checks every signature; the first that does not hold is the error.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let key = signing::read_public(&args.key)?;
    for path in &args.files {
        let read = |path: &PathBuf| {
            fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let signature = read(&signing::signature_path(path))?;
        let signer = signature::verify(&read(path)?, &signature, &[key])
            .with_context(|| path.display().to_string())?;
        commands::print(&format!("{}: signed by key {signer}\n", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
