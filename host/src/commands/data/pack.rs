//! `mien data pack`: a data set as one small file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use indicatif::HumanBytes;
use mien_host::dataset::packed;
use mien_host::dataset::{Dataset, Split};
use mien_host::inspect::hex;
use mien_host::model_file;
use mien_host::progress::Progress;
use serde::Serialize;

use crate::commands;
use crate::commands::data_args::DataArgs;

/// Arguments of `mien data pack`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien data pack --data fer2013.csv --out fer2013.mien
  mien data pack --data fer2013.csv --ferplus fer2013new.csv --out fer2013.mien --json
  mien train --data fer2013.mien")]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// The file to write, whole or not at all.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// What was packed.
#[derive(Serialize)]
struct Summary {
    n: usize,
    votes: bool,
    bytes: u64,
    content_sha256: String,
}

/// Reads the data and writes it as a pack.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let data = args.data.open(Progress::auto())?;
    let out = args.out.display();
    model_file::write_with(&args.out, |file| {
        packed::write(&data, file, Progress::auto())
    })
    .with_context(|| format!("cannot pack into {out}"))?;
    let metadata = args.out.metadata();
    let summary = Summary {
        n: data.len(),
        votes: data.all_votes().is_some(),
        bytes: metadata
            .with_context(|| format!("cannot read {out}"))?
            .len(),
        content_sha256: hex(&packed::digest(&data)),
    };
    let text = if args.json {
        serde_json::to_string_pretty(&summary)? + "\n"
    } else {
        describe(&data, &summary)
    };
    commands::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn describe(data: &Dataset, summary: &Summary) -> String {
    let mut text = String::new();
    for split in Split::ALL {
        let count = data.indices_of(split).len();
        if count > 0 {
            text += &format!("{:<15} {count}\n", split.name());
        }
    }
    let votes = if summary.votes { "yes" } else { "no" };
    let size = format!("{} ({} bytes)", HumanBytes(summary.bytes), summary.bytes);
    for (name, value) in [
        ("FERPlus votes", votes),
        ("size", &size),
        ("content sha256", &summary.content_sha256),
    ] {
        text += &format!("{name:<15} {value}\n");
    }
    text
}
