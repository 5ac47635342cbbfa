//! A run that cannot keep up.

use mien_device::capture::{CaptureError, Frame, Source};
use mien_device::classify::Classifier;
use mien_device::detect::{DetectError, Detection, Detector};
use mien_device::output::Output;
use mien_device::pipeline::channel::Overflow;
use mien_device::pipeline::run::Run;
use mien_device::pipeline::shedding::SheddingOptions;
use mien_device::pipeline::stages::Judged;
use mien_device::pipeline::totals::Totals;
use mien_device::pipeline::{self, Control, Options};
use mien_models::plane::GrayView;
use mien_models::procedural::test_model;
use std::io;
use std::time::Duration;

use crate::made::{Grays, WAIT};

/// A detector that takes 60 ms a look, and less with less effort.
struct Slow {
    share: f32,
}

impl Detector for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn set_effort(&mut self, share: f32) {
        self.share = share;
    }

    fn detect_into(
        &mut self,
        _: &GrayView<'_>,
        faces: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        faces.clear();
        std::thread::sleep(Duration::from_millis((60.0 * self.share) as u64));
        Ok(())
    }
}

/// Frames that belong together.
struct Camera(Grays);

impl Source for Camera {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        self.0.next_frame()
    }
}

/// Highest level that was shown.
#[derive(Default)]
struct Levels(usize);

impl Output for Levels {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        self.0 = self.0.max(judged.shed_level);
        Ok(())
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_run_that_cannot_keep_up_does_less_and_counts_it() {
    // Looking at every frame allows 16 of the 50 a second.
    let run = |target_fps| {
        let options = Options {
            overflow: Overflow::DropOldest,
            real_time: true,
            shedding: SheddingOptions {
                target_fps,
                max_temperature_c: 0.0,
            },
            ..WAIT
        };
        let mut levels = Levels::default();
        let control = Control::default();
        let totals = pipeline::run(
            &mut Camera(Grays::new(&[0], 250)),
            &mut Slow { share: 1.0 },
            &mut Classifier::new(&test_model()).unwrap(),
            &mut [&mut levels],
            &options,
            &control,
        );
        (totals.unwrap(), levels.0)
    };
    let (free, level) = run(0.0);
    assert_eq!((free.shed.reduced, level), (0, 0));
    let (kept_up, level) = run(24.0);
    assert!(level > 0, "{kept_up:?}");
    assert!(kept_up.shed.reduced > 0 && kept_up.shed.skipped == 0);
    assert!(
        kept_up.frames > free.frames,
        "{} and {} frames",
        kept_up.frames,
        free.frames
    );
}

#[test]
fn where_no_frame_may_be_missed_everything_is_done_again() {
    let (mut detector, control) = (Slow { share: 1.0 }, Control::default());
    let mut classifier = Classifier::new(&test_model()).unwrap();
    let live = Options {
        overflow: Overflow::DropOldest,
        real_time: true,
        shedding: SheddingOptions {
            target_fps: 24.0,
            max_temperature_c: 0.0,
        },
        ..WAIT
    };
    let mut run = Run::new(live, &classifier, &detector);
    let mut go = |run: &mut Run, frames| {
        let mut camera = Camera(Grays::new(&[0], frames));
        let mut levels = Levels::default();
        run.go(
            &mut camera,
            &mut detector,
            &mut classifier,
            &mut [&mut levels],
            &control,
        )
        .unwrap();
        levels.0
    };
    assert!(go(&mut run, 150) > 0);
    run.set_options(WAIT);
    run.forget_source();
    assert_eq!(go(&mut run, 3), 0);
    assert_eq!((detector.share, control.work.level()), (1.0, 0));
}
