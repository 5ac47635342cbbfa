//! What `mien-device install`, `rollback` and `status` say to the running program over its control
//! socket, and what it answers: a line of JSON each, and after the request the files' bytes. No file
//! is named, so none can be asked for or written elsewhere.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};

use mien_models::signature::SIGNATURE_BYTES;
use serde::{Deserialize, Serialize};

use super::record::{Blocked, Entry, FileKind, Role, Slot};
use super::store::{MAX_FILE_BYTES, Stored};

/// Longest request or answer line, in bytes.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// Most files of an install: one a role.
pub const MAX_FILES: usize = 2;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Install the files that follow, all or none.
    Install {
        /// Their lengths, in order.
        files: Vec<Lengths>,
        /// Labels without a light are fine.
        force: bool,
        /// Check only.
        dry_run: bool,
    },
    /// Go back to the model before.
    RollBack {
        /// In this role, else in those of the last install.
        role: Option<Role>,
    },
    /// Tell how things are.
    Status,
}

/// How long a file and its signature are, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// Of the model file.
    pub file: u64,
    /// Of the signature file, if there is one.
    pub signature: Option<u64>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done, or checked.
    Installed(Installed),
    /// Done.
    RolledBack(RolledBack),
    /// How things are.
    Status(Box<Status>),
    /// Not done.
    Error(Refusal),
}

/// An install that was done or, with `dry_run`, would have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// What.
    pub models: Vec<Entry>,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Whether a running program goes on with them; else its next start does.
    pub live: bool,
    /// How long they are on trial, seconds.
    pub trial_s: u32,
}

/// A rollback that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledBack {
    /// Where.
    pub roles: Vec<Role>,
    /// Whether a running program has gone back; else its next start does.
    pub live: bool,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A word for programs.
    pub code: String,
    /// A line for people.
    pub message: String,
}

/// How things are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Whether the program runs and answers.
    pub running: bool,
    /// Names of the trusted keys, lower-case hex.
    pub trusted_keys: Vec<String>,
    /// Whether unsigned models are allowed.
    pub allow_unsigned: bool,
    /// The expression model.
    pub expression: RoleStatus,
    /// The face detector.
    pub detector: RoleStatus,
}

/// What a role's active model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The program's own.
    Factory,
    /// A file that the configuration or the command line names.
    Named,
    /// Installed, on trial.
    Trial,
    /// Installed, confirmed.
    Confirmed,
}

/// A role's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleStatus {
    /// What runs.
    pub standing: Standing,
    /// The active slot; none where no installed model is.
    pub active: Option<Slot>,
    /// The slot that a rollback goes to; none is the program's own model.
    pub previous: Option<Slot>,
    /// What the slots hold.
    pub slots: BTreeMap<String, Option<Entry>>,
    /// How far the trial is, if there is one.
    pub trial: Option<TrialStatus>,
    /// What a new version must be above, by kind of file.
    pub floor: BTreeMap<FileKind, u64>,
    /// Versions that failed their trial.
    pub blocked: Vec<Blocked>,
}

/// How far a trial is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialStatus {
    /// Starts so far.
    pub starts: u32,
    /// Starts that are allowed.
    pub max_starts: u32,
    /// How long it has run without a fault since the last start, seconds; none where nothing runs.
    pub healthy_s: Option<u64>,
    /// How long it must, seconds.
    pub trial_s: u32,
}

impl Request {
    /// The request for an install, and the bytes that follow it.
    pub fn install(offers: &[Stored], force: bool, dry_run: bool) -> (Self, Vec<u8>) {
        let mut bytes = Vec::new();
        let lengths = |offer: &Stored| Lengths {
            file: offer.file.len() as u64,
            signature: offer.signature.as_ref().map(|bytes| bytes.len() as u64),
        };
        for offer in offers {
            bytes.extend(&offer.file);
            bytes.extend(offer.signature.iter().flatten());
        }
        let request = Self::Install {
            files: offers.iter().map(lengths).collect(),
            force,
            dry_run,
        };
        (request, bytes)
    }
}

/// Writes a request or an answer as a line.
///
/// # Errors
/// Those of the writer.
pub fn write_line(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// Reads a line and no byte more.
///
/// # Errors
/// [`ErrorKind::InvalidData`] if it is too long or not what was expected, and those of the reader.
pub fn read_line<T: for<'de> Deserialize<'de>>(from: &mut impl Read) -> io::Result<T> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        from.read_exact(&mut byte)?;
        if byte[0] == b'\n' {
            break;
        }
        line.push(byte[0]);
        if line.len() as u64 > MAX_LINE_BYTES {
            return Err(invalid("the line is too long"));
        }
    }
    serde_json::from_slice(&line).map_err(|error| invalid(&error.to_string()))
}

