use proptest::prelude::*;

use super::*;

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} is not {b}");
}

fn ece(outcomes: &[Outcome]) -> f64 {
    expected_calibration_error(&reliability(outcomes))
}

fn outcome(truth: usize, predicted: usize, confidence: f64) -> Outcome {
    Outcome {
        truth,
        predicted,
        confidence,
    }
}

/// Truth rows: 5 of a (4 right, 1 as b), 3 of b (all right), 2 of c (none right, both as a).
fn example() -> Vec<Vec<u64>> {
    vec![vec![4, 1, 0], vec![0, 3, 0], vec![2, 0, 0]]
}

#[test]
fn confusion_counts_truth_by_verdict() {
    let outcomes = [
        outcome(0, 0, 0.9),
        outcome(0, 1, 0.4),
        outcome(1, 1, 0.5),
        outcome(0, 1, 0.6),
    ];
    assert_eq!(confusion(&outcomes, 2), [[1, 2], [0, 1]]);
}

#[test]
fn figures_of_the_example_match_the_hand() {
    close(accuracy(&example()), 0.7);
    assert_eq!(recall(&example()), [Some(0.8), Some(1.0), Some(0.0)]);
    // F1 = 2 TP / (truths + verdicts): 8 / (5 + 6), 6 / (3 + 4), 0 / (2 + 0).
    assert_eq!(precision(&example()), [Some(4.0 / 6.0), Some(0.75), None]);
    assert_eq!(
        f1(&example()),
        [Some(8.0 / 11.0), Some(6.0 / 7.0), Some(0.0)]
    );
    close(macro_f1(&example()), (8.0 / 11.0 + 6.0 / 7.0) / 3.0);
}

#[test]
fn wilson_matches_published_values() {
    // 7 of 10 (Agresti & Coull 1998 and any calculator): 0.3968 to 0.8922.
    let [low, high] = wilson_95(7, 10);
    assert!((low - 0.396_77).abs() < 1e-4, "{low}");
    assert!((high - 0.892_21).abs() < 1e-4, "{high}");
    // All right: 10 / (10 + z^2) = 0.72247 to 1.
    let [low, high] = wilson_95(10, 10);
    assert!((low - 0.722_47).abs() < 1e-4, "{low}");
    close(high, 1.0);
    close(wilson_95(0, 10)[0], 0.0);
    assert_eq!(wilson_95(0, 0), [0.0, 1.0]);
}

#[test]
fn calibration_error_matches_the_hand() {
    // Bin (9/15, 10/15]: confidences 0.65 and 0.61, one right: |1.26 - 1| = 0.26.
    // Bin (14/15, 1]: confidence 1, right: 0. Bin (3/15, 4/15]: 0.25, wrong: 0.25.
    let outcomes = [
        outcome(0, 0, 0.65),
        outcome(1, 0, 0.61),
        outcome(2, 2, 1.0),
        outcome(1, 2, 0.25),
    ];
    close(ece(&outcomes), (0.26 + 0.25) / 4.0);
}

#[test]
fn a_bin_includes_its_upper_edge() {
    // 0.2 = 3/15 belongs to bin 3 together with 0.15, not with 0.21.
    let together = [outcome(0, 0, 0.2), outcome(1, 0, 0.15)];
    close(ece(&together), (1.0 - 0.35) / 2.0);
    let apart = [outcome(0, 0, 0.2), outcome(1, 0, 0.21)];
    close(ece(&apart), (0.8 + 0.21) / 2.0);
}

