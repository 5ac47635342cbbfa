//! `mien-device detect`: faces in pictures.

use std::path::PathBuf;
use std::time::Instant;

use mien_device::capture::picture::Color;
use mien_device::report::{Face, FileReport, ReadFile, TimingMs};

use super::Outcome;
use super::open::{self, ConfigArgs, Need, Search, SearchArgs};
use super::photographs::{self, find_faces, milliseconds_since};

/// Arguments of `mien-device detect`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device detect photo.jpg
  mien-device detect photo.jpg --min-size 30 --min-neighbors 3 --json
  mien-device detect group.png --model my-cascade.postcard")]
pub struct Args {
    /// JPEG and PNG files; folders stand for the pictures directly in them, sorted
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Face detector file [default: the configuration's, else the embedded one]
    #[arg(long, visible_alias = "detector", value_name = "FILE")]
    model: Option<PathBuf>,
    /// Print JSON, one entry a file
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let config = args.config.load()?;
    let search = Search::of_photographs();
    let mut detector = open::detector(
        args.model.as_deref(),
        &config,
        &args.search,
        search,
        Need::Any,
    )?;
    photographs::for_each(
        &args.paths,
        Color::Drop,
        args.json,
        |path, picture, decode| {
            let start = Instant::now();
            let detections = match find_faces(&picture, &mut *detector) {
                Ok(detections) => detections,
                Err(error) => return Ok(Err(error)),
            };
            let detect = milliseconds_since(start);
            Ok(Ok(FileReport::Read(ReadFile {
                path: path.display().to_string(),
                width: picture.width,
                height: picture.height,
                faces: detections
                    .iter()
                    .map(|face| Face::found(face, detector.name()))
                    .collect(),
                timing_ms: TimingMs {
                    decode,
                    detect,
                    classify: None,
                },
            })))
        },
    )
}
