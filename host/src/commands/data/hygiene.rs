//! `mien data hygiene`: what training would leave out, and why.

use std::path::PathBuf;
use std::process::ExitCode;

use mien_host::dataset::hygiene::{Hygiene, HygieneReport, curate_against};
use mien_host::dataset::{self, Dataset};
use mien_host::progress::Progress;

use crate::commands;
use crate::commands::data_args::DataArgs;
use crate::commands::table::Table;

/// Arguments of `mien data hygiene`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien data hygiene --data fer2013.csv
  mien data hygiene --data fer2013.csv --ferplus fer2013new.csv --json
  mien data hygiene --data faces/ --evaluation my-test-faces/")]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Another data set that will judge: pictures of Training that are also in its PublicTest or
    /// PrivateTest (in all of it, where it has neither) leave. May be given several times.
    #[arg(long, value_name = "PATH")]
    evaluation: Vec<PathBuf>,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// Reads the data, applies the rules and prints what they did.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let data = args.data.open(Progress::auto())?;
    let others = args
        .evaluation
        .iter()
        .map(|path| dataset::open(path, Progress::auto()))
        .collect::<Result<Vec<Dataset>, _>>()?;
    let others: Vec<&Dataset> = others.iter().collect();
    let report = curate_against(&data, &Hygiene::default(), &others).report;
    let text = if args.json {
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        describe(&report)
    };
    commands::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn describe(report: &HygieneReport) -> String {
    let no_face = report
        .not_a_face
        .map_or("-".into(), |count| count.to_string());
    let mut table = Table::default();
    for (what, count) in [
        ("Training", report.training.to_string()),
        (
            "left out: also evaluated on",
            report.evaluation_duplicates.to_string(),
        ),
        ("left out: blank", report.blank.to_string()),
        ("left out: no face", no_face),
        ("set aside for calibration", report.calibration.to_string()),
        ("kept", report.kept.to_string()),
    ] {
        table.row([what.to_owned(), count]);
    }
    let mut text = table.render();
    if report.not_a_face.is_none() {
        text += "(pictures without a face are only known from FERPlus's votes: --ferplus)\n";
    }
    text += &format!(
        "\nkept pictures that repeat an earlier one: {}\n\
         kept groups of equal pictures with conflicting labels, averaged: {} ({} pictures)\n\n",
        report.repeated, report.conflicting_groups, report.conflicting_pictures
    );
    text += &classes(report);
    text
}

fn classes(report: &HygieneReport) -> String {
    let mut table = Table::default();
    table.row(["class", "Training", "left out", "calibration", "kept"]);
    for (name, class) in &report.classes.0 {
        let counts = [
            class.training,
            class.left_out,
            class.calibration,
            class.kept,
        ];
        let counts = counts.iter().map(usize::to_string);
        table.row([name.clone()].into_iter().chain(counts));
    }
    table.render()
}
