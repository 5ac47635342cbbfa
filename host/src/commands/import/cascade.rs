//! `mien import cascade`: an OpenCV cascade into a model file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use mien_host::import::cascade;
use mien_host::model_file;
use mien_models::cascade::{CascadeModel, Ensemble};
use mien_models::container;

use crate::commands;

/// Arguments of `mien import cascade`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien import cascade haarcascade_frontalface_default.xml --out models/frontalface.postcard")]
pub struct Args {
    /// OpenCV's XML file, such as haarcascade_frontalface_default.xml (Debian's package
    /// opencv-data and the opencv-python wheel have it).
    xml: PathBuf,
    /// Where to write the model file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Version to give the file; devices take a higher one for newer.
    #[arg(long, value_name = "N", default_value_t = 1)]
    model_version: u64,
}

/// Imports the cascade and says what it holds. Nothing is written unless all of it is sound.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let xml = cascade::read(&args.xml).with_context(|| args.xml.display().to_string())?;
    let source = args.xml.file_name().unwrap_or_default().to_string_lossy();
    let model = cascade::parse(&xml, &source).with_context(|| args.xml.display().to_string())?;
    let file = container::encode(&model, model.model_id(), args.model_version)?;
    model_file::write(&args.out, &file).with_context(|| args.out.display().to_string())?;
    if !model.licence.to_ascii_lowercase().contains("licen") {
        eprintln!(
            "note: {source} carries no licence notice; find out on what terms it may be passed on"
        );
    }
    commands::print(&format!(
        "{}: {}, {} bytes\n",
        args.out.display(),
        describe(&model),
        file.len()
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn describe(model: &CascadeModel<'_>) -> String {
    let (kind, features, stages, trees) = match &model.ensemble {
        Ensemble::Haar(boosted) => (
            "Haar",
            boosted.features.len(),
            boosted.stages.len(),
            boosted.trees(),
        ),
        Ensemble::Lbp(boosted) => (
            "LBP",
            boosted.features.len(),
            boosted.stages.len(),
            boosted.trees(),
        ),
    };
    format!(
        "{kind} cascade, {}x{} window, {stages} stages, {trees} trees, {features} features",
        model.window_width, model.window_height
    )
}
