//! A csv with named columns in any order, one row in memory at a time.

use std::io::BufRead;
use std::path::Path;

use super::error::{BadRow, DatasetError, Problems, RowProblem};
use super::lines::{MAX_LINE_BYTES, column_names, fields, quote, read_line};

/// What the csv is and which of its columns are wanted.
pub(super) struct Table<const N: usize> {
    /// For messages.
    pub what: &'static str,
    /// The columns, for messages.
    pub expected: &'static str,
    /// Their names, case aside.
    pub columns: [&'static str; N],
}

impl<const N: usize> Table<N> {
    /// Gives the wanted fields of each row to `push`, in the order of the columns. Blank lines do
    /// not count; `path` is for messages.
    ///
    /// # Errors
    /// When the file cannot be read, lacks a column, or has rows that cannot be used.
    pub fn read(
        &self,
        mut reader: impl BufRead,
        path: &Path,
        mut push: impl FnMut([&[u8]; N]) -> Result<(), RowProblem>,
    ) -> Result<(), DatasetError> {
        let mut problems = Problems::new();
        let mut line = Vec::new();
        let mut header = None;
        for number in 1.. {
            let length =
                read_line(&mut reader, &mut line).map_err(|source| DatasetError::Read {
                    path: path.to_owned(),
                    source,
                })?;
            let Some(header) = &header else {
                header = Some(self.header(&line, path)?);
                continue;
            };
            if length == 0 {
                break;
            }
            let too_long = length > MAX_LINE_BYTES;
            if !too_long && line.trim_ascii().is_empty() {
                continue;
            }
            let row = match too_long {
                true => Err(RowProblem::TooLong(MAX_LINE_BYTES)),
                false => header.wanted(&line).and_then(&mut push),
            };
            if let Err(problem) = row {
                problems.push(BadRow {
                    line: number,
                    problem,
                });
            }
            if too_long {
                break;
            }
        }
        if problems.first.is_empty() {
            return Ok(());
        }
        Err(DatasetError::BadRows {
            path: path.to_owned(),
            rows: problems.first,
            more: problems.more,
        })
    }

    fn header(&self, line: &[u8], path: &Path) -> Result<Header<N>, DatasetError> {
        let names = column_names(line);
        let at = |wanted: &str| names.iter().position(|n| n.eq_ignore_ascii_case(wanted));
        let missing: Vec<&str> = self
            .columns
            .into_iter()
            .filter(|wanted| at(wanted).is_none())
            .collect();
        if !missing.is_empty() {
            return Err(DatasetError::Header {
                path: path.to_owned(),
                what: self.what,
                expected: self.expected,
                missing: missing.join(", "),
                found: quote(line),
            });
        }
        Ok(Header {
            at: self.columns.map(|wanted| at(wanted).unwrap_or_default()),
            count: names.len(),
        })
    }
}

/// Where the wanted columns are, and how many there are of all.
struct Header<const N: usize> {
    at: [usize; N],
    count: usize,
}

impl<const N: usize> Header<N> {
    fn wanted<'a>(&self, line: &'a [u8]) -> Result<[&'a [u8]; N], RowProblem> {
        let row: Vec<&[u8]> = fields(line).collect();
        if row.len() != self.count {
            return Err(RowProblem::Columns {
                found: row.len(),
                wanted: self.count,
            });
        }
        Ok(self.at.map(|at| row[at]))
    }
}
