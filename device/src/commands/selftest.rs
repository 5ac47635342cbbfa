//! `mien-device selftest`: is this device fit for service?

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};
use mien_device::board;
use mien_device::classify::Classifier;
use mien_device::config::{Config, OutputName};
use mien_device::counter::DATABASE;
use mien_device::detect::Detector;
use mien_device::selftest::{self, Check, State, machine};
use mien_device::state;
use mien_device::update::check::Loaded;
use mien_device::update::record::Role;
use mien_models::label::Labels;
use serde::Serialize;

use super::open::{self, ConfigArgs, Need, Search, SearchArgs};
use super::outputs::{self, OutputArgs};
use super::source::{self, SourceArgs};
use super::updates;
use super::{Failure, Outcome, print_json};

/// How long each light is on, so that one can watch.
const LIGHT: Duration = Duration::from_millis(300);

/// Arguments of `mien-device selftest`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device selftest                            with the configured source and outputs
  mien-device selftest --source camera --output led,display
  mien-device selftest --json")]
pub struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    outputs: OutputArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Serialize)]
struct Report {
    /// Whether nothing failed.
    ok: bool,
    checks: Vec<Check>,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let config = args.config.load()?;
    let mut checks = Vec::new();
    let labels = check_models(&args, &config, &mut checks);
    check_source(&args, &config, &mut checks)?;
    check_outputs(&args, &config, &labels, &mut checks);
    let folder = state::folder(|name| std::env::var_os(name));
    checks.push(machine::disk(folder.as_deref()));
    if let Some(folder) = folder.filter(|_| config.counter.enabled) {
        checks.push(machine::counts(&folder.join(DATABASE)));
    }
    checks.push(machine::clock(SystemTime::now(), Path::new("/run")));
    checks.push(machine::temperature(Path::new("/sys")));
    checks.push(machine::throttling(Path::new("/sys")));

    let ok = checks.iter().all(|check| check.state != State::Failed);
    let report = Report { ok, checks };
    let mut stdout = anstream::stdout().lock();
    if args.json {
        print_json(&mut stdout, &report)?;
    } else {
        print(&mut stdout, &report)?;
    }
    Ok(if ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// Model and detector, together and apart; returns the labels.
fn check_models(args: &Args, config: &Config, checks: &mut Vec<Check>) -> Labels {
    let failed = |name: &str, failure: Failure| {
        let detail = format!("{:#}", failure.into_error());
        Check::new(name, State::Failed, detail, "")
    };
    let (classifier, detector) = models(args, config);
    match (classifier, detector) {
        (Ok(mut classifier), Ok(mut detector)) => {
            let labels = classifier.labels().clone();
            let name = &classifier.card().name;
            let detail = format!("{name}: {} labels, golden values agree", labels.len());
            checks.push(Check::new("model", State::Ok, detail, ""));
            checks.push(selftest::faces(&mut *detector, &mut classifier));
            labels
        }
        (classifier, detector) => {
            checks.extend(classifier.err().map(|failure| failed("model", failure)));
            checks.extend(detector.err().map(|failure| failed("detector", failure)));
            Labels::fer2013()
        }
    }
}

/// What `run` would run.
fn models(
    args: &Args,
    config: &Config,
) -> (
    Result<Classifier, Failure>,
    Result<Box<dyn Detector + Send>, Failure>,
) {
    let search = args.search.fill_in(Search::live(), config);
    let installed = |role| updates::installed(config, search, role);
    let classifier = match installed(Role::Expression) {
        Some(Loaded::Expression(classifier)) => Ok(*classifier),
        _ => open::classifier(None, config, Need::Trusted),
    };
    let detector = match installed(Role::Detector) {
        Some(Loaded::Detector(detector)) => Ok(detector),
        _ => open::detector(None, config, &args.search, Search::live(), Need::Trusted),
    };
    (classifier, detector)
}

fn check_source(args: &Args, config: &Config, checks: &mut Vec<Check>) -> Result<(), Failure> {
    let origin = args.source.origin(config.source.as_deref())?;
    let what = args.source.text(config.source.as_deref());
    checks.push(
        match source::open(&origin, false, config.camera, &Arc::default()) {
            Ok(mut opened) => selftest::source(what, &mut *opened, config.camera.patience().start),
            Err(failure) => {
                let detail = format!("{:#}", failure.into_error());
                Check::new(
                    "source",
                    State::Failed,
                    detail,
                    "`mien-device sources` lists cameras",
                )
            }
        },
    );
    Ok(())
}

/// Each output in turn shows each expression.
fn check_outputs(args: &Args, config: &Config, labels: &Labels, checks: &mut Vec<Check>) {
    let board = board::this();
    for name in args.outputs.names(config) {
        if name == OutputName::Terminal {
            continue;
        }
        let opened = outputs::open(name, &*board, config, labels, None);
        let shown = opened.and_then(|mut output| {
            // A program need not learn of expressions that nobody has shown.
            if name != OutputName::Exec {
                for index in 0..labels.len() {
                    output.show(&selftest::example(labels, index))?;
                    thread::sleep(LIGHT);
                }
            }
            Ok(())
        });
        let what = format!("output {name}");
        checks.push(match shown {
            Ok(()) if name == OutputName::Exec => Check::new(&what, State::Ok, "configured", ""),
            Ok(()) => Check::new(&what, State::Ok, "every expression was shown", ""),
            Err(error) => Check::new(&what, State::Failed, format!("{error:#}"), ""),
        });
    }
}

fn print(to: &mut impl Write, report: &Report) -> io::Result<()> {
    for check in &report.checks {
        let (word, style): (&str, Style) = match check.state {
            State::Ok => ("ok", AnsiColor::Green.on_default()),
            State::Warning => ("warning", AnsiColor::Yellow.on_default()),
            State::Failed => ("FAILED", AnsiColor::Red.on_default().bold()),
            State::Unknown => ("unknown", Style::new().dimmed()),
        };
        writeln!(
            to,
            "{style}{word:<8}{style:#} {:<16} {}",
            check.name, check.detail
        )?;
        if !check.hint.is_empty() {
            writeln!(to, "{:<26}hint: {}", "", check.hint)?;
        }
    }
    Ok(())
}
