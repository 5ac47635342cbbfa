//! `mien evaluate`: judges a packed model with the device's inference code.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::ValueEnum;
use mien_host::dataset::{self, Dataset, Split};
use mien_host::evaluate::{Report, evaluate};
use mien_host::progress::Progress;

use crate::commands;
use crate::commands::table::Table;

/// Arguments of `mien evaluate`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien evaluate --model models/expression.postcard --data fer2013.csv --split public
  mien evaluate --model my.postcard --data faces/ --split all --flip --json")]
pub struct Args {
    /// A packed expression model.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// fer2013.csv (also .zst, .gz or Kaggle's .tar.gz) or a folder of pictures per class.
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// The part of the data to judge by.
    #[arg(long, value_enum)]
    split: SplitArg,
    /// Average the probabilities of each picture and its mirror image.
    #[arg(long)]
    flip: bool,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// The parts that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SplitArg {
    /// FER2013's Training, or a folder `train`.
    Training,
    /// FER2013's PublicTest, or a folder `validation`.
    Public,
    /// FER2013's PrivateTest, or a folder `test`.
    Private,
    /// Everything, also pictures in folders per class alone.
    All,
}

/// Reads model and data, runs the model and prints its figures.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let model = args.model.display();
    let file = std::fs::read(&args.model).with_context(|| format!("cannot read {model}"))?;
    let data = dataset::open(&args.data, Progress::auto())?;
    let indices = chosen(&data, args.split);
    if indices.is_empty() {
        bail!(
            "{} has no pictures in this split; it has {}",
            args.data.display(),
            splits_of(&data)
        );
    }
    let report = evaluate(&file, &data, &indices, args.flip, Progress::auto())
        .with_context(|| format!("cannot evaluate {model}"))?;
    let text = if args.json {
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        describe(&report)
    };
    commands::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Indices of a split's pictures.
pub fn chosen(data: &Dataset, split: SplitArg) -> Vec<u32> {
    match split {
        SplitArg::Training => data.indices_of(Split::Training),
        SplitArg::Public => data.indices_of(Split::PublicTest),
        SplitArg::Private => data.indices_of(Split::PrivateTest),
        SplitArg::All => (0..data.len() as u32).collect(),
    }
}

/// What splits there are, for messages.
pub fn splits_of(data: &Dataset) -> String {
    let present = Split::ALL.into_iter().filter_map(|split| {
        let count = data.indices_of(split).len();
        (count > 0).then(|| format!("{count} in {}", split.name()))
    });
    present.collect::<Vec<_>>().join(", ")
}

fn describe(report: &Report) -> String {
    let percent = |share: f64| format!("{:.2}%", 100.0 * share);
    let [low, high] = report.accuracy_ci95.map(percent);
    let accuracy = format!(
        "{} (95% interval {low} to {high})",
        percent(report.accuracy)
    );
    let averaged = if report.flip_averaged {
        ", each with its mirror image"
    } else {
        ""
    };
    let mut text = String::new();
    for (name, value) in [
        ("pictures", format!("{}{averaged}", report.n)),
        ("accuracy", accuracy),
        ("four groups", percent(report.four_group_accuracy)),
        ("macro F1", percent(report.macro_f1)),
        ("calibration error", percent(report.ece)),
        ("model sha256", report.model_sha256.clone()),
    ] {
        text += &format!("{name:<18} {value}\n");
    }
    text.push('\n');
    text += &confusion_table(report);
    text
}

/// Rows are the truth, columns the verdicts, the last column the recall.
fn confusion_table(report: &Report) -> String {
    let labels = || report.recall.0.iter().map(|(label, _)| label.clone());
    let mut table = Table::default();
    let corner = "truth \\ verdict".to_owned();
    table.row(
        [corner]
            .into_iter()
            .chain(labels())
            .chain(["recall".into()]),
    );
    for ((label, recall), counts) in report.recall.0.iter().zip(&report.confusion) {
        let recall = recall.map_or("-".into(), |share| format!("{:.1}%", 100.0 * share));
        let counts = counts.iter().map(u64::to_string);
        table.row([label.clone()].into_iter().chain(counts).chain([recall]));
    }
    table.render()
}
