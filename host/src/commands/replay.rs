//! `mien replay`: a model's training pictures to a small set of features.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use mien_host::progress::Progress;
use mien_host::{model_file, replay};

use crate::commands;
use crate::commands::data_args::DataArgs;

/// Keep some of a model's training as features, for `mien adapt`.
#[derive(clap::Args)]
#[command(after_help = "\
The set goes with this one model: its file has the model's id, and `mien adapt` takes no other. It
holds no pictures.

Examples:
  mien replay --model models/expression.postcard --data fer2013.csv
  mien replay --model my.postcard --data faces/ --out my.replay.postcard")]
pub struct Args {
    /// A packed expression model.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// The file to write [default: beside the model, NAME.replay.postcard for NAME.postcard].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Seed of the choice of pictures.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Where the replay set of a model is looked for.
pub fn beside(model: &Path) -> PathBuf {
    model.with_extension("replay.postcard")
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let shown = args.model.display();
    let file = std::fs::read(&args.model).with_context(|| format!("cannot read {shown}"))?;
    let data = args.data.open(Progress::auto())?;
    let name = args.data.path().file_name();
    let name = name
        .unwrap_or(args.data.path().as_os_str())
        .to_string_lossy();
    let source = format!("{name}, Training, seed {}", args.seed);
    let made = replay::make(&file, &data, &source, args.seed, Progress::auto())
        .with_context(|| format!("no replay set of {shown}"))?;
    let out = args.out.unwrap_or_else(|| beside(&args.model));
    model_file::write(&out, &made.file)
        .with_context(|| format!("cannot write {}", out.display()))?;
    commands::print(&format!(
        "{}: {} bytes, {} rows to fit to, {} to judge by; int8 keeps {:.2}% of the verdicts\n",
        out.display(),
        made.file.len(),
        made.fitted,
        made.held_out,
        100.0 * made.verdicts_kept
    ))?;
    Ok(ExitCode::SUCCESS)
}
