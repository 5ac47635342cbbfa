//! Aggregation: what is a visit, and that its parts are the whole.

use std::collections::BTreeMap;

use mien_device::counter::visit::{MAX_GAP_MS, MAX_OPEN, Visit, VisitOptions, Visits};
use mien_device::pipeline::stages::JudgedFace;
use proptest::prelude::*;

use super::made::{LABELS, face};

const OPTIONS: VisitOptions = VisitOptions {
    min_dwell_ms: 1000,
    memory_ms: 3000,
};

fn visits() -> Visits {
    Visits::new(OPTIONS, LABELS.map(str::to_owned).into())
}

/// Shows frames of a moment and faces each; returns all visits.
fn count(frames: &[(u64, Vec<JudgedFace>)]) -> Vec<Visit> {
    let mut visits = visits();
    let mut ended = Vec::new();
    for (timestamp_ms, faces) in frames {
        ended.extend(visits.update(faces, *timestamp_ms, timestamp_ms * 1000));
    }
    ended.extend(visits.end());
    ended
}

#[test]
fn time_belongs_to_what_was_shown_before() {
    let frames: Vec<_> = [
        (1000, Some(1)),
        (1400, Some(1)),
        (1500, None),
        (2000, Some(0)),
        // Out of sight for 2.5 s, of which one still counts.
        (4500, Some(0)),
        (4600, Some(2)),
    ]
    .map(|(at, label)| (at, vec![face(1, label)]))
    .into();
    let visits = count(&frames);
    assert_eq!(visits.len(), 1);
    let visit = &visits[0];
    assert_eq!(visit.sequence, 1_000_000);
    assert_eq!(visit.duration_ms, 3600);
    assert_eq!(visit.shown_ms, [1100, 500, 0]);
    assert_eq!((visit.uncertain_ms, visit.unseen_ms), (500, 1500));
    assert_eq!(visit.expression, Some(0));
    assert!((visit.confidence.unwrap() - 0.8).abs() < 1e-6);
}

#[test]
fn who_stays_too_briefly_is_no_visit_and_who_returns_is_the_same() {
    let here = |at| (at, vec![face(7, Some(0))]);
    let away = |at| (at, Vec::new());
    assert!(count(&[here(0), here(999)]).is_empty());
    assert_eq!(count(&[here(0), here(1000)]).len(), 1);
    let back = count(&[
        here(0),
        here(600),
        away(1600),
        away(3500),
        here(3600),
        away(9000),
    ]);
    assert_eq!(back.len(), 1);
    assert_eq!((back[0].duration_ms, back[0].unseen_ms), (3600, 2000));
}

#[test]
fn a_visit_ends_when_the_tracker_forgets() {
    let mut visits = visits();
    let here = [face(1, Some(0))];
    assert!(visits.update(&here, 0, 0).is_empty());
    assert!(visits.update(&here, 1000, 1_000_000).is_empty());
    assert_eq!(visits.current().count(), 1);
    assert!(visits.update(&[], 2500, 2_500_000).is_empty());
    assert!(
        visits.update(&[], 4000, 4_000_000).is_empty(),
        "three seconds: still known"
    );
    assert_eq!(visits.update(&[], 4001, 4_001_000).len(), 1);
    assert_eq!(visits.current().count(), 0);
}

#[test]
fn a_visit_of_doubt_has_no_expression() {
    let frames: Vec<_> = (0..20).map(|n| (n * 100, vec![face(1, None)])).collect();
    let visits = count(&frames);
    assert_eq!((visits[0].expression, visits[0].confidence), (None, None));
    assert_eq!(visits[0].uncertain_ms, 1900);
    // A label that the model does not have is none either.
    let strange: Vec<_> = (0..20).map(|n| (n * 100, vec![face(1, Some(9))])).collect();
    assert_eq!(count(&strange)[0].uncertain_ms, 1900);
}

#[test]
fn two_at_once_have_numbers_of_their_own() {
    let both = |at| (at, vec![face(1, Some(0)), face(2, Some(1))]);
    let visits = count(&[both(5), both(2005)]);
    let sequences: Vec<_> = visits.iter().map(|visit| visit.sequence).collect();
    assert_eq!(sequences, [5000, 5001]);
}

