//! Whether every stage goes on, for a watchdog.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The stages, in the order of the data.
pub const STAGES: [&str; 4] = ["capture", "detect", "classify", "output"];

/// What a stage says of itself.
#[derive(Debug, Default)]
pub struct Pulse {
    /// Things done so far.
    beats: AtomicU64,
    /// Whether it waits for something to do.
    is_idle: AtomicBool,
}

impl Pulse {
    /// Something was done.
    pub fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs `wait`, which waits for work from the stage before: that is no standstill.
    pub fn idle<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.is_idle.store(true, Ordering::Relaxed);
        let waited = wait();
        self.is_idle.store(false, Ordering::Relaxed);
        self.beat();
        waited
    }
}

/// The pulses of all stages.
#[derive(Debug, Default)]
pub struct Health {
    pulses: [Pulse; STAGES.len()],
}

impl Health {
    /// The pulse of stage `index` of [`STAGES`].
    pub(crate) fn pulse(&self, index: usize) -> &Pulse {
        &self.pulses[index]
    }

    /// Things that stage `index` of [`STAGES`] has done so far.
    pub fn beats(&self, index: usize) -> u64 {
        let pulse = self.pulses.get(index);
        pulse.map_or(0, |pulse| pulse.beats.load(Ordering::Relaxed))
    }
}

/// Looks at a [`Health`] now and then.
#[derive(Debug)]
pub struct Checkup<'a> {
    health: &'a Health,
    seen: [Option<u64>; STAGES.len()],
}

impl<'a> Checkup<'a> {
    /// Nothing seen yet.
    pub fn new(health: &'a Health) -> Self {
        Self {
            health,
            seen: [None; STAGES.len()],
        }
    }

    /// The first stage that has neither done anything since the last look nor waits for work;
    /// `None` if all is well.
    pub fn stuck(&mut self) -> Option<&'static str> {
        self.look().into_iter().flatten().next()
    }

    /// The last such stage: those before it may only be waiting for it to take something.
    pub fn culprit(&mut self) -> Option<&'static str> {
        self.look().into_iter().flatten().next_back()
    }

    fn look(&mut self) -> [Option<&'static str>; STAGES.len()] {
        let mut stuck = [None; STAGES.len()];
        let pulses = self.health.pulses.iter().zip(&mut self.seen);
        for (((pulse, seen), name), stuck) in pulses.zip(STAGES).zip(&mut stuck) {
            let beats = pulse.beats.load(Ordering::Relaxed);
            let is_idle = pulse.is_idle.load(Ordering::Relaxed);
            if !is_idle && *seen == Some(beats) {
                *stuck = Some(name);
            }
            *seen = Some(beats);
        }
        stuck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_neither_works_nor_waits_is_stuck() {
        let health = Health::default();
        let mut checkup = Checkup::new(&health);
        assert_eq!(
            checkup.stuck(),
            None,
            "the first look compares with nothing"
        );
        assert_eq!(checkup.stuck(), Some("capture"));
        (0..4).for_each(|stage| health.pulse(stage).beat());
        assert_eq!(checkup.stuck(), None);
        health.pulse(0).beat();
        health.pulse(1).idle(|| ());
        health.pulse(2).beat();
        assert_eq!(checkup.stuck(), Some("output"));
        // A stage that waits is well for as long as it waits.
        (0..4)
            .filter(|stage| *stage != 3)
            .for_each(|stage| health.pulse(stage).beat());
        let looks = health.pulse(3).idle(|| {
            [checkup.stuck(), {
                (0..3).for_each(|stage| health.pulse(stage).beat());
                checkup.stuck()
            }]
        });
        assert_eq!(looks, [None, None]);
    }

    #[test]
    fn the_culprit_is_the_last_that_is_stuck() {
        let health = Health::default();
        let mut checkup = Checkup::new(&health);
        assert_eq!(checkup.culprit(), None);
        let culprit = health.pulse(3).idle(|| checkup.culprit());
        assert_eq!(culprit, Some("classify"), "the one behind it waits");
        assert_eq!(health.beats(3), 1);
    }
}
