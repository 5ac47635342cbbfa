//! One track's verdicts over time.

use super::*;
use proptest::prelude::*;

const OPTIONS: SmoothingOptions = SmoothingOptions {
    time_constant_ms: 300,
    hysteresis: 0.1,
    min_dwell_ms: 400,
    uncertain_below: 0.4,
};

/// Logits whose softmax is `probabilities`.
fn logits(probabilities: &[f32]) -> PerLabel {
    probabilities.iter().map(|p| p.ln()).collect()
}

#[test]
fn a_first_verdict_is_shown_as_it_is() {
    let mut smoother = Smoother::new(OPTIONS, 1.0);
    let shown = smoother.update(1, 0, &logits(&[0.2, 0.5, 0.3]));
    assert_eq!(shown.label_index, Some(1));
    assert!((shown.probabilities[1] - 0.5).abs() < 1e-6);
    let shown = smoother.update(2, 0, &logits(&[0.35, 0.3, 0.35]));
    assert_eq!(shown.label_index, None, "below the threshold");
}

#[test]
fn a_step_is_followed_at_the_time_constant_whatever_the_frame_rate() {
    for step_ms in [10, 50, 100] {
        let mut smoother = Smoother::new(OPTIONS, 1.0);
        let mut shown = smoother.update(1, 0, &PerLabel::from_slice(&[0.0, 0.0]).unwrap());
        for at_ms in (step_ms..=300).step_by(step_ms) {
            let one = PerLabel::from_slice(&[1.0, 0.0]).unwrap();
            shown = smoother.update(1, at_ms as u64, &one);
        }
        let average = (shown.probabilities[0] / shown.probabilities[1]).ln();
        let expected = 1.0 - (-1.0_f32).exp();
        assert!((average - expected).abs() < 1e-4, "{step_ms} ms: {average}");
    }
}

#[test]
fn a_change_takes_a_margin_and_a_dwell() {
    let options = SmoothingOptions {
        time_constant_ms: 0,
        ..OPTIONS
    };
    let mut smoother = Smoother::new(options, 1.0);
    let mut at = |ms, p: &[f32]| smoother.update(1, ms, &logits(p)).label_index;
    assert_eq!(at(0, &[0.6, 0.4]), Some(0));
    assert_eq!(at(100, &[0.2, 0.8]), Some(0), "too early");
    assert_eq!(at(500, &[0.46, 0.54]), Some(0), "too little");
    assert_eq!(at(600, &[0.2, 0.8]), Some(1));
    assert_eq!(at(900, &[0.9, 0.1]), Some(1), "too early again");
    assert_eq!(at(1000, &[0.9, 0.1]), Some(0));
}

#[test]
fn certain_again_takes_more_than_the_threshold() {
    let options = SmoothingOptions {
        time_constant_ms: 0,
        min_dwell_ms: 0,
        ..OPTIONS
    };
    let mut smoother = Smoother::new(options, 1.0);
    let mut at = |ms, p: &[f32]| smoother.update(1, ms, &logits(p)).label_index;
    assert_eq!(at(0, &[0.45, 0.3, 0.25]), Some(0));
    assert_eq!(at(1, &[0.38, 0.32, 0.3]), None);
    assert_eq!(at(2, &[0.45, 0.3, 0.25]), None);
    assert_eq!(at(3, &[0.25, 0.52, 0.23]), Some(1));
}

#[test]
fn ranges_are_checked() {
    assert_eq!(SmoothingOptions::default().validate(), Ok(()));
    assert_eq!(SmoothingOptions::OFF.validate(), Ok(()));
    for (options, named) in [
        (
            SmoothingOptions {
                hysteresis: f32::NAN,
                ..OPTIONS
            },
            "hysteresis is NaN",
        ),
        (
            SmoothingOptions {
                uncertain_below: 0.95,
                ..OPTIONS
            },
            "together",
        ),
        (
            SmoothingOptions {
                min_dwell_ms: 60_001,
                ..OPTIONS
            },
            "min_dwell_ms is 60001",
        ),
    ] {
        let error = options.validate().unwrap_err();
        assert!(
            error.starts_with("[smoothing] ") && error.contains(named),
            "{error}"
        );
    }
}

proptest! {
    #[test]
    fn whatever_comes_the_result_is_defined(
        steps in prop::collection::vec(
            (0_u64..40, 0_u64..5000, prop::collection::vec(any::<f32>(), 3)), 1..200),
        temperature in 0.1_f32..5.0,
    ) {
        let mut smoother = Smoother::new(OPTIONS, temperature);
        for (id, timestamp_ms, values) in steps {
            let logits = PerLabel::from_slice(&values).unwrap();
            let shown = smoother.update(id, timestamp_ms, &logits);
            prop_assert_eq!(shown.probabilities.len(), 3);
            let sum: f32 = shown.probabilities.iter().sum();
            prop_assert!((sum - 1.0).abs() < 1e-3, "{:?}", shown);
            prop_assert!(smoother.states.len() <= MAX_TRACKS);
        }
    }
}
