//! `mien baseline`: what can be had without a network.

use std::path::PathBuf;
use std::process::ExitCode;

use mien_host::baseline::{BaselineReport, baseline};
use mien_host::dataset::hygiene::Hygiene;
use mien_host::plot;
use mien_host::progress::Progress;

use crate::commands;
use crate::commands::data_args::DataArgs;
use crate::commands::table;

/// Arguments of `mien baseline`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien baseline --data fer2013.csv
  mien baseline --data fer2013.csv --ferplus fer2013new.csv --plot confusion.svg --json")]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Also draw the confusion matrix (SVG).
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// Reads the data, fits, judges and prints the figures.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let data = args.data.open(Progress::auto())?;
    let report = baseline(&data, &Hygiene::default(), Progress::auto())?;
    if let Some(path) = &args.plot {
        plot::confusion(data.labels(), &report.confusion)?.write(path)?;
    }
    let text = if args.json {
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        describe(&report)
    };
    commands::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn describe(report: &BaselineReport) -> String {
    let percent = |share: f64| format!("{:.2}%", 100.0 * share);
    let [low, high] = report.accuracy_ci95.map(percent);
    let accuracy = percent(report.accuracy);
    let mut text = String::new();
    for (name, value) in [
        ("trained on", report.trained_on.to_string()),
        ("pictures", report.n.to_string()),
        (
            "accuracy",
            format!("{accuracy} (95% interval {low} to {high})"),
        ),
        ("macro F1", percent(report.macro_f1)),
    ] {
        text += &format!("{name:<18} {value}\n");
    }
    text + "\n" + &table::confusion(&report.recall, &report.confusion)
}
