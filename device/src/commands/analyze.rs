//! `mien-device analyze`: faces in pictures and their expressions.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{fs, io};

use anyhow::{Context, anyhow};
use image::RgbImage;
use mien_device::annotate::annotate;
use mien_device::capture::picture::{Color, Picture, PictureError, PictureErrorKind};
use mien_device::classify::Classifier;
use mien_device::detect::Detector;
use mien_device::detect::crop::crop_for;
use mien_device::report::{Face, FileReport, ReadFile, TimingMs};

use super::open::{self, ConfigArgs, Need, Search, SearchArgs};
use super::photographs::{self, find_faces, milliseconds_since, view};
use super::{Failure, Outcome};

/// Arguments of `mien-device analyze`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device analyze photo.jpg
  mien-device analyze holiday/ --annotate annotated/    pictures with boxes and bars
  mien-device analyze *.jpg --json > faces.json")]
pub struct Args {
    /// JPEG and PNG files; folders stand for the pictures directly in them, sorted
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Expression model file [default: the configuration's, else the embedded one]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Face detector file [default: the configuration's, else the embedded one]
    #[arg(long, value_name = "FILE")]
    detector: Option<PathBuf>,
    /// Print JSON, one entry a file
    #[arg(long)]
    json: bool,
    /// Write the pictures with boxes, labels and probabilities: to the file OUT (.png or .jpg)
    /// for one picture, as PNG into the folder OUT for several
    #[arg(long, value_name = "OUT")]
    annotate: Option<PathBuf>,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let config = args.config.load()?;
    let mut annotations = args
        .annotate
        .as_deref()
        .map(|out| Annotations::new(out, &args.paths))
        .transpose()?;
    let search = Search::of_photographs();
    let mut detector = open::detector(
        args.detector.as_deref(),
        &config,
        &args.search,
        search,
        Need::Any,
    )?;
    let mut classifier = open::classifier(args.model.as_deref(), &config, Need::Any)?;
    let color = if annotations.is_some() {
        Color::Keep
    } else {
        Color::Drop
    };
    photographs::for_each(&args.paths, color, args.json, |path, picture, decode| {
        let report = match analyze(path, &picture, decode, &mut *detector, &mut classifier) {
            Ok(report) => report,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(annotations) = &mut annotations {
            annotations.write(path, picture, &report.faces)?;
        }
        Ok(Ok(FileReport::Read(report)))
    })
}

fn analyze(
    path: &Path,
    picture: &Picture,
    decode: f64,
    detector: &mut dyn Detector,
    classifier: &mut Classifier,
) -> Result<ReadFile, PictureError> {
    let start = Instant::now();
    let detections = find_faces(picture, detector)?;
    let detect = milliseconds_since(start);

    let start = Instant::now();
    let view = view(picture)?;
    let faces = detections
        .iter()
        .map(|detection| {
            let crop = crop_for(detection, detector.name());
            let verdict = classifier.classify(&view, &crop).map_err(|error| {
                PictureError::new(PictureErrorKind::Unsupported, error.to_string())
            })?;
            Ok(Face::judged(
                detection,
                detector.name(),
                &verdict,
                classifier.labels(),
            ))
        })
        .collect::<Result<_, PictureError>>()?;
    Ok(ReadFile {
        path: path.display().to_string(),
        width: picture.width,
        height: picture.height,
        faces,
        timing_ms: TimingMs {
            decode,
            detect,
            classify: Some(milliseconds_since(start)),
        },
    })
}

/// Where annotated pictures go.
struct Annotations {
    out: PathBuf,
    is_folder: bool,
    inputs: HashSet<PathBuf>,
    used: HashSet<OsString>,
}

impl Annotations {
    /// `out` is a file if the arguments name a single picture and it is not a folder already.
    fn new(out: &Path, paths: &[PathBuf]) -> Result<Self, Failure> {
        let is_single = paths.len() == 1 && !paths[0].is_dir();
        let is_folder = out.is_dir() || !is_single;
        let has_known_extension = ["png", "jpg", "jpeg"].iter().any(|known| {
            out.extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case(known))
        });
        if !is_folder && !has_known_extension {
            let message = "--annotate: a picture's name ends in .png or .jpg";
            return Err(Failure::Usage(anyhow!(
                "{message}; {} does not",
                out.display()
            )));
        }
        if is_folder {
            fs::create_dir_all(out)
                .with_context(|| format!("--annotate: folder {}", out.display()))
                .map_err(Failure::Usage)?;
        }
        Ok(Self {
            out: out.to_owned(),
            is_folder,
            inputs: HashSet::new(),
            used: HashSet::new(),
        })
    }

    fn write(&mut self, path: &Path, picture: Picture, faces: &[Face]) -> io::Result<()> {
        let target = self.target(path);
        self.inputs.extend(path.canonicalize());
        if target
            .canonicalize()
            .is_ok_and(|target| self.inputs.contains(&target))
        {
            let message = format!("{} is an input and is not overwritten", target.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        let Picture {
            width, height, rgb, ..
        } = picture;
        let mut canvas = RgbImage::from_raw(width, height, rgb.unwrap_or_default())
            .ok_or_else(|| io::Error::other("the picture was read without its colours"))?;
        annotate(&mut canvas, faces).map_err(io::Error::other)?;
        canvas.save(&target).map_err(|error| {
            let kind = match &error {
                image::ImageError::IoError(error) => error.kind(),
                _ => io::ErrorKind::Other,
            };
            io::Error::new(kind, format!("{}: {error}", target.display()))
        })
    }

    /// `a.jpg` becomes `OUT/a.png`, a second `a.jpg` from elsewhere `OUT/a-2.png`.
    fn target(&mut self, path: &Path) -> PathBuf {
        if !self.is_folder {
            return self.out.clone();
        }
        let stem = path.file_stem().unwrap_or(path.as_os_str());
        let mut name = stem.to_owned();
        name.push(".png");
        let mut number = 2;
        while !self.used.insert(name.clone()) {
            name = stem.to_owned();
            name.push(format!("-{number}.png"));
            number += 1;
        }
        self.out.join(name)
    }
}
