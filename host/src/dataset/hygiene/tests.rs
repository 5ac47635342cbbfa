use mien_models::label::Labels;
use proptest::prelude::*;

use super::*;
use crate::dataset::{PIXELS, Votes};
use Split::{PrivateTest, PublicTest, Training};

/// A picture that is not blank and differs for every `seed`.
fn picture(seed: u8) -> [u8; PIXELS] {
    std::array::from_fn(|i| (i as u8).wrapping_mul(3).wrapping_add(seed))
}

fn dataset(rows: &[([u8; PIXELS], u8, Split)]) -> Dataset {
    let mut data = Dataset::new(Labels::fer2013());
    for (pixels, class, split) in rows {
        data.push(pixels, *class, *split);
    }
    data
}

/// Without a calibration part, so that made sets of a few pictures are predictable.
fn all_kept() -> Hygiene {
    Hygiene {
        calibration_share: 0.0,
        ..Hygiene::default()
    }
}

#[test]
fn pictures_that_judge_leave_training() {
    let data = dataset(&[
        (picture(1), 0, Training),
        (picture(2), 1, Training),
        (picture(3), 2, Training),
        (picture(1), 0, PublicTest),
        (picture(2), 4, PrivateTest),
    ]);
    let curated = curate(&data, &all_kept());
    assert_eq!(curated.kept, [2]);
    assert_eq!(curated.report.evaluation_duplicates, 2);
    let off = Hygiene {
        evaluation_duplicates: false,
        ..all_kept()
    };
    assert_eq!(curate(&data, &off).kept, [0, 1, 2]);
}

#[test]
fn other_evaluation_sets_judge_with_their_test_pictures() {
    let data = dataset(&[(picture(1), 0, Training), (picture(2), 0, Training)]);
    let whole = dataset(&[(picture(1), 0, Training), (picture(2), 0, PrivateTest)]);
    let plain = dataset(&[(picture(1), 0, Training)]);
    assert_eq!(curate_against(&data, &all_kept(), &[&whole]).kept, [0]);
    assert_eq!(curate_against(&data, &all_kept(), &[&plain]).kept, [1]);
    let both = curate_against(&data, &all_kept(), &[&whole, &plain]);
    assert_eq!((both.kept.len(), both.report.evaluation_duplicates), (0, 2));
}

#[test]
fn blank_pictures_and_no_faces_leave_and_missing_votes_are_said() {
    let mut data = dataset(&[
        ([7; PIXELS], 0, Training),
        (picture(1), 1, Training),
        (picture(2), 2, Training),
        ([7; PIXELS], 3, Training),
    ]);
    let without_votes = curate(&data, &all_kept());
    assert_eq!(without_votes.kept, [1, 2]);
    assert_eq!(without_votes.report.blank, 2);
    assert_eq!(without_votes.report.not_a_face, None);

    let mut votes = Votes::default();
    // The first two are no faces; the first is blank before that.
    for no_face in [9, NOT_A_FACE_VOTES, NOT_A_FACE_VOTES - 1, 0] {
        let counts = [10 - no_face, 0, 0, 0, 0, 0, 0, 0, 0, no_face];
        votes.push(counts, Training);
    }
    data.attach_votes(votes).unwrap();
    let curated = curate(&data, &all_kept());
    assert_eq!(curated.kept, [2]);
    assert_eq!(
        (curated.report.blank, curated.report.not_a_face),
        (2, Some(1))
    );

    let off = Hygiene {
        blank: false,
        not_a_face: false,
        ..all_kept()
    };
    let curated = curate(&data, &off);
    assert_eq!(curated.kept, [0, 1, 2, 3]);
    assert_eq!(
        (curated.report.blank, curated.report.not_a_face),
        (0, Some(0))
    );
}

