//! Other models while frames come.

use mien_device::classify::Classifier;
use mien_device::detect::{DetectError, Detection, Detector};
use mien_device::output::Output;
use mien_device::output::record::Record;
use mien_device::pipeline::exchange::Models;
use mien_device::pipeline::stages::Judged;
use mien_device::pipeline::totals::Totals;
use mien_device::pipeline::{self, Control};
use mien_models::ExpressionModel;
use mien_models::label::Labels;
use mien_models::plane::GrayView;
use mien_models::procedural::test_model;
use std::io;

use crate::made::{Grays, Middle, WAIT, seven_grays};

/// Finds what `Middle` finds under another name.
struct Other(Middle);

impl Detector for Other {
    fn name(&self) -> &str {
        "other"
    }

    fn detect_into(
        &mut self,
        view: &GrayView<'_>,
        faces: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        self.0.detect_into(view, faces)
    }
}

/// Puts other models in place after some frames, and notes what it is told.
struct Switching<'a> {
    control: &'a Control,
    told: Vec<(u64, Models)>,
    next: u64,
}

impl Output for Switching<'_> {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        assert_eq!(judged.frame.sequence, self.next, "no frame is lost");
        self.next += 1;
        match self.next {
            50 => {
                let labels = Labels::new(["a", "b", "c", "d", "e", "f", "g"]).unwrap();
                let model = ExpressionModel {
                    labels,
                    ..test_model()
                };
                let classifier = Classifier::new(&model).unwrap();
                self.control.exchange.classifier.put(classifier);
            }
            100 => {
                let detector = Box::new(Other(Middle::default()));
                self.control.exchange.detector.put(detector);
            }
            _ => {}
        }
        Ok(())
    }

    fn switch(&mut self, models: &Models) -> io::Result<()> {
        self.told.push((self.next, models.clone()));
        Ok(())
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn models_are_switched_between_frames_and_none_is_lost() {
    let model = test_model();
    let control = Control::default();
    let mut classifier = Classifier::new(&model).unwrap();
    let mut lines = Vec::new();
    let mut record = Record::new(&mut lines, "middle", &model.labels);
    let mut switching = Switching {
        control: &control,
        told: Vec::new(),
        next: 0,
    };
    let totals = pipeline::run(
        &mut Grays::new(&seven_grays()[2..3], 200),
        &mut Middle::default(),
        &mut classifier,
        &mut [&mut switching, &mut record],
        &WAIT,
        &control,
    )
    .unwrap();
    let [(first, labels), (second, detector)] = &switching.told[..] else {
        panic!("{:?}", switching.told);
    };
    // At most what was already on its way was still judged by the models before.
    assert!((50..60).contains(first) && (100..110).contains(second));
    assert_eq!(labels.labels.name(2), Some("c"));
    assert_eq!(
        (&labels.detector[..], &detector.detector[..]),
        ("middle", "other")
    );
    assert_eq!((totals.frames, totals.faces), (200, 200));
    let counts: Vec<_> = totals
        .expressions
        .iter()
        .filter(|(_, count)| **count > 0)
        .collect();
    assert_eq!(counts, [("fear", first), ("c", &(200 - first))]);
    for (index, line) in lines.split(|byte| *byte == b'\n').take(200).enumerate() {
        let line: serde_json::Value = serde_json::from_slice(line).unwrap();
        let face = &line["faces"][0];
        let index = index as u64;
        let expression = if index < *first { "fear" } else { "c" };
        assert_eq!(face["expression"], expression);
        let detector = if index < *second { "middle" } else { "other" };
        assert_eq!(face["detector"], detector);
    }
}
