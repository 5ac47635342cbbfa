//! Rows in a format.

use std::io::{self, Write};

use serde::Serialize;

use super::Format;

/// One row.
pub trait Row: Serialize {
    /// Its cells as text, in the order of the columns.
    fn cells(&self) -> Vec<String>;
}

/// Rows on their way out.
pub struct Rows<'w> {
    to: To<'w>,
    count: u64,
}

enum To<'w> {
    Csv(Box<csv::Writer<&'w mut dyn Write>>),
    Json(&'w mut dyn Write),
    Ndjson(&'w mut dyn Write),
}

impl<'w> Rows<'w> {
    /// Writes what comes before the first row. `names` are the texts that others have chosen.
    pub fn begin(
        to: &'w mut dyn Write,
        format: Format,
        columns: Vec<String>,
        names: &[String],
    ) -> io::Result<Self> {
        let to = match format {
            Format::Csv => {
                // Spreadsheets take other letters for something else without it.
                if !names.iter().all(|name| name.is_ascii()) {
                    to.write_all("\u{feff}".as_bytes())?;
                }
                let mut to = csv::WriterBuilder::new()
                    .terminator(csv::Terminator::CRLF)
                    .from_writer(to);
                to.write_record(columns.into_iter().map(harmless))
                    .map_err(cause)?;
                To::Csv(Box::new(to))
            }
            Format::Json => {
                to.write_all(b"[")?;
                To::Json(to)
            }
            Format::Ndjson => To::Ndjson(to),
        };
        Ok(Self { to, count: 0 })
    }

    /// Writes a row.
    pub fn add(&mut self, row: &impl Row) -> io::Result<()> {
        match &mut self.to {
            To::Csv(to) => to
                .write_record(row.cells().into_iter().map(harmless))
                .map_err(cause)?,
            To::Json(to) => {
                let before: &[u8] = if self.count == 0 { b"\n" } else { b",\n" };
                to.write_all(before)?;
                serde_json::to_writer(&mut **to, row)?;
            }
            To::Ndjson(to) => {
                serde_json::to_writer(&mut **to, row)?;
                to.write_all(b"\n")?;
            }
        }
        self.count += 1;
        Ok(())
    }

    /// Writes what comes after the last row, and returns how many there were.
    pub fn finish(self) -> io::Result<u64> {
        match self.to {
            To::Csv(mut to) => to.flush()?,
            To::Json(to) => {
                to.write_all(b"\n]\n")?;
                to.flush()?;
            }
            To::Ndjson(to) => to.flush()?,
        }
        Ok(self.count)
    }
}

/// What the system said: a reader that has seen enough is no error.
fn cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// What a spreadsheet would take for a formula becomes text (OWASP, "CSV Injection"). Numbers of
/// ours are never negative.
fn harmless(cell: String) -> String {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{cell}"),
        false => cell,
    }
}
