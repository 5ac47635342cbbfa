//! Lines of comma-separated text that may be anything: bounded in memory, fit for messages.

use std::io::{self, BufRead, Read};

/// No honest row is longer: 2,304 pixels of up to three digits, with room for odd spacing.
pub(super) const MAX_LINE_BYTES: usize = 64 * 1024;
/// How much of a strange value is quoted in a message.
const QUOTED_CHARS: usize = 40;

/// Reads one line, at most one byte more than the limit; the length says 0 at the end.
pub(super) fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    let limit = MAX_LINE_BYTES as u64 + 1;
    reader.by_ref().take(limit).read_until(b'\n', line)
}

/// The column names of a first line, lower case, without a byte order mark.
pub(super) fn column_names(line: &[u8]) -> Vec<String> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    fields(line)
        .map(|field| text(field).to_ascii_lowercase())
        .collect()
}

/// The fields of a line. No field of FER2013 holds a comma, so quotes only surround.
pub(super) fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b',').map(|field| {
        let field = field.trim_ascii();
        field
            .strip_prefix(b"\"")
            .and_then(|inner| inner.strip_suffix(b"\""))
            .unwrap_or(field)
            .trim_ascii()
    })
}

/// A field as text, damaged UTF-8 replaced.
pub(super) fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

/// The start of a value, fit for one line of a message.
pub(super) fn quote(field: &[u8]) -> String {
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let text = String::from_utf8_lossy(field.trim_ascii());
    let mut quoted: String = text.chars().take(QUOTED_CHARS).map(printable).collect();
    if text.chars().nth(QUOTED_CHARS).is_some() {
        quoted.push('…');
    }
    quoted
}
