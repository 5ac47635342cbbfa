use mien_models::label::Labels;
use mien_models::procedural::{Scene, plane};

use super::*;

/// Drawings of two kinds as two classes: one with upright bars, one with level ones, under noise.
fn made(count: usize, splits: &[Split]) -> Dataset {
    let mut data = Dataset::new(Labels::fer2013());
    for index in 0..count {
        let noise = plane(Scene::ALL[index % Scene::ALL.len()], index as u64, 48, 48);
        let upright = index % 2 == 0;
        let pixels = std::array::from_fn(|at| {
            let along = if upright { at % 48 } else { at / 48 };
            let bar = if along / 3 % 2 == 0 { 120 } else { 0 };
            noise.pixels[at] / 3 + bar
        });
        let class = if upright { 3 } else { 5 };
        data.push(&pixels, class, splits[index / 2 % splits.len()]);
    }
    data
}

fn run(data: &Dataset) -> Result<BaselineReport, BaselineError> {
    baseline(data, &Hygiene::default(), Progress::Silent)
}

#[test]
fn bars_of_two_directions_are_told_apart_the_same_way_every_time() {
    let data = made(90, &[Split::Training, Split::Training, Split::PublicTest]);
    let report = run(&data).unwrap();
    assert_eq!(report.n, 30);
    assert!(report.trained_on <= 60 && report.trained_on > 40);
    assert!(report.components < 60, "no more than pictures");
    assert_eq!(report.features, 2 * PROJECTIONS);
    assert!(report.accuracy > 0.95, "{report:?}");
    assert_eq!(report.recall.get("angry"), Some(&None));
    assert_eq!(report.confusion.iter().flatten().sum::<u64>(), 30);
    assert_eq!(run(&data).unwrap(), report);
}

#[test]
fn data_that_cannot_be_learned_from_is_refused() {
    let none = run(&made(4, &[Split::PublicTest])).unwrap_err();
    assert!(matches!(none, BaselineError::NoTraining(0)), "{none:?}");
    let no_public = run(&made(40, &[Split::Training])).unwrap_err();
    assert!(matches!(no_public, BaselineError::NoEvaluation));
}

#[test]
fn pictures_without_a_difference_get_the_commonest_class() {
    let mut alike = Dataset::new(Labels::fer2013());
    let ramp = |lift: usize| std::array::from_fn(|at| (at % 48 + lift) as u8);
    for index in 0..30 {
        let class = if index % 3 == 0 { 0 } else { 4 };
        alike.push(&ramp(0), class, Split::Training);
    }
    // Brightness alone leaves no trace in gradients.
    alike.push(&ramp(1), 4, Split::PublicTest);
    let report = run(&alike).unwrap();
    assert_eq!((report.n, report.confusion[4][4]), (1, 1));
}
