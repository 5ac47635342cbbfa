//! `mien-device run`: frames through all stages, live.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, anyhow};
use mien_device::config::OutputName;
use mien_device::counter::Counter;
use mien_device::output::Output;
use mien_device::output::events::Events;
use mien_device::output::palette::Depth;
use mien_device::output::record::Record;
use mien_device::output::terminal::{Look, Terminal};
use mien_device::pipeline::channel::Overflow;
use mien_device::pipeline::exchange::Models;
use mien_device::pipeline::run::Run;
use mien_device::pipeline::{Control, Options, PipelineError};

use super::network::{self, Network};
use super::open::{ConfigArgs, SearchArgs};
use super::outputs::OutputArgs;
use super::parts::{self, Parts};
use super::source::{self, SourceArgs};
use super::updates::Session;
use super::{Failure, Outcome, counting, log, off, service, signals};

/// Arguments of `mien-device run`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device run                                 the demo, until Ctrl-C
  mien-device run --source demo --frames 150
  mien-device run --source camera                 the first USB camera
  mien-device run --kiosk                         a page at http://127.0.0.1:8080/, and count
  mien-device run --source visit.mp4 --record verdicts.ndjson
  ffmpeg -loglevel error -f v4l2 -i /dev/video0 -pix_fmt yuv420p -f yuv4mpegpipe - |
    mien-device run --source -                    a webcam, live")]
pub struct Args {
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// Stop after N frames [default: a folder's pictures once; the demo goes on until Ctrl-C]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) frames: Option<u64>,
    /// Expression model file [default: the configuration's, else the embedded one]
    #[arg(long, value_name = "FILE")]
    pub(super) model: Option<PathBuf>,
    /// Face detector file [default: the configuration's, else the embedded one]
    #[arg(long, value_name = "FILE")]
    pub(super) detector: Option<PathBuf>,
    /// Write every frame's result to FILE, a line of JSON each
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Append a line of JSON to FILE for whoever comes, changes expression or goes
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Show a page for a screen, where the configuration's `[kiosk]` says, and count visits
    #[arg(long)]
    kiosk: bool,
    /// Count visits, as the configuration's `[counter] enabled = true` does
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    pub(super) outputs: OutputArgs,
    #[command(flatten)]
    pub(super) search: SearchArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let config = args.config.load()?;
    log::set_level(config.log_level);
    let control = Control {
        stop: signals::stop(off::arguments(&args.outputs, &args.config))?,
        pause: signals::pause()?,
        ..Control::default()
    };
    let is_service = parts::is_service(&args, &config)?;
    let rules = parts::rules(&args, &config)?;
    let mut session = Session::begin(&config, rules, is_service);
    let mut parts = Parts::open(&args, config, session.as_mut(), &control.stop)?;
    let labels = parts.classifier.labels().clone();
    // A page without numbers is half a page.
    let mut counter = counting::start(args.count || args.kiosk, &parts.config, &labels)?;
    let today = counter.as_ref().map(Counter::today);
    parts.open_outputs(&args, today.clone())?;
    let about = network::Run {
        models: Models::of(&parts.classifier, parts.detector.name()),
        today,
        updates: session.as_ref().map(Session::latest).unwrap_or_default(),
    };
    let mut network = Network::start(&parts.config, args.kiosk, about)?;
    let mut record = open_record(&args, &parts)?;
    let mut events = open_events(&args, &parts)?;
    let look = look();
    let source_name = args.source.text(parts.config.source.as_deref());
    let title = format!("{source_name} · {}", parts.classifier.card().name);
    let mut terminal = Terminal::new(io::stdout().lock(), look, &title, &labels, args.frames);

