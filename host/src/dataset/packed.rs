//! A whole data set in one small file, without loss: labels, classes, splits, FERPlus's votes and
//! pictures.
//!
//! The file is a header, numbers little-endian, and one zstd frame:
//!
//! | offset | bytes | field |
//! |---:|---:|---|
//! | 0 | 8 | `MIENDATA` |
//! | 8 | 2 | version: 1 |
//! | 10 | 2 | pixels a side: 48 |
//! | 12 | 4 | number of pictures n |
//! | 16 | 1 | number of labels |
//! | 17 | 1 | 1 with votes, 0 without |
//! | 18 | 32 | [`digest`] of the content |
//! | 50 | | the frame |
//!
//! In the frame: per label the length of its name (1 byte) and the name in UTF-8; n classes; n
//! splits (0 Training, 1 PublicTest, 2 PrivateTest); with votes n x 10 counts in FERPlus's order;
//! n pictures of 48 x 48 bytes, each as its residual of the median edge predictor.

mod error;
mod median;

use std::io::{self, Read, Write};

use mien_models::label::Labels;
use sha2::{Digest, Sha256};

pub use error::PackedError;

use super::{Dataset, PIXELS, SIDE, Split, Votes};
use crate::progress::{Progress, Unit};

/// How the file begins.
pub(super) const MAGIC: &[u8; 8] = b"MIENDATA";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 50;
/// Most pictures in a pack; bounds what a damaged count can ask for.
pub const MAX_PICTURES: usize = 1_000_000;
/// Residuals are noise: nothing matches but whole pictures, and those a long window finds at any
/// level. On FER2013 level 19 takes a hundred times as long for 2% more bytes.
const ZSTD_LEVEL: i32 = 1;
/// 128 MiB, the most that zstd grants a decoder unasked; FER2013 fits into it.
const WINDOW_LOG: u32 = 27;
/// Pictures per report of progress.
const BATCH: usize = 256;

/// SHA-256 over the content, whatever file it came from: number of pictures (4 bytes,
/// little-endian), number of labels, mark for votes, then as in the frame, pictures as pixels.
pub fn digest(data: &Dataset) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((data.len() as u32).to_le_bytes());
    hash.update([data.labels.len() as u8, u8::from(data.votes.is_some())]);
    hash.update(preamble(data));
    hash.update(&data.pixels);
    hash.finalize().into()
}

/// All of the frame before the pictures.
fn preamble(data: &Dataset) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in data.labels.iter() {
        bytes.push(name.len() as u8);
        bytes.extend_from_slice(name.as_bytes());
    }
    bytes.extend_from_slice(&data.classes);
    bytes.extend(data.splits.iter().map(|split| split.index() as u8));
    for index in 0..data.len() {
        bytes.extend(data.votes(index).into_iter().flatten());
    }
    bytes
}

/// Writes the data, picture by picture.
///
/// # Errors
/// With more than [`MAX_PICTURES`] pictures, and those of `out`.
pub fn write(data: &Dataset, mut out: impl Write, progress: Progress) -> Result<(), PackedError> {
    if data.len() > MAX_PICTURES {
        return Err(PackedError::TooMany(data.len()));
    }
    out.write_all(&header(data))?;
    let preamble = preamble(data);
    let mut encoder = zstd::Encoder::new(out, ZSTD_LEVEL)?;
    encoder.long_distance_matching(true)?;
    encoder.window_log(WINDOW_LOG)?;
    // Lets a decoder reserve no more than a small set needs.
    encoder.set_pledged_src_size(Some((preamble.len() + data.pixels.len()) as u64))?;
    encoder.write_all(&preamble)?;
    let task = progress.start("packing", data.len() as u64, Unit::Items("pictures"));
    let (pictures, _) = data.pixels.as_chunks::<PIXELS>();
    for batch in pictures.chunks(BATCH) {
        for pixels in batch {
            encoder.write_all(&median::residual(pixels))?;
        }
        task.advance(batch.len() as u64);
    }
    encoder.finish()?.flush()?;
    task.finish();
    Ok(())
}

fn header(data: &Dataset) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend(VERSION.to_le_bytes());
    header.extend((SIDE as u16).to_le_bytes());
    header.extend((data.len() as u32).to_le_bytes());
    header.push(data.labels.len() as u8);
    header.push(data.votes.is_some().into());
    header.extend(digest(data));
    header
}

