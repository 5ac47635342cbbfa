//! Runs a program when the expression changes: a webhook, a sound, a relay.

use std::io::{self, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mien_models::label::Labels;
use serde::{Deserialize, Serialize};

use super::Output;
use super::shown::{Leading, leading};
use crate::capture::Loss;
use crate::pipeline::stages::Judged;
use crate::pipeline::totals::Totals;

/// How long a program that still runs at the end may take.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// The configuration's `[exec]` section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExecOptions {
    /// The program and its arguments; no shell is involved.
    pub command: Vec<String>,
    /// Least time between two starts, milliseconds. What changes in between is not lost: the
    /// state at the end of that time counts.
    pub min_interval_ms: u32,
    /// A program that runs longer is killed, milliseconds.
    pub timeout_ms: u32,
}

impl Default for ExecOptions {
    fn default() -> Self {
        Self {
            command: Vec::new(),
            min_interval_ms: 1000,
            timeout_ms: 10_000,
        }
    }
}

impl ExecOptions {
    /// Checks the ranges.
    ///
    /// # Errors
    /// One line that names the key, what it is and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        for (key, value) in [
            ("min_interval_ms", self.min_interval_ms),
            ("timeout_ms", self.timeout_ms),
        ] {
            if !(100..=3_600_000).contains(&value) {
                return Err(format!(
                    "[exec] {key} is {value}; it must be 100 to 3600000"
                ));
            }
        }
        Ok(())
    }
}

/// What the program reads on its standard input: one line of JSON.
#[derive(Serialize)]
struct Event<'a> {
    /// `null` without a face and while it is uncertain.
    expression: Option<&'a str>,
    /// `null` without an expression.
    probability: Option<f32>,
    /// Faces in the frame.
    faces: usize,
    /// Whether the camera is gone.
    camera_lost: bool,
    /// Milliseconds since the source's first frame.
    timestamp_ms: u64,
}

/// What makes a change: expression and camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    label_index: Option<usize>,
    has_camera: bool,
}

/// The program.
pub struct Exec {
    options: ExecOptions,
    labels: Labels,
    /// What it was told last.
    told: State,
    running: Option<(Child, Instant)>,
    last_start: Option<Instant>,
    timestamp_ms: u64,
}

impl Exec {
    /// Runs `options.command`; the first change is the first expression.
    ///
    /// # Errors
    /// If no command is configured.
    pub fn new(options: &ExecOptions, labels: &Labels) -> io::Result<Self> {
        if options.command.is_empty() {
            let why = "[exec] command is empty (hint: command = [\"/usr/local/bin/my-program\"])";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        Ok(Self {
            options: options.clone(),
            labels: labels.clone(),
            told: State {
                label_index: None,
                has_camera: true,
            },
            running: None,
            last_start: None,
            timestamp_ms: 0,
        })
    }

    /// Collects a program that has ended, kills one that takes too long. Whether one still runs.
    fn is_running(&mut self) -> bool {
        let Some((child, started)) = &mut self.running else {
            return false;
        };
        let timeout = Duration::from_millis(self.options.timeout_ms.into());
        match child.try_wait() {
            Ok(None) if started.elapsed() < timeout => return true,
            Ok(None) => {
                tracing::warn!("{} was killed: it took too long", self.options.command[0]);
                let _ = child.kill();
                let _ = child.wait();
            }
            Ok(Some(status)) if !status.success() => {
                tracing::warn!("{} ended with {status}", self.options.command[0]);
            }
            Ok(Some(_)) | Err(_) => {}
        }
        self.running = None;
        false
    }

    fn update(&mut self, state: State, leading: Option<Leading>, faces: usize) {
        let interval = Duration::from_millis(self.options.min_interval_ms.into());
        let is_early = self
            .last_start
            .is_some_and(|last| last.elapsed() < interval);
        if self.is_running() || state == self.told || is_early {
            return;
        }
        self.told = state;
        self.last_start = Some(Instant::now());
        let event = Event {
            expression: state.label_index.and_then(|index| self.labels.name(index)),
            probability: leading.map(|leading| leading.probability),
            faces,
            camera_lost: !state.has_camera,
            timestamp_ms: self.timestamp_ms,
        };
        match start(&self.options.command, &event) {
            Ok(child) => self.running = Some((child, Instant::now())),
            // The rest of the device goes on.
            Err(error) => tracing::warn!("{} was not run: {error}", self.options.command[0]),
        }
    }
}

fn start(command: &[String], event: &Event<'_>) -> io::Result<Child> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    // A line fits into the pipe, so this never waits; a program need not read it.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(&line);
    }
    Ok(child)
}

impl Output for Exec {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        self.timestamp_ms = judged.frame.timestamp_ms;
        let leading = leading(judged);
        let state = State {
            label_index: leading.map(|leading| leading.label_index),
            has_camera: true,
        };
        self.update(state, leading, judged.faces.len());
        Ok(())
    }

    fn lost(&mut self, _: &Loss) -> io::Result<()> {
        let state = State {
            label_index: None,
            has_camera: false,
        };
        self.update(state, None, 0);
        Ok(())
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        let end = Instant::now() + LAST_WAIT;
        while self.is_running() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Exec {
    /// No child outlives its output.
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
