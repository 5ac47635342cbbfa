//! `mien-device run`: frames through all stages, live.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, anyhow};
use mien_device::board::{self, Board};
use mien_device::config::{Config, OutputName};
use mien_device::output::Output;
use mien_device::output::guarded::{self, Guarded};
use mien_device::output::palette::Depth;
use mien_device::output::record::Record;
use mien_device::output::terminal::{Look, Terminal};
use mien_device::pipeline::channel::Overflow;
use mien_device::pipeline::{self, Control, Options, PipelineError};
use mien_device::update::check::Loaded;
use mien_device::update::record::Role;
use mien_models::label::Labels;

use super::open::{self, ConfigArgs, Need, Search, SearchArgs};
use super::outputs::{self, OutputArgs};
use super::service;
use super::source::{self, SourceArgs};
use super::updates::{self, Session};
use super::{Failure, Outcome};

/// Arguments of `mien-device run`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device run                                 the demo, until Ctrl-C
  mien-device run --source demo --frames 150
  mien-device run --source camera                 the first USB camera
  mien-device run --source visit.mp4 --record verdicts.ndjson
  ffmpeg -loglevel error -f v4l2 -i /dev/video0 -pix_fmt yuv420p -f yuv4mpegpipe - |
    mien-device run --source -                    a webcam, live")]
pub struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Stop after N frames [default: a folder's pictures once; the demo goes on until Ctrl-C]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
    /// Expression model file [default: the configuration's, else the embedded one]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Face detector file [default: the configuration's, else the embedded one]
    #[arg(long, value_name = "FILE")]
    detector: Option<PathBuf>,
    /// Write every frame's result to FILE, a line of JSON each
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    #[command(flatten)]
    outputs: OutputArgs,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let config = args.config.load()?;
    let search = Search::live();
    let names = args.outputs.names(&config);
    let origin = args.source.origin(config.source.as_deref())?;
    // A pipe keeps its writer waiting, so that nothing is dropped here.
    let is_endless = origin.is_endless() && args.frames.is_none();
    let named = [
        (Role::Expression, args.model.is_some()),
        (Role::Detector, args.detector.is_some()),
    ];
    let named: Vec<Role> = named
        .iter()
        .filter(|(_, is)| *is)
        .map(|(role, _)| *role)
        .collect();
    let rules = updates::rules(
        &config,
        args.search.fill_in(search, &config),
        &named,
        &names,
    )?;
    let mut session = Session::begin(&config, rules, is_endless);
    let mut installed = |role| session.as_mut().and_then(|session| session.model(role));
    let mut detector = match installed(Role::Detector) {
        Some(Loaded::Detector(detector)) => detector,
        _ => open::detector(
            args.detector.as_deref(),
            &config,
            &args.search,
            search,
            Need::Trusted,
        )?,
    };
    let (mut classifier, model_name) = match installed(Role::Expression) {
        Some(Loaded::Expression(classifier, name)) => (*classifier, name),
        _ => open::classifier(args.model.as_deref(), &config, Need::Trusted)?,
    };
    let control = Control {
        stop: stop_on_signal()?,
        ..Control::default()
    };
    let mut source = source::open(&origin, args.frames.is_some(), config.camera, &control.stop)?;
    let mut record = args.record.as_deref().map(|path| {
        let file = File::create(path).with_context(|| format!("--record {}", path.display()))?;
        Ok(Record::new(
            BufWriter::new(file),
            detector.name(),
            classifier.labels(),
        ))
    });
    let mut record = record.take().transpose().map_err(Failure::Usage)?;
    let look = look();
    let title = format!(
        "{} · {model_name}",
        args.source.text(config.source.as_deref())
    );
    let stdout = io::stdout().lock();
    let mut terminal = Terminal::new(stdout, look, &title, classifier.labels(), args.frames);
    let board = board::this();
    let labels = classifier.labels().clone();
    let mut guarded = guarded_outputs(&names, &*board, &config, &labels)?;
    let mut outputs: Vec<&mut dyn Output> = Vec::new();
    if names.contains(&OutputName::Terminal) {
        outputs.push(&mut terminal);
    }
    outputs.extend(guarded.iter_mut().map(|output| output as &mut dyn Output));
    outputs.extend(record.iter_mut().map(|record| record as &mut dyn Output));

    // A live view drops what it cannot keep up with; a run of a known length misses nothing.
    let options = Options {
        frames: args.frames,
        overflow: if is_endless || origin.is_live() {
            Overflow::DropOldest
        } else {
            Overflow::Wait
        },
        real_time: !origin.is_live() && (is_endless || look != Look::Lines),
        tracking: config.tracking,
        smoothing: config.smoothing,
    };
    let mut work = || {
        service::watched(&control, || {
            pipeline::run(
                &mut source,
                &mut *detector,
                &mut classifier,
                &mut outputs,
                &options,
                &control,
            )
        })
    };
    let is_fault = |error: &PipelineError| {
        matches!(error, PipelineError::Detect(_) | PipelineError::Classify(_))
    };
    let totals = match &mut session {
        Some(session) => session.watch(&config.updates, &control, is_fault, work),
        None => work(),
    }
    .map_err(source::failure)?;
    // Before a camera that runs until it is stopped, nobody may have come.
    if totals.faces == 0 && !(is_endless && origin.is_live()) {
        let seen = totals.frames;
        return Err(Failure::Work(anyhow!("no face was found in {seen} frames")));
    }
    Ok(ExitCode::SUCCESS)
}

/// The outputs other than the terminal. One that cannot be opened is left out with a warning, as
/// long as there is another.
fn guarded_outputs<'a>(
    names: &[OutputName],
    board: &'a dyn Board,
    config: &'a Config,
    labels: &Labels,
) -> Result<Vec<Guarded<'a>>, Failure> {
    let mut opened = Vec::new();
    let mut last = None;
    for &name in names.iter().filter(|&&name| name != OutputName::Terminal) {
        let open = move |labels: &Labels| {
            outputs::open(name, board, config, labels).map_err(io::Error::other)
        };
        match Guarded::new(name.name(), Box::new(open), labels, guarded::RETRY) {
            Ok(output) => opened.push(output),
            Err(error) => {
                tracing::warn!("output {name} is left out: {error:#}");
                last = Some(anyhow!(error).context(format!("--output {name}")));
            }
        }
    }
    match last {
        Some(error) if opened.is_empty() && !names.contains(&OutputName::Terminal) => {
            Err(Failure::Nothing(error))
        }
        _ => Ok(opened),
    }
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

/// A flag that Ctrl-C and SIGTERM set; a second one ends the program at once.
fn stop_on_signal() -> Result<Arc<AtomicBool>, Failure> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}