#[test]
fn conflicting_labels_of_equal_pictures_are_averaged() {
    let data = dataset(&[
        (picture(1), 0, Training),
        (picture(2), 5, Training),
        (picture(1), 4, Training),
        (picture(1), 4, Training),
        (picture(2), 5, Training),
    ]);
    let curated = curate(&data, &all_kept());
    let averaged = [1.0 / 3.0, 0.0, 0.0, 0.0, 2.0 / 3.0, 0.0, 0.0];
    let surprise = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    for (position, expected) in [averaged, surprise, averaged, averaged, surprise]
        .iter()
        .enumerate()
    {
        assert_eq!(curated.target(position), expected, "{position}");
    }
    let report = &curated.report;
    assert_eq!(
        (report.conflicting_groups, report.conflicting_pictures),
        (1, 3)
    );
    assert_eq!(report.repeated, 3);

    let off = Hygiene {
        average_conflicts: false,
        ..all_kept()
    };
    let curated = curate(&data, &off);
    assert_eq!(curated.target(0), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert!(!curated.report.averaged);
}

#[test]
fn labels_of_pictures_that_left_do_not_count_in_averages() {
    let mut data = dataset(&[(picture(1), 0, Training), (picture(1), 4, Training)]);
    let mut votes = Votes::default();
    votes.push([0, 0, 0, 0, 10, 0, 0, 0, 0, 0], Training);
    votes.push([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], Training);
    data.attach_votes(votes).unwrap();
    let curated = curate(&data, &all_kept());
    assert_eq!(curated.kept, [0]);
    assert_eq!(curated.target(0)[0], 1.0);
}

/// `(printf '\1\0\0\0\0\0\0\0'; head -c 2304 /dev/zero) | sha256sum` begins with 8b51f3d6.
#[test]
fn the_hash_is_the_documented_one() {
    let expected = f64::from(0x8b51_f3d6u32) / 2f64.powi(32);
    assert!((unit_hash(1, &[0; PIXELS]) - expected).abs() < 1e-9);
    assert!((unit_hash(2, &[0; PIXELS]) - expected).abs() > 1e-3);
}

#[test]
fn the_calibration_part_has_its_share_and_the_seed_its_say() {
    let rows: Vec<_> = (0..=255).map(|i| (picture(i), i % 7, Training)).collect();
    let data = dataset(&rows);
    let part = |share, seed| {
        let hygiene = Hygiene {
            calibration_share: share,
            calibration_seed: seed,
            ..Hygiene::default()
        };
        curate(&data, &hygiene).calibration
    };
    // 256 draws of a tenth: 26 expected, standard deviation 4.8.
    assert!((10..=42).contains(&part(0.1, 1).len()));
    assert_ne!(part(0.1, 1), part(0.1, 2));
    assert!(part(0.0, 1).is_empty());
    assert_eq!(part(1.0, 1).len(), 256);
}

#[test]
fn classes_are_counted_before_and_after() {
    let data = dataset(&[
        (picture(1), 0, Training),
        (picture(2), 0, Training),
        ([0; PIXELS], 0, Training),
        (picture(3), 3, Training),
        (picture(3), 3, PublicTest),
    ]);
    let report = curate(&data, &all_kept()).report;
    let angry = ClassReport {
        training: 3,
        left_out: 1,
        calibration: 0,
        kept: 2,
    };
    assert_eq!(report.classes.get("angry"), Some(&angry));
    let happy = ClassReport {
        training: 1,
        left_out: 1,
        ..ClassReport::default()
    };
    assert_eq!(report.classes.get("happy"), Some(&happy));
    assert_eq!((report.training, report.kept), (4, 2));
}

#[test]
fn options_have_defaults_and_no_unknown_keys() {
    let hygiene: Hygiene = toml::from_str("calibration_share = 0.2").unwrap();
    let expected = Hygiene {
        calibration_share: 0.2,
        ..Hygiene::default()
    };
    assert_eq!(hygiene, expected);
    assert!(toml::from_str::<Hygiene>("blanks = true").is_err());
}

proptest! {
    /// Whatever the order: each picture has the same fate, equal pictures end up on the same
    /// side, and every target is a distribution.
    #[test]
    fn nothing_depends_on_the_order(
        rows in proptest::collection::vec((0u8..24, 0u8..7, 0usize..8), 1..60),
        seed: u64,
        rotation in 0usize..60,
    ) {
        // One in eight judges, of PublicTest.
        let split = |draw| if draw == 0 { PublicTest } else { Training };
        let row = |&(seed, class, draw): &(u8, u8, usize)| (picture(seed), class, split(draw));
        let rows: Vec<_> = rows.iter().map(row).collect();
        let mut turned = rows.clone();
        turned.rotate_left(rotation % rows.len());
        turned.reverse();
        let hygiene = Hygiene { calibration_share: 0.4, calibration_seed: seed, ..Hygiene::default() };
        let summary = |rows: &[([u8; PIXELS], u8, Split)]| {
            let data = dataset(rows);
            let curated = curate(&data, &hygiene);
            let key = |&index: &u32| (data.pixels(index as usize)[0], data.label(index as usize));
            let mut kept: Vec<_> = curated.kept.iter().enumerate().map(|(position, index)| {
                let target = curated.target(position).iter().map(|share| share.to_bits());
                (key(index), target.collect::<Vec<_>>())
            }).collect();
            let mut calibration: Vec<_> = curated.calibration.iter().map(key).collect();
            kept.sort();
            calibration.sort();
            (kept, calibration, curated.report)
        };
        let (kept, calibration, report) = summary(&rows);
        prop_assert!(kept.iter().all(|((pixel, _), _)| calibration.iter().all(|(c, _)| c != pixel)));
        for (_, target) in &kept {
            let sum: f32 = target.iter().map(|&bits| f32::from_bits(bits)).sum();
            prop_assert!((sum - 1.0).abs() < 1e-5);
        }
        prop_assert_eq!(
            report.training,
            report.evaluation_duplicates + report.blank + report.calibration + report.kept
        );
        prop_assert_eq!(summary(&turned), (kept, calibration, report));
    }
}
