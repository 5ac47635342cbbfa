//! `mien sign`: FILE.sig beside FILE.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use mien_host::{inspect, model_file, signing};
use mien_models::SigningKey;
use mien_models::signature::{PublicKey, Signature};

use crate::commands;
use crate::commands::passphrase::PassphraseArgs;

/// Arguments of `mien sign`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien sign --key my.key models/expression.postcard
  MIEN_PASSPHRASE=… mien sign --key my.key *.postcard")]
pub struct Args {
    /// Model files; the signature of FILE goes to FILE.sig.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Private key of `mien keygen`.
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Checks the files as the device does, all of them, then signs them.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    for file in &args.files {
        inspect::inspect(file)?;
    }
    let mut unanswered = None;
    let key = signing::read_private(&args.key, || match args.passphrase.unlock() {
        Ok(passphrase) => passphrase,
        Err(error) => {
            unanswered = Some(error);
            None
        }
    });
    if let Some(error) = unanswered {
        return Err(error);
    }
    let key = key?;
    let id = PublicKey::of(&key).id();
    for file in &args.files {
        let path = sign(&key, file)?;
        commands::print(&format!("{}: signed by key {id}\n", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn sign(key: &SigningKey, path: &Path) -> anyhow::Result<PathBuf> {
    let file = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let signature = Signature::sign(key, &file).with_context(|| path.display().to_string())?;
    let to = signing::signature_path(path);
    model_file::write(&to, &signature.to_bytes())
        .with_context(|| format!("cannot write {}", to.display()))?;
    Ok(to)
}