/// Reads a pack. Memory grows with the pictures that are really there, not with what the header
/// claims.
///
/// # Errors
/// When anything is not as [`write()`] leaves it.
pub fn read(mut file: impl Read) -> Result<Dataset, PackedError> {
    let header = Header::read(&mut file)?;
    let mut decoder = zstd::Decoder::new(file).map_err(PackedError::Decompress)?;
    decoder
        .window_log_max(WINDOW_LOG)
        .map_err(PackedError::Decompress)?;
    let mut data = Dataset::new(read_labels(&mut decoder, header.labels)?);
    let count = header.pictures;
    let classes = read_bytes(&mut decoder, count)?;
    let splits = read_splits(&mut decoder, count)?;
    let votes = match header.has_votes {
        true => Some(read_bytes(&mut decoder, 10 * count)?),
        false => None,
    };
    let mut picture = [0; PIXELS];
    for (index, (&class, &split)) in classes.iter().zip(&splits).enumerate() {
        let labels = data.labels.len();
        if usize::from(class) >= labels {
            let picture = index;
            return Err(PackedError::Class {
                picture,
                class,
                labels,
            });
        }
        fill(&mut decoder, &mut picture)?;
        median::restore(&mut picture);
        data.push(&picture, class, split);
    }
    if let Some(counts) = votes {
        let mut votes = Votes::default();
        let (rows, _) = counts.as_chunks::<10>();
        for (&row, &split) in rows.iter().zip(&splits) {
            votes.push(row, split);
        }
        data.attach_votes(votes)?;
    }
    match decoder.read(&mut [0]) {
        Ok(0) => {}
        _ => return Err(PackedError::Trailing),
    }
    match digest(&data) == header.digest {
        true => Ok(data),
        false => Err(PackedError::Digest),
    }
}

/// What the first bytes say.
struct Header {
    pictures: usize,
    labels: usize,
    has_votes: bool,
    digest: [u8; 32],
}

impl Header {
    fn read(file: &mut impl Read) -> Result<Self, PackedError> {
        let mut bytes = [0; HEADER_BYTES];
        fill(file, &mut bytes)?;
        if !bytes.starts_with(MAGIC) {
            return Err(PackedError::Magic);
        }
        let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        if u16_at(8) != VERSION {
            return Err(PackedError::Version(u16_at(8)));
        }
        if usize::from(u16_at(10)) != SIDE {
            return Err(PackedError::Side(u16_at(10)));
        }
        let pictures = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]) as usize;
        if pictures > MAX_PICTURES {
            return Err(PackedError::TooMany(pictures));
        }
        let has_votes = match bytes[17] {
            0 => false,
            1 => true,
            other => return Err(PackedError::VotesMark(other)),
        };
        let mut digest = [0; 32];
        digest.copy_from_slice(&bytes[18..]);
        Ok(Self {
            pictures,
            labels: bytes[16].into(),
            has_votes,
            digest,
        })
    }
}

fn read_labels(frame: &mut impl Read, count: usize) -> Result<Labels, PackedError> {
    let mut names = Vec::new();
    for index in 0..count {
        let length = read_bytes(frame, 1)?[0].into();
        let name = String::from_utf8(read_bytes(frame, length)?);
        names.push(name.map_err(|_| PackedError::NameText(index))?);
    }
    Ok(Labels::new(names.iter().map(String::as_str))?)
}

fn read_splits(frame: &mut impl Read, count: usize) -> Result<Vec<Split>, PackedError> {
    let bytes = read_bytes(frame, count)?;
    let split = |(picture, &split): (usize, &u8)| {
        let known = Split::ALL.get(usize::from(split)).copied();
        known.ok_or(PackedError::Split { picture, split })
    };
    bytes.iter().enumerate().map(split).collect()
}

fn read_bytes(frame: &mut impl Read, count: usize) -> Result<Vec<u8>, PackedError> {
    let mut bytes = vec![0; count];
    fill(frame, &mut bytes)?;
    Ok(bytes)
}

fn fill(source: &mut impl Read, buffer: &mut [u8]) -> Result<(), PackedError> {
    source.read_exact(buffer).map_err(|error| {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            PackedError::Truncated
        } else {
            PackedError::Decompress(error)
        }
    })
}

#[cfg(test)]
mod tests;