#[test]
fn memory_is_bounded() {
    let mut visits = visits();
    let mut ended = 0;
    for id in 0..1000 {
        // A crowd of new faces in one moment, each with one more look.
        visits.update(&[face(id, Some(0))], id, id);
        ended += visits.update(&[face(id, Some(0))], id + 1, id).len();
        assert!(visits.current().count() <= MAX_OPEN);
    }
    assert_eq!(ended, 0, "none lasted a second");
}

#[test]
fn time_that_goes_back_does_no_harm() {
    let frames: Vec<_> = [5000, 6500, 100, 200, 1200]
        .map(|at| (at, vec![face(1, Some(0))]))
        .into();
    let visits = count(&frames);
    assert_eq!(visits.len(), 1);
    assert_eq!(visits[0].duration_ms, 1500 + 100 + 1000);
}

/// Steps in time, and for each of some people whether they are in sight and what they show.
fn scenes() -> impl Strategy<Value = Vec<(u64, Vec<Option<Option<usize>>>)>> {
    let person = prop_oneof![
        2 => Just(None),
        3 => prop::option::of(0..LABELS.len()).prop_map(Some),
    ];
    let moment = (1..2500u64, prop::collection::vec(person, 4));
    prop::collection::vec(moment, 1..60)
}

proptest! {
    #[test]
    fn every_track_counts_once_and_its_parts_are_the_whole(scene in scenes()) {
        // What a tracker does: who is away for too long comes back as somebody new.
        let (mut now_ms, mut next_id) = (0, 1);
        let mut known: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
        let mut spans: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        let mut frames = Vec::new();
        for (passed_ms, people) in scene {
            now_ms += passed_ms;
            known.retain(|_, (_, seen_ms)| {
                now_ms - *seen_ms <= OPTIONS.memory_ms.max(passed_ms)
            });
            let mut faces = Vec::new();
            for (person, shown) in people.iter().enumerate() {
                let Some(label_index) = shown else { continue };
                let (id, _) = *known.entry(person).or_insert_with(|| {
                    next_id += 1;
                    (next_id, now_ms)
                });
                known.insert(person, (id, now_ms));
                spans.entry(id).or_insert((now_ms, now_ms)).1 = now_ms;
                faces.push(face(id, *label_index));
            }
            frames.push((now_ms, faces));
        }
        let visits = count(&frames);
        let mut durations: Vec<_> = visits.iter().map(|visit| visit.duration_ms).collect();
        let lasting = |&(from, to): &(u64, u64)| to - from;
        let mut expected: Vec<_> =
            spans.values().map(lasting).filter(|&ms| ms >= OPTIONS.min_dwell_ms).collect();
        durations.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(durations, expected, "each track that lasted, once");
        let mut sequences: Vec<_> = visits.iter().map(|visit| visit.sequence).collect();
        sequences.sort_unstable();
        sequences.dedup();
        prop_assert_eq!(sequences.len(), visits.len());
        for visit in &visits {
            let shown_ms: u64 = visit.shown_ms.iter().sum();
            prop_assert_eq!(shown_ms + visit.uncertain_ms + visit.unseen_ms, visit.duration_ms);
            prop_assert_eq!(visit.expression.is_some(), shown_ms > 0);
            if let Some(index) = visit.expression {
                prop_assert!(visit.shown_ms.iter().all(|&ms| ms <= visit.shown_ms[index]));
            }
            if let Some(confidence) = visit.confidence {
                prop_assert!((confidence - 0.8).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn checkpoints_only_grow_into_the_visit(labels in prop::collection::vec(
        prop::option::of(0..LABELS.len()), 2..40,
    )) {
        let mut visits = visits();
        let mut last: Option<Visit> = None;
        for (number, label) in labels.iter().enumerate() {
            let now_ms = number as u64 * (MAX_GAP_MS / 3);
            visits.update(&[face(1, *label)], now_ms, 17);
            let now = visits.current().next();
            if let (Some(before), Some(now)) = (&last, &now) {
                prop_assert_eq!(before.sequence, now.sequence);
                prop_assert!(before.duration_ms < now.duration_ms);
                prop_assert!(before.shown_ms.iter().zip(&now.shown_ms).all(|(a, b)| a <= b));
            }
            last = now;
        }
        prop_assert_eq!(visits.end().pop(), last);
    }
}
