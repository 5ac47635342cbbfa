//! Readers for other people's model files.

pub mod cascade;
pub mod yunet;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The file's bytes, or `None` when there are more than `max_bytes`. Reads no further than that,
/// whatever size the file claims to have: devices and pipes claim none.
fn read_up_to(path: &Path, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut file = File::open(path)?.take(max_bytes + 1);
    file.read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= max_bytes).then_some(bytes))
}
