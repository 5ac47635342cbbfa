//! Whatever comes, the result is defined.

use std::collections::BTreeSet;

use mien_device::detect::Detection;
use mien_device::track::{MAX_TRACKS, Tracker};
use mien_models::plane::GrayView;
use proptest::prelude::*;

use crate::score::every;

/// A box that is mostly in the picture and sometimes anything at all.
fn detection() -> impl Strategy<Value = Detection> {
    let side = prop_oneof![8 => 4.0_f32..60.0, 1 => any::<f32>()];
    let place = prop_oneof![8 => -20.0_f32..120.0, 1 => any::<f32>()];
    (place.clone(), place, side.clone(), side, any::<bool>()).prop_map(
        |(x, y, width, height, has_landmarks)| Detection {
            x,
            y,
            width,
            height,
            score: width,
            landmarks: has_landmarks.then_some([[x, y]; 5]),
        },
    )
}

/// Width, height, padding, how to fill, time since the last frame, detections.
type Step = (u32, u32, u32, u8, i64, Vec<Detection>);

fn step() -> impl Strategy<Value = Step> {
    (
        1_u32..100,
        1_u32..100,
        0_u32..5,
        0_u8..5,
        prop_oneof![6 => 0_i64..200, 1 => -3000_i64..9000],
        prop::collection::vec(detection(), 0..40),
    )
}

/// Black, white, a gray, noise or stripes.
fn pixels(bytes: usize, kind: u8, seed: usize) -> Vec<u8> {
    let pixel = |index: usize| match kind {
        0 => 0,
        1 => 255,
        2 => 77,
        3 => (index.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 7) as u8,
        _ => (index / 3 % 2 * 200) as u8,
    };
    (0..bytes).map(pixel).collect()
}

proptest! {
    #[test]
    fn tracks_are_finite_bounded_and_never_come_twice(
        steps in prop::collection::vec(step(), 1..25),
        period in 1_u32..4,
        is_asked in any::<bool>(),
    ) {
        let mut tracker = Tracker::new(every(period));
        let (mut now_ms, mut largest) = (5000_i64, 0);
        let mut gone = BTreeSet::new();
        let mut known = BTreeSet::new();
        for (number, (width, height, padding, kind, passed_ms, found)) in
            steps.into_iter().enumerate()
        {
            let stride = width + padding;
            let data = pixels((stride * height) as usize, kind, number);
            let view = GrayView::new(&data, width, height, stride).unwrap();
            now_ms = (now_ms + passed_ms).max(0);
            let mut tracks = tracker.update(&view, now_ms as u64, None);
            if tracker.wants_detection() || !is_asked {
                tracks = tracker.update(&view, now_ms as u64, Some(&found));
            }
            prop_assert!(tracks.len() <= MAX_TRACKS);
            prop_assert!(tracks.iter().is_sorted_by(|a, b| a.id < b.id));
            let ids: BTreeSet<u64> = tracks.iter().map(|track| track.id).collect();
            gone.extend(known.difference(&ids).copied());
            prop_assert!(ids.is_disjoint(&gone), "an id came back");
            for id in ids.difference(&known) {
                prop_assert!(*id > largest);
            }
            largest = ids.last().copied().unwrap_or(0).max(largest);
            known = ids;
            for track in &tracks {
                let Detection { x, y, width: w, height: h, .. } = track.detection;
                prop_assert!([x, y, w, h].iter().all(|v| v.is_finite()), "{track:?}");
                prop_assert!(w >= 1.0 && h >= 1.0);
            }
        }
    }

    #[test]
    fn the_same_frames_give_the_same_tracks(steps in prop::collection::vec(step(), 1..12)) {
        let run = || {
            let mut tracker = Tracker::new(every(2));
            let mut all = Vec::new();
            for (number, (width, height, _, kind, _, found)) in steps.iter().enumerate() {
                let data = pixels((width * height) as usize, *kind, number);
                let view = GrayView::packed(&data, *width, *height).unwrap();
                all.push(tracker.update(&view, number as u64 * 33, Some(found)));
            }
            format!("{all:?}")
        };
        prop_assert_eq!(run(), run());
    }
}

#[test]
fn a_full_tracker_drops_the_face_seen_longest_ago() {
    let data = pixels(400 * 400, 3, 1);
    let view = GrayView::packed(&data, 400, 400).unwrap();
    let face = |index: usize| Detection {
        x: (index % 5) as f32 * 75.0,
        y: (index / 5) as f32 * 75.0,
        width: 50.0,
        height: 50.0,
        score: 1.0,
        landmarks: None,
    };
    let mut tracker = Tracker::new(every(1));
    let first: Vec<_> = (0..MAX_TRACKS).map(face).collect();
    for now_ms in [0, 30] {
        tracker.update(&view, now_ms, None);
        tracker.update(&view, now_ms, Some(&first));
    }
    // The first face goes out of sight, then a new one comes.
    let mut changed = data.clone();
    for row in changed.chunks_exact_mut(400).take(60) {
        row[..60].fill(128);
    }
    let changed = GrayView::packed(&changed, 400, 400).unwrap();
    tracker.update(&changed, 60, None);
    let tracks = tracker.update(&changed, 60, Some(&first[1..]));
    assert_eq!(tracks.len(), MAX_TRACKS);
    assert!(
        tracks
            .iter()
            .all(|track| track.is_visible == (track.id != 1))
    );
    let others: Vec<_> = (1..MAX_TRACKS).chain([20]).map(face).collect();
    tracker.update(&changed, 90, None);
    let tracks = tracker.update(&changed, 90, Some(&others));
    assert_eq!(tracks.len(), MAX_TRACKS);
    assert!(tracks.iter().all(|track| track.id != 1), "{tracks:?}");
    assert!(tracks.iter().any(|track| track.id == MAX_TRACKS as u64 + 1));
}

#[test]
fn forgetting_keeps_counting() {
    let data = pixels(100 * 100, 3, 1);
    let view = GrayView::packed(&data, 100, 100).unwrap();
    let face = Detection {
        x: 20.0,
        y: 20.0,
        width: 50.0,
        height: 50.0,
        score: 3.0,
        landmarks: Some([[30.0, 40.0]; 5]),
    };
    let mut tracker = Tracker::new(every(6));
    let first = tracker.update(&view, 0, Some(&[face]));
    assert_eq!((first[0].id, first[0].detection), (1, face));
    tracker.forget();
    assert!(tracker.wants_detection());
    assert!(tracker.update(&view, 0, None).is_empty());
    assert_eq!(tracker.update(&view, 0, Some(&[face]))[0].id, 2);
}
