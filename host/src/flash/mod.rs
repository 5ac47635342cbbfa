//! Models to devices: over the system's ssh, or onto a card or stick. What counts is decided by the
//! device; this side only carries.

pub mod card;
mod parcel;
mod script;
mod ssh;

use mien_device::progress::Task;
use mien_device::update::protocol::{Installed, Refusal, RolledBack};
use mien_models::signature::PublicKey;
use serde::Serialize;
use serde_json::Value;

pub use parcel::{Parcel, ParcelError};
pub use ssh::Ssh;

/// What is to be done on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job<'a> {
    /// Install what the parcel holds.
    Install {
        /// The files.
        parcel: &'a Parcel,
        /// Labels without a light are fine.
        force: bool,
        /// Check only.
        dry_run: bool,
    },
    /// Go back to the models before.
    RollBack,
    /// Trust a key, on a device that trusts none yet.
    Trust(&'a PublicKey),
}

/// What came of it on one device.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The models are there, or would be.
    Installed(Installed),
    /// The models before run.
    RolledBack(RolledBack),
    /// The key is trusted.
    Trusted,
    /// Not done.
    Failed(Refusal),
}

impl Outcome {
    fn failed(code: &str, message: impl Into<String>) -> Self {
        Self::Failed(Refusal {
            code: code.to_owned(),
            message: message.into(),
        })
    }
}

/// Does `job` on `host`, which is `[user@]host` or a name from the user's ssh configuration. `program`
/// is the device's program there. `task` counts bytes sent.
pub fn run(ssh: &Ssh, host: &str, program: &str, job: Job<'_>, task: &Task) -> Outcome {
    let script = script::of(job, program);
    let input = match job {
        Job::Install { parcel, .. } => parcel.bytes(),
        Job::RollBack | Job::Trust(_) => &[],
    };
    let ran = match ssh.run(host, &script, input, task) {
        Ok(ran) => ran,
        Err(error) => return Outcome::failed("ssh", error.to_string()),
    };
    let said = last_line(&ran.stderr);
    match (script::answer(&ran.stdout), ran.code) {
        (Some(answer), Some(0)) => match understood(job, answer) {
            Some(outcome) => outcome,
            None => Outcome::failed(
                "answer",
                format!("{program} there answers otherwise: {answer}"),
            ),
        },
        (Some(answer), _) => refused(answer).map_or_else(
            || {
                Outcome::failed(
                    "device",
                    said.unwrap_or_else(|| "it failed there".to_owned()),
                )
            },
            Outcome::Failed,
        ),
        (None, Some(255)) => {
            let why = said.unwrap_or_else(|| "the connection was lost".to_owned());
            let hint = hint(&ran.stderr, host).map_or(String::new(), |hint| format!(" ({hint})"));
            Outcome::failed("connection", why + &hint)
        }
        (None, Some(script::NO_ROOM)) => Outcome::failed(
            "transfer",
            format!("not received whole: {}", said.unwrap_or_default()),
        ),
        (None, Some(script::DAMAGED)) => {
            Outcome::failed("checksum", "what arrived is not what was sent")
        }
        (None, Some(script::NO_PROGRAM)) => Outcome::failed(
            "no_program",
            format!("there is no {program} (hint: install it there, or --device-program PATH)"),
        ),
        (None, code) => {
            let code = code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
            Outcome::failed("device", said.unwrap_or(code))
        }
    }
}

fn understood(job: Job<'_>, answer: &str) -> Option<Outcome> {
    match job {
        Job::Install { .. } => serde_json::from_str(answer).ok().map(Outcome::Installed),
        Job::RollBack => serde_json::from_str(answer).ok().map(Outcome::RolledBack),
        Job::Trust(_) => Some(Outcome::Trusted),
    }
}

/// `{"error": …}`, as `mien-device --json` writes it.
fn refused(answer: &str) -> Option<Refusal> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    serde_json::from_value(answer.get("error")?.clone()).ok()
}

/// What mends the two failures of ssh that everybody meets once. It may not ask anything here, as
/// several hosts' questions would mix.
fn hint(stderr: &str, host: &str) -> Option<String> {
    if stderr.contains("Permission denied (") {
        return Some(format!(
            "hint: only keys are used, no passwords; `ssh-copy-id {host}` puts yours there"
        ));
    }
    if stderr.contains("IDENTIFICATION HAS CHANGED") {
        let why = "hint: this may be another machine that answers; if it was set up anew, \
                   `ssh-keygen -R` forgets the old key";
        return Some(why.to_owned());
    }
    stderr
        .contains("Host key verification failed")
        .then(|| format!("hint: `ssh {host}` once, and compare the key that it shows"))
}

fn last_line(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.next_back().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_failures_of_ssh_have_hints() {
        for (said, part) in [
            (
                "pi@hall: Permission denied (publickey,password).",
                "ssh-copy-id pi@hall",
            ),
            (
                "No ED25519 host key is known for hall.\r\nHost key verification failed.",
                "`ssh pi@hall`",
            ),
            (
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                "ssh-keygen -R",
            ),
        ] {
            let hint = hint(said, "pi@hall").unwrap();
            assert!(hint.contains(part), "{said}: {hint}");
        }
        assert_eq!(hint("Connection timed out", "pi@hall"), None);
    }
}
