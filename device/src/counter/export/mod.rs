//! Counts as CSV, JSON or JSON lines; docs/counting.md has the columns.

mod rows;
mod suppress;
mod write;

use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;

use jiff::tz::TimeZone;

use super::history::{self, Step};
use super::store::{Reader, Span, StoreError};
use rows::{BucketRow, VisitRow};
use write::Rows;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, with a line of names.
    Csv,
    /// One array of objects.
    Json,
    /// An object a line.
    Ndjson,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A local hour.
    Hour,
    /// A local day.
    Day,
    /// A visit.
    Visit,
}

impl Format {
    /// As `--format` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }

    /// For HTTP (RFC 4180, RFC 8259; JSON lines have none of their own).
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            "ndjson" => Ok(Self::Ndjson),
            _ => Err("there is csv, json, ndjson".to_owned()),
        }
    }
}

impl FromStr for By {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "hour" => Ok(Self::Hour),
            "day" => Ok(Self::Day),
            "visit" => Ok(Self::Visit),
            _ => Err("there is hour, day, visit".to_owned()),
        }
    }
}

/// What to export.
#[derive(Clone, Debug)]
pub struct Query {
    /// What began in it.
    pub span: Span,
    /// What a row is.
    pub by: By,
    /// Counts below this, other than 0, are left out, and what they could be found from; 0 and 1
    /// leave out nothing. Not for [`By::Visit`].
    pub min_cell: u64,
    /// Whose hours and days.
    pub zone: TimeZone,
}

impl Default for Query {
    /// Everything, by the hour, in this machine's zone.
    fn default() -> Self {
        Self {
            span: Span::default(),
            by: By::Hour,
            min_cell: 0,
            zone: TimeZone::system(),
        }
    }
}

/// Why nothing, or not all of it, was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A visit alone is a cell of one.
    #[error(
        "visits one by one cannot be kept to cells of {min_cell} and more (hint: by hour or by day)"
    )]
    SmallCells {
        /// What was asked for.
        min_cell: u64,
    },
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rows cannot be written.
    #[error("cannot write the rows: {0}")]
    Write(#[from] io::Error),
}

/// Writes the rows of `database` to `to` and returns their number. Visits go through one by one;
/// hours and days are added up first.
///
/// # Errors
/// If the database cannot be read or `to` not be written.
pub fn write(
    database: &Path,
    query: &Query,
    format: Format,
    to: &mut dyn Write,
) -> Result<u64, ExportError> {
    if query.by == By::Visit && query.min_cell > 1 {
        let min_cell = query.min_cell;
        return Err(ExportError::SmallCells { min_cell });
    }
    let reader = Reader::open(database)?;
    let names: Vec<String> = reader.expressions().map(str::to_owned).collect();
    let step = match query.by {
        By::Hour => Step::Hour,
        By::Day => Step::Day,
        By::Visit => {
            let mut rows = Rows::begin(to, format, VisitRow::columns(&names), &names)?;
            reader.visits(query.span, |visit| {
                rows.add(&VisitRow::new(&visit, &names, &query.zone))
                    .map_err(ExportError::Write)
            })?;
            return Ok(rows.finish()?);
        }
    };
    let history = history::read(&reader, query.span, step, &query.zone)?;
    // Nobody waits for a slow receiver's sake.
    drop(reader);
    let mut rows = Rows::begin(to, format, BucketRow::columns(&names), &names)?;
    for bucket in &history.buckets {
        rows.add(&suppress::row(bucket, &names, query.min_cell))?;
    }
    Ok(rows.finish()?)
}
