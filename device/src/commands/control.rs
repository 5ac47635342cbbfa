//! Asking the running program, or doing its work where none runs.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use mien_device::config::Config;
use mien_device::update::fs::RealFs;
use mien_device::update::install::{Installer, UpdateError};
use mien_device::update::lock::Lock;
use mien_device::update::protocol::{Refusal, Reply, Request};
use mien_device::update::socket;
use mien_device::update::store::StoreError;
use serde::Serialize;

use super::open::Search;
use super::updates;
use super::{Failure, Outcome, print_json};

/// Where it is asked.
pub struct Place {
    state: PathBuf,
    sockets: Vec<PathBuf>,
}

impl Place {
    /// This machine's.
    pub fn find() -> Result<Self, Failure> {
        let (state, is_explicit) = updates::state_folder()?;
        let sockets = socket::paths(&state, is_explicit);
        Ok(Self { state, sockets })
    }

    /// What the running program answers; `None` if none runs.
    pub fn ask(&self, request: &Request, bytes: &[u8]) -> Result<Option<Reply>, Failure> {
        socket::ask(&self.sockets, request, bytes).map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => Failure::Nothing(anyhow!(
                "the running mien-device answers its group only; this mends it, from the next \
                 login on:\n  sudo usermod -aG mien $USER"
            )),
            _ => Failure::Work(anyhow!(error).context("the running mien-device does not answer")),
        })
    }

    /// Works on the state folder, under its lock.
    pub fn work<T>(
        &self,
        config: &Config,
        work: impl FnOnce(&Installer<RealFs>) -> Result<T, UpdateError>,
    ) -> Result<Result<T, Refusal>, Failure> {
        let installer = self.installer(config)?;
        updates::become_owner(&self.state)?;
        let prepared = installer.store.prepare();
        prepared.map_err(|error| self.unusable(error))?;
        let folder = installer.store.folder();
        let lock = Lock::take(folder).map_err(|error| {
            let path = folder.to_owned();
            self.unusable(StoreError::Io { path, error })
        })?;
        let Some(_lock) = lock else {
            return Err(Failure::Nothing(anyhow!(
                "{}: a mien-device works on it that does not answer at {}; try again, or stop it",
                folder.display(),
                self.sockets[0].display()
            )));
        };
        match work(&installer) {
            Err(UpdateError::Store(error)) => Err(self.unusable(error)),
            done => Ok(done.map_err(Refusal::from)),
        }
    }

    /// The state folder with the configuration's rules.
    pub fn installer(&self, config: &Config) -> Result<Installer<RealFs>, Failure> {
        let rules = updates::rules(config, Search::live(), &[], &config.outputs)?;
        Ok(updates::installer(&self.state, rules))
    }

    /// Why the state folder cannot be used, and the line that mends it.
    pub fn unusable(&self, error: StoreError) -> Failure {
        let is_denied = matches!(&error, StoreError::Io { error, .. }
            if error.kind() == ErrorKind::PermissionDenied);
        let arguments: Vec<String> = std::env::args_os()
            .skip(1)
            .map(|argument| quoted(&argument.to_string_lossy()))
            .collect();
        let arguments = arguments.join(" ");
        match is_denied {
            true => Failure::Nothing(anyhow!(
                "{error}; no mien-device runs that could be asked. This mends it:\n  \
                 sudo mien-device {arguments}"
            )),
            false => Failure::Work(error.into()),
        }
    }
}

/// As a shell reads it.
fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@%+".contains(c);
    match !argument.is_empty() && argument.chars().all(is_plain) {
        true => argument.to_owned(),
        false => format!("'{}'", argument.replace('\'', "'\\''")),
    }
}

/// Prints an answer: as JSON, or by `describe` for people. A refusal is exit code 1 and, as JSON,
/// an object with `error`.
pub fn answer<T: Serialize>(
    done: Result<T, Refusal>,
    json: bool,
    describe: impl FnOnce(&T) -> String,
) -> Outcome {
    #[derive(Serialize)]
    struct Refused {
        error: Refusal,
    }
    let mut stdout = anstream::stdout().lock();
    match done {
        Ok(report) if json => print_json(&mut stdout, &report)?,
        Ok(report) => std::io::Write::write_all(&mut stdout, describe(&report).as_bytes())?,
        Err(error) if json => {
            print_json(&mut stdout, &Refused { error })?;
            return Ok(ExitCode::from(1));
        }
        Err(error) => return Err(Failure::Work(anyhow!(error.message))),
    }
    Ok(ExitCode::SUCCESS)
}

/// Turns an answer of another kind than asked for into an error.
pub fn expect<T>(
    reply: Reply,
    wanted: impl FnOnce(Reply) -> Option<T>,
) -> Result<Result<T, Refusal>, Failure> {
    match reply {
        Reply::Error(refusal) => Ok(Err(refusal)),
        reply => wanted(reply)
            .map(Ok)
            .ok_or_else(|| Failure::Work(anyhow!("the running mien-device is of another version"))),
    }
}
