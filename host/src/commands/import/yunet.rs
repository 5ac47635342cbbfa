//! `mien import yunet`: a YuNet face detector into a model file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use mien_host::import::yunet;
use mien_host::model_file;
use mien_models::container;

use crate::commands;

/// Arguments of `mien import yunet`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien import yunet yunet_n.onnx --out yunet.postcard
  mien import yunet face_detection_yunet_2023mar.onnx --licence MIT --out yunet.postcard
  mien-device analyze photo.jpg --detector yunet.postcard")]
pub struct Args {
    /// The detector in ONNX, such as yunet_n.onnx of libfacedetection.train.
    onnx: PathBuf,
    /// Where to write the model file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Terms that the weights may be passed on under; the model file carries them along.
    #[arg(long, value_name = "TEXT", default_value = "")]
    licence: String,
    /// Version to give the file; devices take a higher one for newer.
    #[arg(long, value_name = "N", default_value_t = 1)]
    model_version: u64,
}

/// Imports the detector and says what it holds. Nothing is written unless all of it is sound.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let origin = || args.onnx.display().to_string();
    let onnx = yunet::read(&args.onnx).with_context(origin)?;
    let source = args.onnx.file_name().unwrap_or_default().to_string_lossy();
    let detector = yunet::parse(&onnx).with_context(origin)?;
    let model = detector.model(&source, &args.licence);
    let file = container::encode(&model, model.model_id(), args.model_version)?;
    model_file::write(&args.out, &file).with_context(|| args.out.display().to_string())?;
    if args.licence.is_empty() {
        eprintln!(
            "note: ONNX files carry no licence notice; find out on what terms {source} may be passed on, and say so with --licence"
        );
    }
    commands::print(&format!(
        "{}: YuNet face detector, {} parameters, {} bytes\n",
        args.out.display(),
        model.parameters(),
        file.len()
    ))?;
    Ok(ExitCode::SUCCESS)
}