    let updates = parts.config.updates.clone();
    let options_now = options(&args, &parts, look);
    let mut run = Run::new(options_now, &parts.classifier, &*parts.detector);
    let mut go_on = || {
        loop {
            let mut outputs: Vec<&mut dyn Output> = Vec::new();
            // First: it never waits, and the others may.
            outputs.extend(network.output());
            if args
                .outputs
                .names(&parts.config)
                .contains(&OutputName::Terminal)
            {
                outputs.push(&mut terminal);
            }
            outputs.extend(parts.outputs.iter_mut().map(|(_, o)| o as &mut dyn Output));
            outputs.extend(record.iter_mut().map(|record| record as &mut dyn Output));
            outputs.extend(events.iter_mut().map(|events| events as &mut dyn Output));
            outputs.extend(counter.iter_mut().map(|counter| counter as &mut dyn Output));
            run.go(
                &mut *parts.source,
                &mut *parts.detector,
                &mut parts.classifier,
                &mut outputs,
                &control,
            )?;
            let is_paused = control.pause.swap(false, Ordering::Relaxed);
            if control.stop.load(Ordering::Relaxed) || !is_paused {
                return run.finish(&mut outputs, &control);
            }
            drop(outputs);
            service::reloading(|| reload(&args, &mut parts, &mut run, look, &control));
            network.set_settings(&parts.config);
        }
    };
    let mut work = || service::watched(&control, &mut go_on);
    let totals = match &mut session {
        Some(session) => session.watch(&updates, &control, is_fault, work),
        None => work(),
    }
    .map_err(source::failure)?;
    // Before a camera that runs until it is stopped, nobody may have come.
    let origin = &parts.origin;
    let is_endless = origin.is_endless() && args.frames.is_none();
    if totals.faces == 0 && !(is_endless && origin.is_live()) {
        let seen = totals.frames;
        return Err(Failure::Work(anyhow!("no face was found in {seen} frames")));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the configuration again and changes what it concerns; one that cannot be used changes
/// nothing.
fn reload(args: &Args, parts: &mut Parts, run: &mut Run, look: Look, control: &Control) {
    let config = match args.config.load() {
        Ok(config) => config,
        Err(failure) => {
            let error = failure.into_error();
            tracing::error!("everything stays as it was: {error:#}");
            return;
        }
    };
    log::set_level(config.log_level);
    let changed = parts.change(args, config, &control.stop);
    run.set_options(options(args, parts, look));
    if changed.source {
        run.forget_source();
    }
    if changed.detector {
        run.forget_detector();
    }
    if changed.classifier {
        run.set_temperature(&parts.classifier);
    }
    tracing::info!("the configuration was read again");
}

/// Errors for which a model may be to blame.
fn is_fault(error: &PipelineError) -> bool {
    matches!(error, PipelineError::Detect(_) | PipelineError::Classify(_))
}

/// A live view drops what it cannot keep up with; a run of a known length misses nothing.
fn options(args: &Args, parts: &Parts, look: Look) -> Options {
    let origin = &parts.origin;
    // A pipe keeps its writer waiting, so that nothing is dropped here.
    let is_endless = origin.is_endless() && args.frames.is_none();
    Options {
        frames: args.frames,
        overflow: if is_endless || origin.is_live() {
            Overflow::DropOldest
        } else {
            Overflow::Wait
        },
        real_time: !origin.is_live() && (is_endless || look != Look::Lines),
        tracking: parts.config.tracking,
        smoothing: parts.config.smoothing,
        shedding: parts.config.shedding,
    }
}

fn open_record(args: &Args, parts: &Parts) -> Result<Option<Record<BufWriter<File>>>, Failure> {
    let Some(path) = args.record.as_deref() else {
        return Ok(None);
    };
    let file = File::create(path)
        .with_context(|| format!("--record {}", path.display()))
        .map_err(Failure::Usage)?;
    let labels = parts.classifier.labels();
    let record = Record::new(BufWriter::new(file), parts.detector.name(), labels);
    Ok(Some(record))
}

fn open_events(args: &Args, parts: &Parts) -> Result<Option<Events<BufWriter<File>>>, Failure> {
    let Some(path) = args.events.as_deref() else {
        return Ok(None);
    };
    let file = File::options()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("--events {}", path.display()))
        .map_err(Failure::Usage)?;
    Ok(Some(Events::new(
        BufWriter::new(file),
        parts.classifier.labels(),
    )))
}

/// A panel on a terminal with colours, lines elsewhere (`NO_COLOR`, `TERM=dumb`, pipes).
fn look() -> Look {
    let choice = anstream::AutoStream::choice(&io::stdout());
    if io::stdout().is_terminal() && choice != anstream::ColorChoice::Never {
        Look::Panel(Depth::from_environment())
    } else {
        Look::Lines
    }
}
