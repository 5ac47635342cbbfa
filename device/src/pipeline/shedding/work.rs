//! What the stages do, counted as they do it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Time over which the load is measured.
const WINDOW: Duration = Duration::from_secs(2);

/// Counts that the stages share with whoever watches a run. All of them only grow, but the level.
#[derive(Debug, Default)]
pub struct Work {
    /// Frames the source gave.
    offered: AtomicU64,
    /// Frames judged.
    done: AtomicU64,
    /// Time that detecting and tracking took, nanoseconds.
    detect_ns: AtomicU64,
    /// Time that judging and smoothing took, nanoseconds.
    classify_ns: AtomicU64,
    /// The shedding level.
    level: AtomicU64,
    /// Frames treated with less than everything.
    reduced: AtomicU64,
    /// Frames left out against heat.
    skipped: AtomicU64,
    /// Frames whose faces were judged.
    frames_judged: AtomicU64,
    /// Those faces.
    faces_judged: AtomicU64,
}

impl Work {
    /// The shedding level now, an index into [`LEVELS`](super::LEVELS).
    pub fn level(&self) -> usize {
        self.level.load(Ordering::Relaxed) as usize
    }

    /// Frames treated with less than everything so far.
    pub fn reduced(&self) -> u64 {
        self.reduced.load(Ordering::Relaxed)
    }

    /// Frames left out against heat so far.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    pub(in crate::pipeline) fn offer(&self) {
        self.offered.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::pipeline) fn skip(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::pipeline) fn detected(&self, took: Duration) {
        self.detect_ns
            .fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
        if self.level() > 0 {
            self.reduced.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(in crate::pipeline) fn classified(&self, took: Duration) {
        self.classify_ns
            .fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Frames whose faces were judged so far; a frame without a face is one of them, a camera's loss
    /// is not.
    pub fn frames_judged(&self) -> u64 {
        self.frames_judged.load(Ordering::Relaxed)
    }

    /// Faces judged so far.
    pub fn faces_judged(&self) -> u64 {
        self.faces_judged.load(Ordering::Relaxed)
    }

    pub(crate) fn judged(&self, faces: usize) {
        self.frames_judged.fetch_add(1, Ordering::Relaxed);
        self.faces_judged.fetch_add(faces as u64, Ordering::Relaxed);
    }

    pub(in crate::pipeline) fn set_level(&self, level: usize) {
        self.level.store(level as u64, Ordering::Relaxed);
    }

    /// Frames that were to be judged, frames judged, the stages' times.
    fn counts(&self) -> [u64; 4] {
        let Self {
            offered,
            done,
            detect_ns,
            classify_ns,
            ..
        } = self;
        let mut counts =
            [offered, done, detect_ns, classify_ns].map(|count| count.load(Ordering::Relaxed));
        counts[0] = counts[0].saturating_sub(self.skipped());
        counts
    }
}

/// What a machine has to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Frames a second that the source gives.
    pub offered_per_s: f32,
    /// Frames a second that are judged.
    pub done_per_s: f32,
    /// Share of its time for which the busiest stage works, 0..=1.
    pub busiest: f32,
    /// The hottest sensor, degrees Celsius; `None` where there is none.
    pub temperature_c: Option<f32>,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offered_per_s,
            done_per_s,
            busiest,
            temperature_c,
        } = self;
        let busy = 100.0 * busiest;
        write!(
            f,
            "{done_per_s:.1} of {offered_per_s:.1} frames a second, {busy:.0} % busy"
        )?;
        match temperature_c {
            Some(temperature) => write!(f, ", {temperature:.0} °C"),
            None => Ok(()),
        }
    }
}

/// Makes a [`Load`] of [`Work`] every now and then.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    since: Instant,
    counts: [u64; 4],
}

impl Meter {
    /// Begins to measure at `now`.
    pub fn new(work: &Work, now: Instant) -> Self {
        Self {
            since: now,
            counts: work.counts(),
        }
    }

    /// The load since the last one, every two seconds.
    pub fn load(
        &mut self,
        work: &Work,
        now: Instant,
        temperature_c: impl FnOnce() -> Option<f32>,
    ) -> Option<Load> {
        let passed = now.saturating_duration_since(self.since);
        if passed < WINDOW {
            return None;
        }
        let before = std::mem::replace(self, Self::new(work, now)).counts;
        let per_s = |index: usize| {
            let count = self.counts[index].saturating_sub(before[index]);
            (count as f64 / passed.as_secs_f64()) as f32
        };
        let busy = |index: usize| (per_s(index) / 1e9).min(1.0);
        Some(Load {
            offered_per_s: per_s(0),
            done_per_s: per_s(1),
            busiest: busy(2).max(busy(3)),
            temperature_c: temperature_c(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_time_since_the_last_look() {
        let work = Work::default();
        let start = Instant::now();
        work.offer();
        let mut meter = Meter::new(&work, start);
        let none = || None;
        assert_eq!(meter.load(&work, start + WINDOW / 2, none), None);
        for _ in 0..40 {
            work.offer();
            work.detected(Duration::from_millis(30));
        }
        (0..20).for_each(|_| work.classified(Duration::from_millis(10)));
        let load = meter
            .load(&work, start + 2 * WINDOW, || Some(50.0))
            .unwrap();
        assert_eq!((load.offered_per_s, load.done_per_s), (10.0, 5.0));
        assert!((load.busiest - 0.3).abs() < 1e-3, "{load:?}");
        assert_eq!(load.temperature_c, Some(50.0));
        let idle = meter.load(&work, start + 3 * WINDOW, none).unwrap();
        assert_eq!((idle.offered_per_s, idle.busiest), (0.0, 0.0));
    }
}
