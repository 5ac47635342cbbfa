//! `mien-device install`: other models, without a restart.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use mien_device::bounded_file;
use mien_device::model_file::signature_path;
use mien_device::update::check::Force;
use mien_device::update::protocol::{Installed, MAX_FILES, Reply, Request};
use mien_device::update::store::{MAX_FILE_BYTES, Stored};
use mien_models::signature::SIGNATURE_BYTES;

use super::control::{self, Place};
use super::open::ConfigArgs;
use super::{Failure, Outcome};

/// Arguments of `mien-device install`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device install expression.postcard         and expression.postcard.sig beside it
  mien-device install expression.postcard yunet.postcard
  mien-device install --dry-run new.postcard      would it be taken?")]
pub struct Args {
    /// Model files with their FILE.sig beside them; all are installed or none
    #[arg(required = true, num_args = 1..=MAX_FILES)]
    files: Vec<PathBuf>,
    /// Install a model although one of its labels has no light
    #[arg(long)]
    force: bool,
    /// Check everything and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let offers: Result<Vec<Stored>, Failure> = args.files.iter().map(|path| read(path)).collect();
    let offers = offers?;
    let place = Place::find()?;
    let (request, bytes) = Request::install(&offers, args.force, args.dry_run);
    let done = match place.ask(&request, &bytes)? {
        Some(reply) => control::expect(reply, |reply| match reply {
            Reply::Installed(installed) => Some(installed),
            _ => None,
        })?,
        None => {
            let config = args.config.load()?;
            place.work(&config, |installer| {
                let force = Force(args.force);
                let candidates = match args.dry_run {
                    true => installer.check(&offers, force)?,
                    false => installer.install(&offers, force, false)?,
                };
                Ok(Installed {
                    models: candidates.into_iter().map(|c| c.entry).collect(),
                    dry_run: args.dry_run,
                    live: false,
                    trial_s: config.updates.trial_s,
                })
            })?
        }
    };
    control::answer(done, args.json, describe)
}

fn read(path: &Path) -> Result<Stored, Failure> {
    let file = bounded_file::read_no_link(path, MAX_FILE_BYTES)
        .with_context(|| path.display().to_string())
        .map_err(Failure::Nothing)?;
    let signature = signature_path(path);
    let signature = match bounded_file::read_no_link(&signature, SIGNATURE_BYTES as u64) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            let error = anyhow!(error).context(signature.display().to_string());
            return Err(Failure::Nothing(error));
        }
    };
    Ok(Stored { file, signature })
}

fn describe(installed: &Installed) -> String {
    let mut text = String::new();
    for model in &installed.models {
        let role = model.kind.role();
        let version = model.version;
        let seconds = installed.trial_s;
        text += &match (installed.dry_run, installed.live) {
            (true, _) => format!("{role}: version {version} would be installed\n"),
            (false, true) => {
                format!("{role}: version {version} runs, on trial for {seconds} s\n")
            }
            (false, false) => format!(
                "{role}: version {version} is installed and runs from the next start on, on trial \
                 for {seconds} s\n"
            ),
        };
    }
    text
}
