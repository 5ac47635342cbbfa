//! `mien-device simulate`: what lights and display would show, without a Pi.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use image::RgbImage;
use mien_device::output::display::DisplayOptions;
use mien_device::output::display::draw::{Mood, Scene};
use mien_device::simulate;
use mien_models::label::Labels;

use super::open::{self, ConfigArgs, Need};
use super::{Failure, Outcome};

/// Panels beside each other on a sheet.
const COLUMNS: u32 = 3;
/// Probability of the expression that is shown; the others share the rest.
const LIKELY: f32 = 0.72;
/// How long a moving picture shows each panel, hundredths of a second.
const PANEL_CENTISECONDS: u16 = 120;
/// What the count says.
const VISITORS: u64 = 42;

/// Arguments of `mien-device simulate`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device simulate                            the configured display, as text
  mien-device simulate --show happy
  mien-device simulate --out panels.png           every expression, with lights
  mien-device simulate --out panels.gif           one after the other, moving")]
pub struct Args {
    /// Write a picture of all panels instead of text (.png, .jpg; .gif shows them in turn)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only this: a label, `nobody`, `unsure` or `no-camera`
    #[arg(long, value_name = "WHAT")]
    show: Option<String>,
    /// Expression model file, whose labels count [default: the configuration's, else the embedded
    /// one]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let config = args.config.load()?;
    let classifier = open::classifier(args.model.as_deref(), &config, Need::Any)?;
    let labels = classifier.labels().clone();
    let moods = moods(&labels, args.show.as_deref())?;
    match args.out {
        Some(path) => {
            let is_gif = path
                .extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("gif"));
            let written = if is_gif {
                write_gif(&path, &config.display, &labels, &moods)
            } else {
                let sheet = sheet(&config.display, &labels, &moods);
                sheet.save(&path).map_err(Into::into)
            };
            written
                .with_context(|| format!("--out {}", path.display()))
                .map_err(Failure::Work)?;
        }
        None => print(&mut io::stdout().lock(), &config.display, &labels, &moods)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn moods<'a>(labels: &'a Labels, wanted: Option<&str>) -> Result<Vec<Mood<'a>>, Failure> {
    let certain = labels.iter().map(|name| (name, Mood::Certain(name)));
    let others = [
        ("unsure", Mood::Uncertain),
        ("nobody", Mood::Nobody),
        ("no-camera", Mood::NoCamera),
    ];
    let all: Vec<_> = certain.chain(others).collect();
    let chosen: Vec<_> = all
        .iter()
        .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name))
        .map(|(_, mood)| *mood)
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
        return Err(Failure::Usage(anyhow!(
            "--show {}: there is {}",
            wanted.unwrap_or_default(),
            names.join(", ")
        )));
    }
    Ok(chosen)
}

/// Label names with plausible probabilities.
fn bars<'a>(labels: &'a Labels, mood: Mood<'_>) -> Vec<(&'a str, f32)> {
    let count = labels.len().max(2) as f32;
    match mood {
        Mood::Nobody | Mood::NoCamera => Vec::new(),
        Mood::Uncertain => labels.iter().map(|name| (name, 1.0 / count)).collect(),
        Mood::Certain(shown) => {
            let rest = (1.0 - LIKELY) / (count - 1.0);
            let share = |name| if name == shown { LIKELY } else { rest };
            labels.iter().map(|name| (name, share(name))).collect()
        }
    }
}

fn print(
    to: &mut impl Write,
    options: &DisplayOptions,
    labels: &Labels,
    moods: &[Mood<'_>],
) -> io::Result<()> {
    let (width, height) = (options.width_px.into(), options.height_px.into());
    for &mood in moods {
        let scene = Scene {
            mood,
            bars: &bars(labels, mood),
            visitors: VISITORS,
        };
        let picture = simulate::display(options, &scene);
        writeln!(to, "{}", "─".repeat(width))?;
        write!(to, "{}", simulate::as_text(&picture, width, height))?;
    }
    writeln!(to, "{}", "─".repeat(options.width_px.into()))
}

/// A panel after the other, for ever.
fn write_gif(
    path: &Path,
    options: &DisplayOptions,
    labels: &Labels,
    moods: &[Mood<'_>],
) -> anyhow::Result<()> {
    let [width, height] = simulate::panel_size(options, labels).map(|side| side as u16);
    let file = BufWriter::new(File::create(path)?);
    let mut encoder = gif::Encoder::new(file, width, height, &[])?;
    encoder.set_repeat(gif::Repeat::Infinite)?;
    for &mood in moods {
        let panel = sheet(options, labels, &[mood]);
        let mut frame = gif::Frame::from_rgb(width, height, panel.as_raw());
        frame.delay = PANEL_CENTISECONDS;
        encoder.write_frame(&frame)?;
    }
    encoder.into_inner()?.flush()?;
    Ok(())
}

fn sheet(options: &DisplayOptions, labels: &Labels, moods: &[Mood<'_>]) -> RgbImage {
    let [width, height] = simulate::panel_size(options, labels);
    let columns = COLUMNS.min(moods.len() as u32);
    let rows = (moods.len() as u32).div_ceil(columns);
    let size = [columns * width, rows * height];
    let mut sheet = RgbImage::from_pixel(size[0], size[1], simulate::BACKGROUND);
    for (index, &mood) in (0..).zip(moods) {
        let scene = Scene {
            mood,
            bars: &bars(labels, mood),
            visitors: VISITORS,
        };
        let corner = [index % columns * width, index / columns * height];
        simulate::panel(&mut sheet, corner, options, labels, &scene);
    }
    sheet
}
