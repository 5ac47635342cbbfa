//! `mien-device report`: counts as a page.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mien_device::counter::report;

use super::Outcome;
use super::counting::{self, DatabaseArgs, SpanArgs};

/// Arguments of `mien-device report`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device report --out report.html
  mien-device report --out november.html --from 2026-11-01 --to 2026-11-30")]
pub struct Args {
    /// The page; it needs nothing else
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    span: SpanArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let zone = TimeZone::system();
    let span = args.span.span(&zone)?;
    let page = report::html(&args.database.path()?, span, Timestamp::now(), &zone)
        .map_err(counting::failure)?;
    counting::write_file(&args.out, &|to| Ok(to.write_all(page.as_bytes())?))?;
    Ok(ExitCode::SUCCESS)
}
