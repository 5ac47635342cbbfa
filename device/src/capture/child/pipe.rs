//! A child's output, read with a deadline.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::process::{ChildStderr, ChildStdout};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// Longest time between two looks at the stop flag.
const SLICE: Duration = Duration::from_millis(100);
/// What is kept of what a child says.
const WORDS_BYTES: usize = 2000;

/// What reader and owner both know.
struct Shared {
    began: Instant,
    /// Microseconds after `began`.
    deadline_us: AtomicU64,
    has_stalled: AtomicBool,
    was_stopped: AtomicBool,
    words: Mutex<VecDeque<u8>>,
}

/// The owner's end: sets the deadline, learns what happened.
pub struct Watch(Arc<Shared>);

impl Watch {
    /// The next frame must be whole by then.
    pub fn expect_within(&self, wait: Duration) {
        let deadline = (self.0.began.elapsed() + wait).as_micros() as u64;
        // Rounded up: never before its time.
        self.0.deadline_us.store(deadline + 1, Ordering::Relaxed);
    }

    /// Whether a deadline has passed.
    pub fn has_stalled(&self) -> bool {
        self.0.has_stalled.load(Ordering::Relaxed)
    }

    /// Whether reading ended because the program is to stop.
    pub fn was_stopped(&self) -> bool {
        self.0.was_stopped.load(Ordering::Relaxed)
    }

    /// The last line that the child wrote to its standard error.
    pub fn last_words(&self) -> Option<String> {
        let words = self.0.words.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = words.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let line = text.lines().rev().map(str::trim).find(|l| !l.is_empty())?;
        Some(line.chars().filter(|c| !c.is_control()).take(300).collect())
    }
}

/// The reader's end.
pub struct Pipe {
    stdout: ChildStdout,
    stderr: Option<ChildStderr>,
    stop: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

impl Pipe {
    /// Reads `stdout` and keeps the end of `stderr`, until `stop` is set.
    pub fn new(
        stdout: ChildStdout,
        stderr: ChildStderr,
        stop: Arc<AtomicBool>,
    ) -> io::Result<(Self, Watch)> {
        fcntl_setfl(&stdout, fcntl_getfl(&stdout)? | OFlags::NONBLOCK)?;
        fcntl_setfl(&stderr, fcntl_getfl(&stderr)? | OFlags::NONBLOCK)?;
        let shared = Arc::new(Shared {
            began: Instant::now(),
            deadline_us: AtomicU64::new(u64::MAX),
            has_stalled: AtomicBool::new(false),
            was_stopped: AtomicBool::new(false),
            words: Mutex::new(VecDeque::with_capacity(WORDS_BYTES)),
        });
        let watch = Watch(Arc::clone(&shared));
        let pipe = Self {
            stdout,
            stderr: Some(stderr),
            stop,
            shared,
        };
        Ok((pipe, watch))
    }

    /// Time until the deadline; `None` once it is over.
    fn left(&self) -> Option<Duration> {
        let deadline_us = self.shared.deadline_us.load(Ordering::Relaxed);
        let deadline = Duration::from_micros(deadline_us);
        deadline.checked_sub(self.shared.began.elapsed())
    }

    /// Waits until there is something to read, at most a slice of time.
    fn wait(&self, left: Duration) -> io::Result<()> {
        let timeout = Timespec::try_from(left.min(SLICE)).map_err(io::Error::other)?;
        let mut ready = vec![PollFd::new(&self.stdout, PollFlags::IN)];
        ready.extend(self.stderr.iter().map(|s| PollFd::new(s, PollFlags::IN)));
        match poll(&mut ready, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes what the child says, so that it never waits for a reader.
    fn listen(&mut self) {
        let Some(stderr) = &mut self.stderr else {
            return;
        };
        let mut bytes = [0; 1024];
        loop {
            match stderr.read(&mut bytes) {
                Ok(0) => break self.stderr = None,
                Ok(read) => {
                    let words = self.shared.words.lock();
                    let mut words = words.unwrap_or_else(PoisonError::into_inner);
                    words.extend(&bytes[..read]);
                    let excess = words.len().saturating_sub(WORDS_BYTES);
                    words.drain(..excess);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => break self.stderr = None,
            }
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                self.shared.was_stopped.store(true, Ordering::Relaxed);
                return Err(io::Error::other("stopped"));
            }
            self.listen();
            match self.stdout.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(0) => {
                    // Whoever has closed one output has mostly written to the other before.
                    self.listen();
                    return Ok(0);
                }
                outcome => return outcome,
            }
            let Some(left) = self.left() else {
                self.shared.has_stalled.store(true, Ordering::Relaxed);
                return Err(io::ErrorKind::TimedOut.into());
            };
            self.wait(left)?;
        }
    }
}
