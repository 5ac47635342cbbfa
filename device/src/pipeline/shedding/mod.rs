//! Doing less where there is too much to do: when the stages cannot keep up with the frames
//! wanted, or the machine gets too hot, the detector looks less often, then at smaller pictures,
//! and at last, against heat alone, every second frame is left out. With time to spare or cooler
//! it all comes back step by step.

mod options;
mod work;

pub use options::SheddingOptions;
pub use work::{Load, Meter, Work};

/// How much is done at a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measures {
    /// What [`TrackingOptions::detect_every_frames`](crate::track::TrackingOptions) is multiplied
    /// by; `detect_every_ms` holds nevertheless.
    pub interval_factor: u32,
    /// Share of the detector's effort, see [`Detector::set_effort`](crate::detect::Detector).
    pub effort: f32,
    /// Every this many frames one is taken.
    pub frame_stride: u64,
}

const fn measures(interval_factor: u32, effort: f32, frame_stride: u64) -> Measures {
    Measures {
        interval_factor,
        effort,
        frame_stride,
    }
}

/// From everything to the least.
pub const LEVELS: [Measures; 6] = [
    measures(1, 1.0, 1),
    measures(2, 1.0, 1),
    measures(4, 1.0, 1),
    measures(4, 0.75, 1),
    measures(4, 0.5, 1),
    measures(4, 0.5, 2),
];

/// Leaving frames out makes nothing faster: only against heat.
const HIGHEST_FOR_SPEED: usize = LEVELS.len() - 2;
/// As good as reached: rates are counted over a short time.
const NEARLY: f32 = 0.95;
/// A stage that works for less of its time has some to spare for the next lower level.
const SPARE: f32 = 0.6;
/// Degrees below the highest temperature at which more is done again.
const COOLER_C: f32 = 5.0;
/// Looks in a row that must show time to spare.
const CALM_LOOKS: u32 = 5;

/// Decides on the level.
#[derive(Clone, Debug)]
pub struct Shedder {
    options: SheddingOptions,
    level: usize,
    calm_looks: u32,
}

impl Shedder {
    /// Begins with everything.
    pub fn new(options: SheddingOptions) -> Self {
        Self {
            options,
            level: 0,
            calm_looks: 0,
        }
    }

    /// Other options from now on; the level stays until the next look.
    pub fn set_options(&mut self, options: SheddingOptions) {
        self.options = options;
    }

    /// The level, an index into [`LEVELS`].
    pub fn level(&self) -> usize {
        self.level
    }

    /// Takes in what was measured since the last look, at most one level up or down.
    pub fn look(&mut self, load: &Load) {
        let SheddingOptions {
            target_fps,
            max_temperature_c,
        } = self.options;
        let wanted = target_fps.min(load.offered_per_s);
        let is_slow = load.done_per_s < NEARLY * wanted;
        let margin_c = load
            .temperature_c
            .filter(|_| max_temperature_c > 0.0)
            .map_or(f32::INFINITY, |temperature| max_temperature_c - temperature);
        let highest = if margin_c <= 0.0 {
            LEVELS.len() - 1
        } else if is_slow {
            // What heat brought is not speed's to keep.
            HIGHEST_FOR_SPEED.max(self.level)
        } else {
            0
        };
        if self.level < highest {
            self.level += 1;
            self.calm_looks = 0;
        } else if highest > 0 || margin_c < COOLER_C || load.busiest > SPARE {
            self.calm_looks = 0;
        } else {
            self.calm_looks += 1;
            if self.calm_looks >= CALM_LOOKS {
                self.level = self.level.saturating_sub(1);
                self.calm_looks = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPTIONS: SheddingOptions = SheddingOptions {
        target_fps: 10.0,
        max_temperature_c: 80.0,
    };

    fn load(offered_per_s: f32, done_per_s: f32, busiest: f32, temperature_c: f32) -> Load {
        Load {
            offered_per_s,
            done_per_s,
            busiest,
            temperature_c: Some(temperature_c),
        }
    }

    fn after(shedder: &mut Shedder, looks: u32, load: Load) -> usize {
        (0..looks).for_each(|_| shedder.look(&load));
        shedder.level()
    }

    #[test]
    fn too_few_frames_lower_the_work_as_far_as_that_helps() {
        let mut shedder = Shedder::new(OPTIONS);
        assert_eq!(after(&mut shedder, 1, load(30.0, 8.0, 1.0, 50.0)), 1);
        assert_eq!(after(&mut shedder, 20, load(30.0, 8.0, 1.0, 50.0)), 4);
        // Fast enough, but with nothing to spare: it stays.
        assert_eq!(after(&mut shedder, 50, load(30.0, 10.0, 0.9, 50.0)), 4);
        // A level for every five looks.
        assert_eq!(after(&mut shedder, 5, load(30.0, 12.0, 0.4, 50.0)), 3);
        assert_eq!(after(&mut shedder, 15, load(30.0, 12.0, 0.4, 50.0)), 0);
    }

    #[test]
    fn a_slow_camera_is_no_overload() {
        let mut shedder = Shedder::new(OPTIONS);
        assert_eq!(after(&mut shedder, 9, load(5.0, 5.0, 0.3, 50.0)), 0);
        assert_eq!(after(&mut shedder, 9, load(0.0, 0.0, 0.0, 50.0)), 0);
    }

    #[test]
    fn heat_goes_to_the_end_and_needs_some_degrees_to_come_back() {
        let mut shedder = Shedder::new(OPTIONS);
        assert_eq!(after(&mut shedder, 9, load(30.0, 30.0, 0.2, 80.0)), 5);
        assert_eq!(after(&mut shedder, 9, load(30.0, 15.0, 0.2, 76.0)), 5);
        assert_eq!(after(&mut shedder, 25, load(30.0, 15.0, 0.2, 74.0)), 0);
    }

    #[test]
    fn zero_switches_either_off() {
        let mut shedder = Shedder::new(SheddingOptions {
            target_fps: 0.0,
            max_temperature_c: 0.0,
        });
        assert_eq!(after(&mut shedder, 9, load(30.0, 1.0, 1.0, 120.0)), 0);
    }

    proptest! {
        #[test]
        fn a_level_at_a_time_and_always_one_that_exists(
            loads in prop::collection::vec((0.0_f32..60.0, 0.0_f32..60.0, 0.0_f32..1.0, 20.0_f32..100.0), 0..60),
        ) {
            let mut shedder = Shedder::new(OPTIONS);
            for (offered, done, busiest, temperature) in loads {
                let before = shedder.level();
                shedder.look(&load(offered, done, busiest, temperature));
                prop_assert!(shedder.level() < LEVELS.len());
                prop_assert!(shedder.level().abs_diff(before) <= 1);
                // Hot is never answered by more work, idle and cool never by less.
                prop_assert!(temperature < 80.0 || shedder.level() >= before);
                let is_idle = temperature < 75.0 && done >= offered;
                prop_assert!(!is_idle || shedder.level() <= before);
            }
        }
    }
}
