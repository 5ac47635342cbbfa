//! The rows of fer2013.csv (`emotion,pixels,Usage`) and icml_face_data.csv
//! (`emotion, Usage, pixels`), one line in memory at a time.

use std::io::BufRead;
use std::path::Path;

use super::class_names::{class_index, usage_split};
use super::error::{DatasetError, RowProblem};
use super::lines::{quote, text};
use super::table::Table;
use super::{Dataset, PIXELS, Split};

const TABLE: Table<3> = Table {
    what: "fer2013.csv",
    expected: "`emotion`, `pixels` and `Usage`",
    columns: ["emotion", "pixels", "Usage"],
};

/// Appends all rows of the csv to `dataset`; `path` is for messages.
pub(super) fn read_rows(
    reader: impl BufRead,
    path: &Path,
    dataset: &mut Dataset,
) -> Result<(), DatasetError> {
    let mut pixels = [0; PIXELS];
    TABLE.read(reader, path, |row| {
        let (class, split) = parse_row(row, &mut pixels)?;
        dataset.push(&pixels, class, split);
        Ok(())
    })
}

fn parse_row(
    [emotion, picture, usage]: [&[u8]; 3],
    pixels: &mut [u8; PIXELS],
) -> Result<(u8, Split), RowProblem> {
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
