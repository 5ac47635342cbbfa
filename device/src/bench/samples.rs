//! Times and what they amount to.

use std::time::Duration;

use super::Timing;

/// Times in the order they were taken.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// One more.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Median and 99th percentile, to the microsecond; `None` without a sample.
    pub fn timing(&self) -> Option<Timing> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        Some(Timing {
            runs: sorted.len() as u64,
            median_ms: milliseconds(*nearest_rank(&sorted, 50)?),
            p99_ms: milliseconds(*nearest_rank(&sorted, 99)?),
        })
    }

    /// How many fit into a second; 0 without a sample.
    pub fn per_second(&self) -> f64 {
        let sum: Duration = self.0.iter().sum();
        if sum.is_zero() {
            return 0.0;
        }
        (10.0 * self.0.len() as f64 / sum.as_secs_f64()).round() / 10.0
    }
}

/// The smallest value that at least `percent` of all do not exceed.
fn nearest_rank<T>(sorted: &[T], percent: usize) -> Option<&T> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_the_nearest_ones() {
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!(nearest_rank(&hundred, 50), Some(&50));
        assert_eq!(nearest_rank(&hundred, 99), Some(&99));
        assert_eq!(nearest_rank(&[7, 8, 9], 50), Some(&8));
        assert_eq!(nearest_rank(&[7, 8, 9], 99), Some(&9));
        assert_eq!(nearest_rank(&[7], 50), Some(&7));
        assert_eq!(nearest_rank::<u32>(&[], 99), None);
    }

    #[test]
    fn order_does_not_matter() {
        let mut samples = Samples::default();
        for ms in [5, 1, 9, 3, 2] {
            samples.add(Duration::from_millis(ms));
        }
        let timing = samples.timing().unwrap();
        assert_eq!(
            (timing.runs, timing.median_ms, timing.p99_ms),
            (5, 3.0, 9.0)
        );
        assert_eq!(samples.per_second(), 250.0);
        assert_eq!(Samples::default().timing(), None);
        assert_eq!(Samples::default().per_second(), 0.0);
    }
}
