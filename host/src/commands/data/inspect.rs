//! `mien data inspect`: what a data set holds.

use std::path::PathBuf;
use std::process::ExitCode;

use mien_host::by_name::ByName;
use mien_host::dataset::{self, Summary};
use mien_host::progress::Progress;

use crate::commands;
use crate::commands::table::Table;

/// Arguments of `mien data inspect`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien data inspect fer2013.csv
  mien data inspect fer2013.tar.gz --json
  mien data inspect faces/                  train/<class>/… and test/<class>/…")]
pub struct Args {
    /// fer2013.csv (also .zst, .gz or Kaggle's .tar.gz) or a folder of pictures per class.
    path: PathBuf,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// Reads the data and prints its figures.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let data = dataset::open(&args.path, Progress::auto())?;
    let summary = dataset::summarize(&data);
    let text = if args.json {
        serde_json::to_string_pretty(&summary)? + "\n"
    } else {
        describe(&summary)
    };
    commands::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn describe(summary: &Summary) -> String {
    let mut table = Table::default();
    let splits = &summary.counts.0;
    let names = splits.iter().map(|(name, _)| name.as_str());
    table.row(["class"].into_iter().chain(names).chain(["all"]));
    let mut row = |title: &str, counts: Vec<usize>| {
        let total = counts.iter().sum();
        let cells = counts.iter().chain([&total]).map(usize::to_string);
        table.row([title.to_owned()].into_iter().chain(cells));
    };
    for (class, _) in splits.first().map_or(&[][..], |(_, classes)| &classes.0) {
        let counts = splits.iter().filter_map(|(_, c)| c.get(class).copied());
        row(class, counts.collect());
    }
    let totals = splits.iter().map(|(_, classes)| sum(classes));
    row("all", totals.collect());
    row("repeated", values(&summary.duplicates.within));
    row("blank", values(&summary.blank));

    let duplicates = &summary.duplicates;
    let mut text = table.render();
    text += &format!(
        "\ngroups of exact duplicates: {} ({} pictures), with conflicting labels: {}\n",
        duplicates.groups, duplicates.pictures, duplicates.conflicting_groups
    );
    for leak in &duplicates.across {
        let also_in = leak.also_in.join(" or ");
        text += &format!("{} also in {also_in}: {}\n", leak.split, leak.pictures);
    }
    text
}

fn values(counts: &ByName<usize>) -> Vec<usize> {
    counts.0.iter().map(|(_, count)| *count).collect()
}

fn sum(counts: &ByName<usize>) -> usize {
    counts.0.iter().map(|(_, count)| count).sum()
}
