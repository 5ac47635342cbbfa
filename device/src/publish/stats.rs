//! Figures of a run for those who watch over it: rate, latency per stage, counts. Bounded: the
//! latest frames, not all.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use prometheus_client::metrics::histogram::Histogram;
use serde::Serialize;

use crate::capture::Loss;
use crate::pipeline::stages::Judged;

/// Values that percentiles are taken of: 17 s at 30 frames/s.
const WINDOW: usize = 512;
/// Time over which the rate is taken.
const RATE_WINDOW: Duration = Duration::from_secs(5);
/// The stages that are timed, in the order of the data.
pub const STAGES: [&str; 4] = ["detect", "track", "classify", "smooth"];

/// Upper bounds of the histograms' buckets, seconds.
const BUCKETS_S: [f64; 12] = [
    0.0001, 0.0003, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0,
];

/// What has been measured.
#[derive(Clone, Debug)]
pub struct Stats {
    /// Frames that reached the outputs.
    pub frames: u64,
    /// Frames with at least one face.
    pub frames_with_face: u64,
    /// How often the camera was lost; attempts to get it back do not count.
    pub camera_losses: u64,
    /// The latest loss, while it lasts.
    pub loss: Option<Loss>,
    arrivals: VecDeque<Instant>,
    stages: [Window; STAGES.len()],
    histograms: [Histogram; STAGES.len()],
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            frames: 0,
            frames_with_face: 0,
            camera_losses: 0,
            loss: None,
            arrivals: VecDeque::new(),
            stages: Default::default(),
            histograms: std::array::from_fn(|_| Histogram::new(BUCKETS_S)),
        }
    }
}

/// Percentiles of a stage's time, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half of the frames took at most this.
    pub p50_ms: f32,
    /// 95 of 100 frames took at most this.
    pub p95_ms: f32,
}

impl Stats {
    /// Counts a frame that arrived at `now`.
    pub fn count(&mut self, judged: &Judged, now: Instant) {
        self.frames += 1;
        self.frames_with_face += u64::from(!judged.faces.is_empty());
        self.loss = None;
        if self.arrivals.len() == WINDOW {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(now);
        let times = [
            judged.detect_time,
            Some(judged.track_time),
            // Without a face there was nothing to judge.
            (!judged.faces.is_empty()).then_some(judged.classify_time),
            (!judged.faces.is_empty()).then_some(judged.smooth_time),
        ];
        let stages = self.stages.iter_mut().zip(&self.histograms);
        for ((window, histogram), time) in stages.zip(times) {
            window.extend(time);
            time.iter().for_each(|t| histogram.observe(t.as_secs_f64()));
        }
    }

    /// Frames per second over the last five seconds up to `now`; 0 before the second frame.
    pub fn frames_per_s(&self, now: Instant) -> f32 {
        let recent = |at: &&Instant| now.saturating_duration_since(**at) <= RATE_WINDOW;
        let count = self.arrivals.iter().rev().take_while(recent).count();
        let first = self.arrivals.iter().rev().take_while(recent).last();
        match first {
            Some(first) if count > 1 => {
                let seconds = now.saturating_duration_since(*first).as_secs_f32();
                (count - 1) as f32 / seconds.max(1e-3)
            }
            _ => 0.0,
        }
    }

    /// Latency per stage, in the order of [`STAGES`], of the frames in which it had work.
    pub fn latencies(&self) -> [(&'static str, Latency); STAGES.len()] {
        std::array::from_fn(|index| (STAGES[index], self.stages[index].latency()))
    }

    /// Times per stage since the start, in the order of [`STAGES`].
    pub(crate) fn histograms(&self) -> &[Histogram; STAGES.len()] {
        &self.histograms
    }
}

/// The latest times of a stage, milliseconds.
#[derive(Clone, Debug, Default)]
struct Window(VecDeque<f32>);

impl Window {
    fn extend(&mut self, time: Option<Duration>) {
        let Some(time) = time else { return };
        if self.0.len() == WINDOW {
            self.0.pop_front();
        }
        self.0.push_back(time.as_secs_f32() * 1000.0);
    }

    fn latency(&self) -> Latency {
        let mut sorted: Vec<f32> = self.0.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        // The nearest rank: the least value that so many are at most as large as.
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            let value = sorted.get(rank - 1).copied().unwrap_or(0.0);
            (value * 1000.0).round() / 1000.0
        };
        Latency {
            p50_ms: at(50),
            p95_ms: at(95),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_latest_values() {
        let mut window = Window::default();
        assert_eq!(window.latency(), Latency::default());
        for ms in 0..1000 {
            window.extend(Some(Duration::from_millis(ms)));
        }
        // 488 ..= 999 are left.
        let latency = window.latency();
        assert_eq!((latency.p50_ms, latency.p95_ms), (743.0, 974.0));
        window.extend(None);
        assert_eq!(window.0.len(), WINDOW);
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let mut stats = Stats::default();
        assert_eq!(stats.frames_per_s(start), 0.0);
        for tick in 0..100 {
            stats
                .arrivals
                .push_back(start + Duration::from_millis(100 * tick));
        }
        let end = start + Duration::from_millis(9900);
        assert!((stats.frames_per_s(end) - 10.0).abs() < 0.1);
        assert_eq!(stats.frames_per_s(end + Duration::from_secs(60)), 0.0);
    }
}
