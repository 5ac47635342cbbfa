//! Keeps a camera going: one that fails or falls silent is closed and opened again, later and
//! later while it stays away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{CaptureError, Frame, Loss, Source};

/// Longest sleep between two looks at the stop flag.
const SLICE: Duration = Duration::from_millis(50);

/// How long to wait before a camera is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub first: Duration,
    /// The longest wait; each is twice as long as the one before.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(15),
        }
    }
}

impl Backoff {
    /// The wait before attempt `attempt` (1, 2, …): up to a quarter less, by `jitter` of 0 to 1,
    /// so that several devices do not ask a shared camera at the same time.
    fn wait(&self, attempt: u32, jitter: f64) -> Duration {
        let doubled = 1u32
            .checked_shl(attempt.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let whole = self.first.saturating_mul(doubled).min(self.longest);
        whole.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 4.0)
    }
}

/// Opens the source; called again after each loss.
pub type Open = dyn FnMut() -> Result<Box<dyn Source>, CaptureError> + Send;

/// A source that comes back. It ends only when `stop` is set.
pub struct Supervisor {
    open: Box<Open>,
    source: Option<Box<dyn Source>>,
    backoff: Backoff,
    stop: Arc<AtomicBool>,
    /// Losses since the last frame.
    attempts: u32,
    wait: Duration,
    random: fastrand::Rng,
    started: Option<Instant>,
    sequence: u64,
}

impl Supervisor {
    /// Opens with the first frame, by `open`. `seed` is of the waits' jitter.
    pub fn new(open: Box<Open>, backoff: Backoff, stop: Arc<AtomicBool>, seed: u64) -> Self {
        Self {
            open,
            source: None,
            backoff,
            stop,
            attempts: 0,
            wait: Duration::ZERO,
            random: fastrand::Rng::with_seed(seed),
            started: None,
            sequence: 0,
        }
    }

    fn is_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Sleeps the wait that the last loss announced; `false` when it is time to stop.
    fn pause(&mut self) -> bool {
        let until = Instant::now() + std::mem::take(&mut self.wait);
        while !self.is_to_stop() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(SLICE));
        }
        false
    }

    fn try_next(&mut self) -> Result<Option<Frame>, CaptureError> {
        let source = match &mut self.source {
            Some(source) => source,
            closed => closed.insert((self.open)()?),
        };
        source.next_frame()
    }

    /// The camera is gone: closes what is left of it and tells when the next attempt comes.
    fn lost(&mut self, why: String) -> Loss {
        self.source = None;
        self.attempts = self.attempts.saturating_add(1);
        self.wait = self.backoff.wait(self.attempts, self.random.f64());
        Loss {
            why,
            attempt: self.attempts,
            retry_in_ms: self.wait.as_millis() as u64,
        }
    }
}

impl Source for Supervisor {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        if !self.pause() {
            return Ok(None);
        }
        let why = match self.try_next() {
            Ok(Some(mut frame)) => {
                self.attempts = 0;
                // The source counts from its last start; the run goes on.
                let started = *self.started.get_or_insert_with(Instant::now);
                frame.timestamp_ms = started.elapsed().as_millis() as u64;
                frame.sequence = self.sequence;
                self.sequence += 1;
                return Ok(Some(frame));
            }
            _ if self.is_to_stop() => return Ok(None),
            Ok(None) => "it ended".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(CaptureError::Lost(self.lost(why)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Backoff = Backoff {
        first: Duration::from_micros(10),
        longest: Duration::from_micros(40),
    };

    /// Gives `frames` frames and then fails.
    struct Flaky {
        frames: u32,
    }

    impl Source for Flaky {
        fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
            if self.frames == 0 {
                let why = "unplugged".to_owned();
                return Err(CaptureError::Video { why });
            }
            self.frames -= 1;
            Ok(Some(Frame {
                pixels: vec![0],
                width: 1,
                height: 1,
                sequence: 0,
                timestamp_ms: 0,
            }))
        }
    }

    fn supervise(open: Box<Open>) -> Supervisor {
        Supervisor::new(open, QUICK, Arc::default(), 1)
    }

    fn loss(source: &mut Supervisor) -> Loss {
        match source.next_frame() {
            Err(CaptureError::Lost(loss)) => loss,
            other => panic!("{other:?} is no loss"),
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let backoff = Backoff {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(15),
        };
        let waits = [1, 2, 3, 5, 6, 40, u32::MAX].map(|n| backoff.wait(n, 0.0).as_millis());
        assert_eq!(waits, [500, 1000, 2000, 8000, 15000, 15000, 15000]);
        assert_eq!(backoff.wait(1, 1.0).as_millis(), 375);
    }

    #[test]
    fn a_camera_that_comes_back_goes_on_counting() {
        let mut source = supervise(Box::new(|| Ok(Box::new(Flaky { frames: 2 }))));
        for sequence in [0, 1] {
            assert_eq!(source.next_frame().unwrap().unwrap().sequence, sequence);
        }
        let first = loss(&mut source);
        assert!(first.why.contains("unplugged"), "{first:?}");
        assert_eq!(first.attempt, 1);
        assert_eq!(source.next_frame().unwrap().unwrap().sequence, 2);
        source.next_frame().unwrap();
        assert_eq!(loss(&mut source).attempt, 1, "it had come back");
    }

    #[test]
    fn attempts_are_counted_while_it_stays_away() {
        let mut opened = 0;
        let mut source = supervise(Box::new(move || {
            opened += 1;
            let frames = u32::from(opened == 4);
            Ok(Box::new(Flaky { frames }))
        }));
        let attempts = [1, 2, 3].map(|_| loss(&mut source).attempt);
        assert_eq!(attempts, [1, 2, 3]);
        source.next_frame().unwrap().unwrap();
        assert_eq!(loss(&mut source).attempt, 1);
    }

    #[test]
    fn stopping_ends_a_long_wait() {
        let stop = Arc::new(AtomicBool::new(false));
        let slow = Backoff {
            first: Duration::from_secs(60),
            longest: Duration::from_secs(60),
        };
        let open = Box::new(|| Ok(Box::new(Flaky { frames: 0 }) as Box<dyn Source>));
        let mut source = Supervisor::new(open, slow, Arc::clone(&stop), 1);
        assert!(loss(&mut source).retry_in_ms >= 45_000);
        let setter = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            stop.store(true, Ordering::Relaxed);
        });
        assert!(source.next_frame().unwrap().is_none());
        setter.join().unwrap();
    }
}