#[test]
fn bins_hold_what_falls_into_them() {
    let outcomes = [
        outcome(0, 0, 0.0),
        outcome(0, 0, 0.65),
        outcome(1, 0, 0.61),
        outcome(2, 2, 1.0),
    ];
    let bins = reliability(&outcomes);
    assert_eq!(bins.len(), 15);
    let counts: Vec<u64> = bins.iter().map(|bin| bin.n).collect();
    assert_eq!(counts, [1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
    close(bins[9].low, 0.6);
    close(bins[9].high, 10.0 / 15.0);
    close(bins[9].confidence.unwrap(), 0.63);
    assert_eq!(bins[9].accuracy, Some(0.5));
    assert_eq!((bins[1].confidence, bins[1].accuracy), (None, None));
}

#[test]
fn average_precision_matches_the_hand() {
    // Scikit-learn's example: scores 0.8 (yes), 0.4 (no), 0.35 (yes), 0.1 (no).
    let ranked = precision_recall(vec![(0.1, false), (0.4, false), (0.35, true), (0.8, true)]);
    let points = [[0.5, 1.0], [0.5, 0.5], [1.0, 2.0 / 3.0], [1.0, 0.5]];
    assert_eq!(ranked.points, points);
    close(ranked.average_precision.unwrap(), 0.5 + 0.5 * 2.0 / 3.0);
    close(ranked.prevalence, 0.5);
}

#[test]
fn equal_scores_are_one_threshold() {
    // All alike: as good as guessing, in whatever order.
    let ranked = precision_recall(vec![(0.3, true), (0.3, false), (0.3, false), (0.3, false)]);
    assert_eq!(ranked.points, [[1.0, 0.25]]);
    close(ranked.average_precision.unwrap(), 0.25);
}

#[test]
fn a_class_without_pictures_has_no_average_precision() {
    let ranked = precision_recall(vec![(0.3, false), (0.9, false)]);
    assert_eq!((ranked.average_precision, ranked.prevalence), (None, 0.0));
    assert!(precision_recall(vec![]).points.is_empty());
}

#[test]
fn no_verdicts_give_no_nan() {
    let none = confusion(&[], 3);
    assert_eq!((accuracy(&none), macro_f1(&none)), (0.0, 0.0));
    assert_eq!(recall(&none), [None, None, None]);
    assert_eq!(ece(&[]), 0.0);
}

#[test]
fn absent_classes_do_not_count_for_f1() {
    close(macro_f1(&[vec![3, 0], vec![0, 0]]), 1.0);
    // Not a truth, but a verdict: its F1 is 0.
    close(macro_f1(&[vec![1, 1], vec![0, 0]]), (2.0 / 3.0) / 2.0);
}

fn outcomes(classes: usize) -> impl Strategy<Value = Vec<Outcome>> {
    let one = (0..classes, 0..classes, 0.0..=1.0f64);
    let one = one.prop_map(|(truth, predicted, confidence)| outcome(truth, predicted, confidence));
    proptest::collection::vec(one, 1..200)
}

proptest! {
    #[test]
    fn figures_stay_in_bounds(outcomes in outcomes(7)) {
        let counts = confusion(&outcomes, 7);
        let share = accuracy(&counts);
        let right = outcomes.iter().filter(|o| o.truth == o.predicted).count() as u64;
        let [low, high] = wilson_95(right, outcomes.len() as u64);
        prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0);
        prop_assert!((0.0..=1.0).contains(&macro_f1(&counts)));
        prop_assert!((0.0..=1.0).contains(&ece(&outcomes)));
        let scored = outcomes.iter().map(|o| (o.confidence, o.truth == 0)).collect();
        let ranked = precision_recall(scored);
        let average = ranked.average_precision;
        prop_assert_eq!(average.is_some(), outcomes.iter().any(|o| o.truth == 0));
        prop_assert!(average.is_none_or(|average| (0.0..=1.0 + 1e-12).contains(&average)));
        prop_assert!(recall(&counts).iter().flatten().all(|r| (0.0..=1.0).contains(r)));
    }

    #[test]
    fn order_and_class_numbers_do_not_matter(
        outcomes in outcomes(5),
        classes in Just([0, 1, 2, 3, 4]).prop_shuffle(),
        rotation in 0usize..200,
    ) {
        let mut moved: Vec<Outcome> = outcomes
            .iter()
            .map(|o| Outcome { truth: classes[o.truth], predicted: classes[o.predicted], ..*o })
            .collect();
        moved.rotate_left(rotation % outcomes.len());
        let (before, after) = (confusion(&outcomes, 5), confusion(&moved, 5));
        prop_assert_eq!(accuracy(&before), accuracy(&after));
        prop_assert!((macro_f1(&before) - macro_f1(&after)).abs() < 1e-12);
        let (a, b) = (ece(&outcomes), ece(&moved));
        prop_assert!((a - b).abs() < 1e-12);
        let mean = |figures: Vec<Option<f64>>| figures.into_iter().flatten().sum::<f64>();
        prop_assert!((mean(f1(&before)) - mean(f1(&after))).abs() < 1e-12);
        prop_assert!((mean(precision(&before)) - mean(precision(&after))).abs() < 1e-12);
        let (before, after) = (recall(&before), recall(&after));
        for class in 0..5 {
            prop_assert_eq!(before[class], after[classes[class]]);
        }
    }
}
