//! The system's own ssh: the user's keys, agent, configuration and jump hosts count, and so do the
//! host keys the user knows.

use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use mien_device::progress::Task;

/// Bytes between two movements of the progress bar.
const CHUNK_BYTES: usize = 16 * 1024;
/// Most that a device may say.
const MAX_OUTPUT_BYTES: u64 = 1 << 20;

/// How ssh is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ssh {
    /// Another configuration file than the user's.
    pub config: Option<PathBuf>,
    /// Further `-o` options.
    pub options: Vec<String>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The remote exit code; 255 where ssh itself failed, `None` where a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its and ssh's standard error.
    pub stderr: String,
}

impl Ssh {
    /// Runs `script` on `host` with `input` on its standard input; `task` counts bytes sent.
    ///
    /// # Errors
    /// If ssh cannot be started, or `host` would be an option of it.
    pub fn run(&self, host: &str, script: &str, input: &[u8], task: &Task) -> io::Result<Ran> {
        if host.is_empty() || host.starts_with('-') {
            let why = format!("{host:?} is no host");
            return Err(io::Error::new(ErrorKind::InvalidInput, why));
        }
        let mut command = Command::new("ssh");
        // Questions on a terminal would mix with the progress of other hosts: keys and agents only.
        // A device that has gone is noticed after half a minute.
        for option in [
            "BatchMode=yes",
            "ConnectTimeout=15",
            "ServerAliveInterval=10",
            "ServerAliveCountMax=3",
        ]
        .into_iter()
        .chain(self.options.iter().map(String::as_str))
        {
            command.args(["-o", option]);
        }
        if let Some(config) = &self.config {
            command.arg("-F").arg(config);
        }
        let mut child = command
            .args(["-T", "--", host, script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => {
                    let why = "there is no ssh (hint: apt install openssh-client)";
                    io::Error::new(ErrorKind::NotFound, why)
                }
                _ => error,
            })?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = thread::scope(|scope| {
            let stdout = scope.spawn(|| collect(stdout));
            let stderr = scope.spawn(|| collect(stderr));
            // A connection that is cut ends the child; its exit code says so.
            if let Some(mut stdin) = stdin {
                for chunk in input.chunks(CHUNK_BYTES) {
                    if stdin.write_all(chunk).is_err() {
                        break;
                    }
                    task.advance(chunk.len() as u64);
                }
            }
            (stdout.join(), stderr.join())
        });
        let status = child.wait()?;
        Ok(Ran {
            code: status.code(),
            stdout: stdout.unwrap_or_default(),
            stderr: stderr.unwrap_or_default(),
        })
    }
}

fn collect(from: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        let _ = from.by_ref().take(MAX_OUTPUT_BYTES).read_to_end(&mut bytes);
        // The rest is read and forgotten, so that nobody waits for it.
        let _ = io::copy(&mut from, &mut io::sink());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