/// Reads the files that an install announces. The lengths are checked before a byte of them is read.
///
/// # Errors
/// [`ErrorKind::InvalidData`] for too many or too long ones, and those of the reader.
pub fn read_files(from: &mut impl Read, lengths: &[Lengths]) -> io::Result<Vec<Stored>> {
    if lengths.is_empty() || lengths.len() > MAX_FILES {
        return Err(invalid("one or two files can be installed at a time"));
    }
    for Lengths { file, signature } in lengths {
        if *file > MAX_FILE_BYTES || signature.is_some_and(|bytes| bytes > SIGNATURE_BYTES as u64) {
            let why = format!(
                "a model file has at most {MAX_FILE_BYTES} bytes, a signature {SIGNATURE_BYTES}"
            );
            return Err(io::Error::new(ErrorKind::FileTooLarge, why));
        }
    }
    let mut read = |bytes: u64| {
        let mut content = Vec::new();
        from.take(bytes).read_to_end(&mut content)?;
        match content.len() as u64 == bytes {
            true => Ok(content),
            false => Err(io::Error::from(ErrorKind::UnexpectedEof)),
        }
    };
    let stored = lengths.iter().map(|lengths| {
        Ok(Stored {
            file: read(lengths.file)?,
            signature: lengths.signature.map(&mut read).transpose()?,
        })
    });
    stored.collect()
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_out_as_they_went_in() {
        let offers = [
            Stored {
                file: vec![1; 1000],
                signature: Some(vec![2; 96]),
            },
            Stored {
                file: vec![3; 5],
                signature: None,
            },
        ];
        let (request, bytes) = Request::install(&offers, true, false);
        let mut wire = Vec::new();
        write_line(&mut wire, &request).unwrap();
        wire.extend(bytes);
        let mut from = &wire[..];
        let Request::Install { files, force, .. } = read_line(&mut from).unwrap() else {
            panic!("another request");
        };
        assert!(force);
        assert_eq!(read_files(&mut from, &files).unwrap(), offers);
        assert!(from.is_empty());
        // Cut off anywhere.
        for length in 0..wire.len() {
            let mut from = &wire[..length];
            let files = read_line::<Request>(&mut from);
            let Ok(Request::Install { files, .. }) = files else {
                continue;
            };
            assert!(read_files(&mut from, &files).is_err(), "{length}");
        }
    }

    #[test]
    fn no_request_can_name_a_file() {
        let request = |first: &str, file: &str| {
            let text = format!(
                "{{\"install\":{{{first}\"files\":[{{{file}\"file\":1,\"signature\":null}}],\
                 \"force\":false,\"dry_run\":false}}}}\n"
            );
            read_line::<Request>(&mut text.as_bytes())
        };
        assert!(request("", "").is_ok());
        for name in ["path", "name", "slot", "to"] {
            for value in ["../../etc/passwd", "/etc/passwd", "a"] {
                let key = format!("\"{name}\":\"{value}\",");
                for refused in [request(&key, ""), request("", &key)] {
                    let error = refused.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::InvalidData);
                    assert!(error.to_string().contains("unknown field"), "{error}");
                }
            }
        }
    }

    #[test]
    fn what_is_announced_is_bounded() {
        let lengths = |file, signature| Lengths { file, signature };
        let kind = |lengths: &[Lengths]| {
            let mut endless = io::repeat(7);
            read_files(&mut endless, lengths).unwrap_err().kind()
        };
        assert_eq!(kind(&[]), ErrorKind::InvalidData);
        assert_eq!(kind(&[lengths(1, None); 3]), ErrorKind::InvalidData);
        assert_eq!(kind(&[lengths(u64::MAX, None)]), ErrorKind::FileTooLarge);
        assert_eq!(kind(&[lengths(1, Some(97))]), ErrorKind::FileTooLarge);
        let mut endless = io::repeat(b'x');
        assert_eq!(
            read_line::<Request>(&mut endless).unwrap_err().kind(),
            ErrorKind::InvalidData
        );
        for text in [
            "\n",
            "{}\n",
            "{\"install\":{}}\n",
            "\"Status\"\n",
            "nonsense\n",
        ] {
            assert!(
                read_line::<Request>(&mut text.as_bytes()).is_err(),
                "{text}"
            );
        }
        assert_eq!(
            read_line::<Request>(&mut "\"status\"\n".as_bytes()).unwrap(),
            Request::Status
        );
    }
}
