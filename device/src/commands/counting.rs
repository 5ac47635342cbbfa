//! What the commands around counting share: where the database is, and times of the command line.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use jiff::tz::TimeZone;
use mien_device::config::Config;
use mien_device::counter::clock::SystemClock;
use mien_device::counter::range::{self, End};
use mien_device::counter::store::{Span, StoreError};
use mien_device::counter::{Counter, CounterOptions, DATABASE};
use mien_device::state;
use mien_models::label::Labels;

use super::Failure;

/// Which database.
#[derive(clap::Args)]
pub struct DatabaseArgs {
    /// Database [default: counts.db in the state folder, else the service's in /var/lib/mien]
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

impl DatabaseArgs {
    /// Its path. A person at the device looks for the service's counts, unless there are others.
    pub fn path(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.database {
            return Ok(path.clone());
        }
        let service = Path::new(state::SERVICE_FOLDER).join(DATABASE);
        match in_state_folder() {
            Ok(own) if own.exists() || !service.exists() => Ok(own),
            Err(failure) if !service.exists() => Err(failure),
            _ => Ok(service),
        }
    }
}

/// Which visits.
#[derive(clap::Args)]
pub struct SpanArgs {
    /// Only what began at this time or later: 2026-11-23, 2026-11-23T08:00 [default: the first]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only what began before this time; a day counts to its end [default: the last]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

impl SpanArgs {
    /// The range, in `zone` where a time names none.
    pub fn span(&self, zone: &TimeZone) -> Result<Span, Failure> {
        let read = |option: &str, text: &Option<String>, end| match text {
            None => Ok(None),
            Some(text) => match range::parse(text, end, zone) {
                Ok(moment) => Ok(Some(moment)),
                Err(why) => Err(Failure::Usage(anyhow!("{option} {why}"))),
            },
        };
        let span = Span {
            from: read("--from", &self.from, End::From)?,
            to: read("--to", &self.to, End::To)?,
        };
        match (span.from, span.to) {
            (Some(from), Some(to)) if from >= to => {
                Err(Failure::Usage(anyhow!("--from is not before --to")))
            }
            _ => Ok(span),
        }
    }
}

/// Starts counting if the configuration or `--count` says so.
pub fn start(is_asked: bool, config: &Config, labels: &Labels) -> Result<Option<Counter>, Failure> {
    let options = CounterOptions {
        enabled: config.counter.enabled || is_asked,
        ..config.counter
    };
    if !options.enabled {
        return Ok(None);
    }
    let database = in_state_folder()?;
    let clock = Arc::new(SystemClock::new());
    let memory_ms = config.tracking.memory_ms;
    let zone = TimeZone::system();
    Ok(Some(Counter::start(
        &database, options, memory_ms, labels, clock, zone,
    )?))
}

fn in_state_folder() -> Result<PathBuf, Failure> {
    let folder = state::folder(|name| std::env::var_os(name));
    let why = "there is no folder for the counts (hint: set MIEN_STATE_DIR)";
    let folder = folder.ok_or_else(|| Failure::Usage(anyhow!(why)))?;
    Ok(folder.join(DATABASE))
}

/// A database that is not there, or not to be read, is nothing to begin with.
pub fn failure(error: StoreError) -> Failure {
    Failure::Nothing(error.into())
}

/// Writes a file by `write`; what was there stays until the new one is whole.
pub fn write_file(
    path: &Path,
    write: &dyn Fn(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let context = || format!("--out {}", path.display());
    // Pipes and devices are written as they are.
    let is_plain = fs::metadata(path).map_or(true, |file| file.is_file());
    let target = match is_plain {
        true => path.with_added_extension("part"),
        false => path.to_owned(),
    };
    let file = File::create(&target).with_context(context);
    let mut to = BufWriter::new(file.map_err(Failure::Usage)?);
    let written = write(&mut to).and_then(|()| Ok(to.flush()?));
    let moved = written.and_then(|()| match is_plain {
        true => fs::rename(&target, path)
            .with_context(context)
            .map_err(Failure::Work),
        false => Ok(()),
    });
    if moved.is_err() && is_plain {
        let _ = fs::remove_file(&target);
    }
    moved
}
