//! `mien-device bench`: how long each stage takes on this machine.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use mien_device::bench::machine::{self, Machine};
use mien_device::bench::{self, BenchError, FRAMES, Options, Pass, Timing};
use mien_device::progress::Progress;
use serde::Serialize;

use super::open::{self, ConfigArgs, Need, Search, SearchArgs};
use super::source::{self, Origin, SourceArgs};
use super::{Failure, Outcome, print_json};

/// Arguments of `mien-device bench`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device bench                               the demo, 300 frames
  mien-device bench --detector my-yunet.postcard --json
  mien-device bench --source pictures/ --frames 100")]
pub struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Frames to time, in each of the two passes; a folder's pictures are repeated
    #[arg(long, value_name = "N", default_value_t = 300,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    frames: u64,
    /// Frames before those, not timed
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    warmup: u64,
    /// Expression model file [default: the configuration's, else the embedded one]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Face detector file [default: the configuration's, else the embedded one]
    #[arg(long, value_name = "FILE")]
    detector: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// What was measured, where and with what.
#[derive(Serialize)]
struct Report {
    version: &'static str,
    machine: Machine,
    source: String,
    detector: String,
    model: String,
    warmup_frames: u64,
    one_thread: Pass,
    all_threads: Pass,
    peak_memory_bytes: Option<u64>,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let config = args.config.load()?;
    let origin = args.source.origin(config.source.as_deref())?;
    if origin == Origin::Pipe {
        return Err(Failure::Usage(anyhow!(
            "--source -: every frame is needed twice (hint: `ffmpeg … frames/%05d.png`, then \
             `--source frames`)"
        )));
    }
    let search = Search::live();
    let mut detector = open::detector(
        args.detector.as_deref(),
        &config,
        &args.search,
        search,
        Need::Any,
    )?;
    let mut classifier = open::classifier(args.model.as_deref(), &config, Need::Any)?;
    let options = Options {
        frames: args.frames,
        warmup_frames: args.warmup,
        tracking: config.tracking,
        smoothing: config.smoothing,
    };
    let progress = if args.json {
        Progress::Silent
    } else {
        Progress::auto()
    };
    let all_frames = args.frames + args.warmup;

    let task = progress.start("one thread", all_frames, FRAMES);
    let mut frames = source::open(&origin, true, config.camera, &Arc::default())?;
    let one_thread = bench::one_thread(
        &mut frames,
        &mut *detector,
        &mut classifier,
        &options,
        &task,
    )
    .map_err(failure)?;
    task.finish();

    let task = progress.start("all threads", all_frames, FRAMES);
    let mut frames = source::open(&origin, true, config.camera, &Arc::default())?;
    let all_threads = bench::all_threads(
        &mut frames,
        &mut *detector,
        &mut classifier,
        &options,
        &task,
    )
    .map_err(failure)?;
    task.finish();

    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        machine: Machine::this(),
        source: args.source.text(config.source.as_deref()).to_owned(),
        detector: detector.name().to_owned(),
        model: classifier.card().name.clone(),
        warmup_frames: args.warmup,
        one_thread,
        all_threads,
        peak_memory_bytes: machine::peak_memory_bytes(),
    };
    let mut stdout = io::stdout().lock();
    if args.json {
        print_json(&mut stdout, &report)?;
    } else {
        print(&mut stdout, &report)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn failure(error: BenchError) -> Failure {
    match error {
        BenchError::Pipeline(error) => source::failure(error),
        error @ BenchError::TooShort { .. } => Failure::Nothing(error.into()),
    }
}

/// The table for people.
fn print(to: &mut impl Write, report: &Report) -> io::Result<()> {
    let Machine {
        name,
        architecture,
        threads,
    } = &report.machine;
    writeln!(to, "{name}, {architecture}, {threads} hardware threads")?;
    let (source, detector, model) = (&report.source, &report.detector, &report.model);
    writeln!(to, "source {source}, detector {detector}, model {model}")?;
    for (title, pass) in [
        ("one thread", &report.one_thread),
        ("all threads", &report.all_threads),
    ] {
        print_pass(to, title, pass)?;
    }
    match report.peak_memory_bytes {
        Some(bytes) => writeln!(
            to,
            "\npeak memory {:.1} MiB",
            bytes as f64 / f64::from(1 << 20)
        ),
        None => writeln!(to, "\npeak memory unknown on this system"),
    }
}

fn print_pass(to: &mut impl Write, title: &str, pass: &Pass) -> io::Result<()> {
    writeln!(
        to,
        "\n{title}: {:.1} frames/s ({} frames, {} faces)",
        pass.frames_per_s, pass.frames, pass.faces
    )?;
    writeln!(
        to,
        "  {:<10}{:>12}{:>12}{:>8}",
        "stage", "median ms", "99% ms", "runs"
    )?;
    let stages = &pass.stages;
    let rows = [
        ("capture", stages.capture),
        ("detect", stages.detect),
        ("track", stages.track),
        ("classify", stages.classify),
        ("smooth", stages.smooth),
        ("frame", Some(pass.frame)),
    ];
    for (name, timing) in rows {
        match timing {
            Some(Timing {
                runs,
                median_ms,
                p99_ms,
            }) => writeln!(to, "  {name:<10}{median_ms:>12.3}{p99_ms:>12.3}{runs:>8}")?,
            None => writeln!(to, "  {name:<10}{:>12}{:>12}{:>8}", "-", "-", 0)?,
        }
    }
    Ok(())
}
