//! Two models on the same pictures: which is right more often, by how much, and how sure that is.

mod latency;
pub mod paired;

use mien_models::ExpressionModel;
use mien_models::container;
use serde::Serialize;

use crate::by_name::ByName;
use crate::dataset::Dataset;
use crate::evaluate::{EvaluateError, Evaluation, Flip, ModelFacts, evaluate};
use crate::progress::Progress;
use paired::{Counts, McNemar};

/// One of the two.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Card, size and cost.
    pub model: ModelFacts,
    /// Share of right verdicts.
    pub accuracy: f64,
    /// Wilson's 95% interval of it.
    pub accuracy_ci95: [f64; 2],
    /// Expected calibration error.
    pub ece: f64,
    /// Median time for one face on one thread, from crop to probabilities, in milliseconds.
    pub latency_ms_median: f64,
}

/// A class of the data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Recall {
    /// Its pictures.
    pub n: u64,
    /// Share recognized by the first.
    pub a: f64,
    /// Share recognized by the second.
    pub b: f64,
    /// Second minus first.
    pub difference: f64,
    /// 95% interval of the difference.
    pub difference_ci95: [f64; 2],
}

/// Both models.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Pictures.
    pub n: u64,
    /// The first.
    pub a: Side,
    /// The second.
    pub b: Side,
    /// Accuracy of the second minus that of the first.
    pub difference: f64,
    /// 95% interval of the difference.
    pub difference_ci95: [f64; 2],
    /// Whether one is right more often where they differ.
    pub mcnemar: McNemar,
    /// By class of the data.
    pub recall: ByName<Recall>,
}

/// Runs both packed models over the pictures `indices` of `data`.
///
/// # Errors
/// When a file is not sound, its labels do not fit the data or there are no pictures.
pub fn compare(
    files: [&[u8]; 2],
    data: &Dataset,
    indices: &[u32],
    progress: Progress,
) -> Result<Comparison, EvaluateError> {
    let [a, b] = files;
    let judge = |file| evaluate(file, data, indices, Flip::Off, progress);
    let (judged_a, judged_b) = (judge(a)?, judge(b)?);
    let (_, model_a) = container::decode::<ExpressionModel<'_>>(a)?;
    let (_, model_b) = container::decode::<ExpressionModel<'_>>(b)?;
    let [ms_a, ms_b] = latency::medians_ms([&model_a, &model_b], data, indices)?;
    let pairs = indices.iter().enumerate().map(|(i, &index)| {
        let class = usize::from(data.label(index as usize));
        (class, [is_right(&judged_a, i), is_right(&judged_b, i)])
    });
    let mut all = Counts::default();
    let mut classes = vec![Counts::default(); data.labels().len()];
    for (class, right) in pairs {
        all.add(right);
        classes[class].add(right);
    }
    let of_class = data.labels().iter().zip(&classes);
    let recall = of_class
        .filter(|(_, counts)| counts.n() > 0)
        .map(|(name, counts)| {
            let recall = Recall {
                n: counts.n(),
                a: counts.share_a(),
                b: counts.share_b(),
                difference: counts.difference(),
                difference_ci95: counts.difference_ci95(),
            };
            (name, recall)
        });
    Ok(Comparison {
        n: all.n(),
        difference: all.difference(),
        difference_ci95: all.difference_ci95(),
        mcnemar: all.mcnemar(),
        recall: recall.collect(),
        a: side(judged_a, ms_a),
        b: side(judged_b, ms_b),
    })
}

fn is_right(judged: &Evaluation, i: usize) -> bool {
    let outcome = judged.predictions.outcome(i);
    outcome.truth == outcome.predicted
}

fn side(judged: Evaluation, latency_ms_median: f64) -> Side {
    Side {
        accuracy: judged.report.figures.accuracy,
        accuracy_ci95: judged.report.figures.accuracy_ci95,
        ece: judged.report.figures.ece,
        model: judged.report.model,
        latency_ms_median,
    }
}

#[cfg(test)]
mod tests {
    use mien_models::container::encode;
    use mien_models::label::Labels;
    use mien_models::procedural::test_model;

    use super::*;
    use crate::dataset::{PIXELS, Split};

    /// Flat pictures: class and gray value.
    fn flat(pictures: &[(u8, u8)]) -> Dataset {
        let mut data = Dataset::new(Labels::fer2013());
        for (class, value) in pictures {
            data.push(&[*value; PIXELS], *class, Split::PublicTest);
        }
        data
    }

    fn packed(names: [&str; 7]) -> Vec<u8> {
        let mut model = test_model();
        model.labels = Labels::new(names).unwrap();
        encode(&model, model.model_id(), 1).unwrap()
    }

    #[test]
    fn models_differ_where_their_labels_do() {
        // The verdict follows the brightness; the second model has the first two names swapped.
        let names = [
            "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral",
        ];
        let mut swapped = names;
        swapped.swap(0, 1);
        let data = flat(&[(0, 18), (0, 18), (0, 18), (1, 18), (3, 127), (6, 236)]);
        let indices: Vec<u32> = (0..6).collect();
        let files = [packed(names), packed(swapped)];
        let found = compare([&files[0], &files[1]], &data, &indices, Progress::Silent).unwrap();
        // The first has three angry ones right, the second one of disgust.
        let McNemar {
            only_a_right,
            only_b_right,
            ..
        } = found.mcnemar;
        assert_eq!((found.n, only_a_right, only_b_right), (6, 3, 1));
        assert!((found.difference + 2.0 / 6.0).abs() < 1e-12);
        let angry = found.recall.get("angry").unwrap();
        assert_eq!((angry.n, angry.a, angry.b), (3, 1.0, 0.0));
        assert_eq!(found.recall.get("fear"), None);
        assert!(found.a.latency_ms_median > 0.0 && found.b.latency_ms_median > 0.0);
        assert_eq!(found.a.model.bytes, files[0].len());
    }

    #[test]
    fn a_model_without_a_class_of_the_data_is_refused() {
        let names = ["a", "b", "c", "happy", "e", "f", "g"];
        let data = flat(&[(0, 18)]);
        let error = compare(
            [&packed(names), &packed(names)],
            &data,
            &[0],
            Progress::Silent,
        );
        assert!(matches!(error, Err(EvaluateError::Labels { .. })));
    }
}
