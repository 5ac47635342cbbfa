//! The rows of fer2013.csv (`emotion,pixels,Usage`) and icml_face_data.csv
//! (`emotion, Usage, pixels`), one line in memory at a time.

use std::io::BufRead;
use std::path::Path;

use super::class_names::{class_index, usage_split};
use super::error::{BadRow, DatasetError, Problems, RowProblem};
use super::lines::{MAX_LINE_BYTES, column_names, fields, quote, read_line, text};
use super::{Dataset, PIXELS, Split};

/// Where the three columns are.
struct Columns {
    emotion: usize,
    pixels: usize,
    usage: usize,
    count: usize,
}

/// Appends all rows of the csv to `dataset`; `path` is for messages.
pub(super) fn read_rows(
    mut reader: impl BufRead,
    path: &Path,
    dataset: &mut Dataset,
) -> Result<(), DatasetError> {
    let mut problems = Problems::new();
    let mut line = Vec::new();
    let mut pixels = [0; PIXELS];
    let mut columns = None;
    for number in 1.. {
        let length = read_line(&mut reader, &mut line).map_err(|source| DatasetError::Read {
            path: path.to_owned(),
            source,
        })?;
        let Some(columns) = &columns else {
            columns = Some(parse_header(&line, path)?);
            continue;
        };
        if length == 0 {
            break;
        }
        if length > MAX_LINE_BYTES {
            let problem = RowProblem::TooLong(MAX_LINE_BYTES);
            problems.push(BadRow {
                line: number,
                problem,
            });
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match parse_row(&line, columns, &mut pixels) {
            Ok((class, split)) => dataset.push(&pixels, class, split),
            Err(problem) => problems.push(BadRow {
                line: number,
                problem,
            }),
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

fn parse_header(line: &[u8], path: &Path) -> Result<Columns, DatasetError> {
    let names = column_names(line);
    let find = |name: &str| names.iter().position(|n| n == name);
    match (find("emotion"), find("pixels"), find("usage")) {
        (Some(emotion), Some(pixels), Some(usage)) => Ok(Columns {
            emotion,
            pixels,
            usage,
            count: names.len(),
        }),
        (emotion, pixels, usage) => {
            let found = [(emotion, "emotion"), (pixels, "pixels"), (usage, "Usage")];
            let missing: Vec<&str> = found
                .into_iter()
                .filter_map(|(at, name)| at.is_none().then_some(name))
                .collect();
            Err(DatasetError::Header {
                path: path.to_owned(),
                what: "fer2013.csv",
                expected: "`emotion`, `pixels` and `Usage`",
                missing: missing.join(", "),
                found: quote(line),
            })
        }
    }
}

fn parse_row(
    line: &[u8],
    columns: &Columns,
    pixels: &mut [u8; PIXELS],
) -> Result<(u8, Split), RowProblem> {
    let row: Vec<&[u8]> = fields(line).collect();
    if row.len() != columns.count {
        return Err(RowProblem::Columns {
            found: row.len(),
            wanted: columns.count,
        });
    }
    let [emotion, picture, usage] =
        [columns.emotion, columns.pixels, columns.usage].map(|at| row[at]);
    let class = class_index(&text(emotion)).ok_or_else(|| RowProblem::Label(quote(emotion)))?;
    let split = usage_split(&text(usage)).ok_or_else(|| RowProblem::Usage(quote(usage)))?;
    parse_pixels(picture, pixels)?;
    Ok((class, split))
}

fn parse_pixels(picture: &[u8], pixels: &mut [u8; PIXELS]) -> Result<(), RowProblem> {
    let mut count = 0;
    let words = picture.split(u8::is_ascii_whitespace);
    for word in words.filter(|word| !word.is_empty()) {
        let value = parse_u8(word).ok_or_else(|| RowProblem::PixelValue {
            position: count,
            text: quote(word),
        })?;
        if let Some(pixel) = pixels.get_mut(count) {
            *pixel = value;
        }
        count += 1;
    }
    if count == PIXELS {
        Ok(())
    } else {
        Err(RowProblem::PixelCount(count))
    }
}

fn parse_u8(word: &[u8]) -> Option<u8> {
    word.iter().try_fold(0u8, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests;
