//! `mien-device export`: counts for other programs.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::tz::TimeZone;
use mien_device::counter::export::{self, By, ExportError, Format, Query};

use super::counting::{self, DatabaseArgs, SpanArgs};
use super::{Failure, Outcome};

/// Arguments of `mien-device export`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device export > counts.csv                 everything, by the hour
  mien-device export --by day --from 2026-11-01 --to 2026-11-30 --min-cell 5
  mien-device export --by visit --format ndjson --out visits.ndjson")]
pub struct Args {
    /// How: `csv`, `json` or `ndjson` (an object a line)
    #[arg(long, default_value = "csv")]
    format: Format,
    /// What a row is: `hour`, `day` or `visit`
    #[arg(long, default_value = "hour")]
    by: By,
    #[command(flatten)]
    span: SpanArgs,
    /// Leave out counts below K, and what they could be found from; not with `--by visit`
    #[arg(long, value_name = "K", default_value_t = 0)]
    min_cell: u64,
    /// Write to FILE [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let zone = TimeZone::system();
    let query = Query {
        span: args.span.span(&zone)?,
        by: args.by,
        min_cell: args.min_cell,
        zone,
    };
    let database = args.database.path()?;
    let write = |to: &mut dyn Write| {
        let written = export::write(&database, &query, args.format, to);
        written.map(drop).map_err(|error| match error {
            ExportError::SmallCells { .. } => Failure::Usage(error.into()),
            ExportError::Store(error) => counting::failure(error),
            ExportError::Write(error) => error.into(),
        })
    };
    match &args.out {
        None => {
            let mut stdout = BufWriter::new(io::stdout().lock());
            write(&mut stdout)?;
            stdout.flush()?;
        }
        Some(path) => counting::write_file(path, &write)?,
    }
    Ok(ExitCode::SUCCESS)
}
