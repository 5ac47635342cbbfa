//! `mien compare`: two packed models on the same pictures.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use mien_host::compare::{Comparison, Side, compare};
use mien_host::progress::Progress;

use crate::commands;
use crate::commands::data_args::DataArgs;
use crate::commands::evaluate::{SplitArg, chosen, splits_of};
use crate::commands::table::Table;

/// Compare two packed models on the same pictures.
#[derive(clap::Args)]
#[command(after_help = "\
Differences are the second model's figure minus the first one's. McNemar's p is the chance of a
difference like this one between equally good models.

Examples:
  mien compare old.postcard new.postcard --data fer2013.csv
  mien compare models/expression-tiny.postcard models/expression.postcard --data fer2013.csv --json
  mien compare old.postcard new.postcard --data faces/ --split all")]
pub struct Args {
    /// A packed expression model.
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Another one.
    #[arg(value_name = "B")]
    b: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// The part of the data to judge by.
    #[arg(long, value_enum, default_value_t = SplitArg::Public)]
    split: SplitArg,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let read = |path: &PathBuf| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    let data = args.data.open(Progress::auto())?;
    let indices = chosen(&data, args.split);
    if indices.is_empty() {
        bail!(
            "{} has no pictures in this split (--split chooses); it has {}",
            args.data.path().display(),
            splits_of(&data)
        );
    }
    let found = compare([&a, &b], &data, &indices, Progress::auto()).with_context(|| {
        format!(
            "cannot compare {} and {}",
            args.a.display(),
            args.b.display()
        )
    })?;
    let text = match args.json {
        true => serde_json::to_string_pretty(&found)? + "\n",
        false => describe(&found),
    };
    commands::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn describe(found: &Comparison) -> String {
    let percent = |share: f64| format!("{:.2}%", 100.0 * share);
    let interval = |[low, high]: [f64; 2]| format!("{:.2} to {:.2}", 100.0 * low, 100.0 * high);
    let points = |difference: f64| format!("{:+.2}", 100.0 * difference);
    let Comparison { a, b, .. } = found;
    let mut table = Table::default();
    table.row(["", "A", "B", "B - A", "95% interval"]);
    let name = |side: &Side| format!("{} v{}", side.model.name, side.model.version);
    table.row(["model".to_owned(), name(a), name(b)]);
    table.row([
        format!("accuracy of {}", found.n),
        percent(a.accuracy),
        percent(b.accuracy),
        points(found.difference),
        interval(found.difference_ci95),
    ]);
    for (class, recall) in &found.recall.0 {
        table.row([
            format!("  {class} ({})", recall.n),
            percent(recall.a),
            percent(recall.b),
            points(recall.difference),
            interval(recall.difference_ci95),
        ]);
    }
    table.row([
        "calibration error".to_owned(),
        percent(a.ece),
        percent(b.ece),
    ]);
    let ms = |side: &Side| format!("{:.2}", side.latency_ms_median);
    table.row(["ms a face (median)".to_owned(), ms(a), ms(b)]);
    for (what, of) in [
        (
            "bytes",
            (|side| side.model.bytes as u64) as fn(&Side) -> u64,
        ),
        ("parameters", |side| side.model.parameters),
        ("MACs", |side| side.model.macs),
    ] {
        table.row([what.to_owned(), of(a).to_string(), of(b).to_string()]);
    }
    let test = &found.mcnemar;
    format!(
        "{}\nonly A right {}, only B right {}: McNemar's mid-p {:.2e} (exact {:.2e})\n",
        table.render(),
        test.only_a_right,
        test.only_b_right,
        test.p_mid,
        test.p_exact
    )
}
