//! `mien-device purge`: deletes counts for good.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::anyhow;
use jiff::tz::TimeZone;
use mien_device::counter::range::{self, End};
use mien_device::counter::store::StoreError;
use mien_device::counter::store::purge::{self, Purged, What};

use super::counting::{self, DatabaseArgs};
use super::{Failure, Outcome};

/// Arguments of `mien-device purge`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device purge --before 2026-01-01           asks first
  mien-device purge --all --yes                   everything, damaged files too")]
pub struct Args {
    /// Delete what began before this time: 2026-01-01, 2026-01-01T08:00
    #[arg(long, value_name = "TIME", required_unless_present = "all")]
    before: Option<String>,
    /// Delete everything
    #[arg(long, conflicts_with = "before")]
    all: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let what = match &args.before {
        None => What::All,
        Some(text) => match range::parse(text, End::From, &TimeZone::system()) {
            Ok(moment) => What::Before(moment),
            Err(why) => return Err(Failure::Usage(anyhow!("--before {why}"))),
        },
    };
    let path = args.database.path()?;
    // What is too damaged to count can still be deleted.
    let found = match purge::preview(&path, what) {
        Err(StoreError::Damaged { .. }) if args.all => None,
        outcome => Some(outcome.map_err(counting::failure)?),
    };
    let described = found
        .as_ref()
        .map_or("the damaged file".to_owned(), in_words);
    let described = format!("{described} of {}", path.display());
    if !args.yes && !is_agreed(&described)? {
        writeln!(io::stdout(), "nothing was deleted")?;
        return Ok(ExitCode::from(1));
    }
    purge::purge(&path, what).map_err(|error| Failure::Work(error.into()))?;
    writeln!(io::stdout(), "deleted: {described}")?;
    Ok(ExitCode::SUCCESS)
}

fn in_words(found: &Purged) -> String {
    let count = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let mut words = count(found.visits, "visit");
    if found.hours > 0 {
        words += &format!(", sums of {}", count(found.hours, "hour"));
    }
    if !found.files_aside.is_empty() {
        let files = found.files_aside.len() as u64;
        words += &format!(", {} set aside as damaged", count(files, "file"));
    }
    words
}

fn is_agreed(described: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        let why = "this deletes for good; say so with --yes";
        return Err(Failure::Usage(anyhow!("{why} ({described})")));
    }
    let mut stderr = io::stderr().lock();
    write!(stderr, "Delete {described} for good? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
