//! Small cells are left out, so that nobody is found among few.
//!
//! A row of fewer visits than asked for says nothing of them. In the others the visits of an
//! expression are left out if they are too few, and then of further ones, the smallest first,
//! until what the total minus the rest tells is no small number either (secondary suppression;
//! Hundepool et al., "Statistical Disclosure Control", 2012). Sums are left out where fewer visits
//! than that made them. Of uncertain and unseen time nobody knows how many visits made it, so it
//! is left out always, and the duration too where it would be what the rest leaves.

use super::rows::{BucketRow, ExpressionCells, begin, rounded, seconds};
use crate::counter::history::Bucket;

/// The row of `bucket`, without cells below `min_cell`.
pub fn row(bucket: &Bucket, names: &[String], min_cell: u64) -> BucketRow {
    let is_small = |count: u64| count > 0 && count < min_cell;
    let is_shown = !is_small(bucket.visits);
    let mut visits: Vec<Option<u64>> = bucket
        .expressions
        .iter()
        .map(|sums| sums.visits)
        .chain([bucket.uncertain_visits])
        .map(Some)
        .collect();
    // What has no small part keeps all of them.
    if visits.iter().flatten().any(|&count| is_small(count)) {
        hide(&mut visits, min_cell);
    }
    let uncertain_visits = visits.pop().flatten();
    // Seconds add up, too: one that few people made would be the rest of the others.
    let has_seconds = bucket
        .expressions
        .iter()
        .all(|sums| !is_small(sums.showing));
    let may_be_few = min_cell > 1;
    let has_expression = bucket.visits.saturating_sub(bucket.uncertain_visits);
    let has_confidence = is_shown && !is_small(has_expression);
    let has_duration = is_shown && !(may_be_few && has_seconds);
    let has_rest = is_shown && !may_be_few;
    let cells = bucket.expressions.iter().zip(visits).map(|(sums, visits)| {
        let shown_s = has_seconds.then(|| seconds(sums.shown_ms));
        ExpressionCells {
            visits: visits.filter(|_| is_shown),
            shown_s: shown_s.filter(|_| is_shown),
        }
    });
    BucketRow {
        start: bucket.start.as_ref().map(begin),
        up_s: seconds(bucket.up_ms),
        frames: bucket.frames,
        frames_without_face: is_shown.then_some(bucket.frames_without_face),
        camera_losses: bucket.camera_losses,
        visits: is_shown.then_some(bucket.visits),
        uncertain_visits: uncertain_visits.filter(|_| is_shown),
        duration_s: has_duration.then(|| seconds(bucket.duration_ms)),
        uncertain_s: has_rest.then(|| seconds(bucket.uncertain_ms)),
        unseen_s: has_rest.then(|| seconds(bucket.unseen_ms)),
        confidence: bucket.confidence().filter(|_| has_confidence).map(rounded),
        expressions: names.iter().cloned().zip(cells).collect(),
    }
}

/// Takes away the smallest counts other than 0: at least two, all below `min_cell`, and together
/// no fewer than that.
fn hide(counts: &mut [Option<u64>], min_cell: u64) {
    let mut order: Vec<usize> = (0..counts.len())
        .filter(|&index| counts[index].is_some_and(|count| count > 0))
        .collect();
    order.sort_by_key(|&index| counts[index]);
    let mut hidden = 0;
    for (taken, index) in order.into_iter().enumerate() {
        let count = counts[index].unwrap_or(0);
        if count >= min_cell && taken >= 2 && hidden >= min_cell {
            return;
        }
        hidden += count;
        counts[index] = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counter::clock::Trust;
    use crate::counter::history::Sums;
    use crate::counter::store::KeptVisit;
    use proptest::prelude::*;

    fn bucket(counts: &[u64]) -> Bucket {
        let sums = |&visits: &u64| Sums {
            visits,
            showing: visits,
            shown_ms: 1000 * visits,
        };
        Bucket {
            visits: counts.iter().sum(),
            duration_ms: 1000 * counts.iter().sum::<u64>(),
            frames_without_face: 7,
            expressions: counts.iter().map(sums).collect(),
            ..Bucket::default()
        }
    }

    fn shown(counts: &[u64], min_cell: u64) -> BucketRow {
        let names: Vec<_> = (0..counts.len()).map(|n| format!("e{n}")).collect();
        row(&bucket(counts), &names, min_cell)
    }

    fn visits(row: &BucketRow) -> Vec<Option<u64>> {
        row.expressions
            .iter()
            .map(|(_, cells)| cells.visits)
            .collect()
    }

    /// A visit of three expressions.
    fn visit(shown_ms: [u64; 3], uncertain_ms: u64, unseen_ms: u64) -> KeptVisit {
        let total_ms: u64 = shown_ms.iter().sum();
        let longest = (0..3).max_by_key(|&index| shown_ms[index]);
        KeptVisit {
            boot: 1,
            sequence: 1,
            start_ms: None,
            trust: Trust::Set,
            duration_ms: total_ms + uncertain_ms + unseen_ms,
            uncertain_ms,
            unseen_ms,
            expression: longest.filter(|_| total_ms > 0),
            confidence: (total_ms > 0).then_some(0.6),
            shown_ms: shown_ms.to_vec(),
        }
    }

    /// The row of such visits.
    fn row_of(made: &[KeptVisit], min_cell: u64) -> BucketRow {
        let mut bucket = bucket(&[0, 0, 0]);
        made.iter().for_each(|visit| bucket.add_visit(visit));
        let names = ["e0", "e1", "e2"].map(str::to_owned);
        row(&bucket, &names, min_cell)
    }

    #[test]
    fn one_visitor_is_not_found_in_sums() {
        // Of ten, one showed something, one was unsure and one was out of sight for a while.
        let mut made = vec![visit([0, 0, 0], 5000, 0); 9];
        made.push(visit([900, 0, 0], 0, 300));
        let row = row_of(&made, 5);
        assert_eq!((row.visits, row.confidence), (Some(10), None));
        assert_eq!((row.uncertain_s, row.unseen_s), (None, None));
        // What all showed may be known, but not what the rest would be.
        let mut made = vec![visit([5000, 0, 0], 0, 0); 9];
        made.push(visit([5000, 0, 0], 700, 0));
        let row = row_of(&made, 5);
        let shown_s: Vec<_> = row.expressions.iter().map(|(_, c)| c.shown_s).collect();
        assert_eq!(shown_s, [Some(50.0), Some(0.0), Some(0.0)]);
        assert_eq!((row.duration_s, row.confidence), (None, Some(0.6)));
        // Who does not ask is told everything.
        let row = row_of(&made, 1);
        assert_eq!((row.duration_s, row.uncertain_s), (Some(50.7), Some(0.7)));
    }

    #[test]
    fn small_cells_take_another_one_with_them() {
        let row = shown(&[20, 2, 0, 9], 5);
        assert_eq!(visits(&row), [Some(20), None, Some(0), None]);
        assert_eq!(row.visits, Some(31));
        assert!(
            row.expressions
                .iter()
                .all(|(_, cells)| cells.shown_s.is_none())
        );
        // Together they are enough.
        assert_eq!(
            visits(&shown(&[20, 3, 4, 9], 5)),
            [Some(20), None, None, Some(9)]
        );
        // Nothing is small.
        assert_eq!(visits(&shown(&[20, 5, 0], 5)), [Some(20), Some(5), Some(0)]);
    }

    #[test]
    fn few_visits_say_nothing() {
        let row = shown(&[1, 3], 5);
        assert_eq!(
            (row.visits, row.duration_s, row.frames_without_face),
            (None, None, None)
        );
        assert_eq!(visits(&row), [None, None]);
        let nobody = shown(&[0, 0], 5);
        assert_eq!(
            (nobody.visits, nobody.frames_without_face),
            (Some(0), Some(7))
        );
    }

    proptest! {
        #[test]
        fn no_small_number_can_be_found(
            counts in prop::collection::vec(0..30u64, 1..8),
            min_cell in 2..12u64,
        ) {
            let row = shown(&counts, min_cell);
            for count in visits(&row).into_iter().flatten() {
                prop_assert!(count == 0 || count >= min_cell);
            }
            if let Some(total) = row.visits {
                let known: u64 = visits(&row).into_iter().flatten().sum();
                let hidden = visits(&row).iter().filter(|count| count.is_none()).count();
                prop_assert!(total == known || (hidden >= 2 && total - known >= min_cell)
                    || visits(&row).iter().flatten().all(|&count| count == 0));
                if hidden > 0 {
                    prop_assert!(total - known >= min_cell);
                }
            }
        }

        /// Every number about people that is told, or left over by those that are, is made by
        /// nobody or by enough of them.
        #[test]
        fn no_sum_is_of_few(
            made in prop::collection::vec(
                (prop::array::uniform3(prop_oneof![3 => Just(0u64), 1 => 1..9000u64]),
                 prop_oneof![3 => Just(0u64), 1 => 1..9000u64],
                 prop_oneof![6 => Just(0u64), 1 => 1..9000u64]),
                0..40,
            ),
            min_cell in 2..12u64,
        ) {
            let made: Vec<_> = made.into_iter().map(|(shown, a, b)| visit(shown, a, b)).collect();
            let row = row_of(&made, min_cell);
            let enough = |made_by: fn(&KeptVisit) -> bool| {
                let count = made.iter().filter(|visit| made_by(visit)).count() as u64;
                count == 0 || count >= min_cell
            };
            let is_enough = |told: bool, made_by| !told || enough(made_by);
            prop_assert!(is_enough(row.visits.is_some(), |_| true));
            prop_assert!(is_enough(row.duration_s.is_some(), |_| true));
            prop_assert!(is_enough(row.confidence.is_some(), |v| v.expression.is_some()));
            prop_assert!(is_enough(row.uncertain_s.is_some(), |v| v.uncertain_ms > 0));
            prop_assert!(is_enough(row.unseen_s.is_some(), |v| v.unseen_ms > 0));
            let shown_s: Vec<_> = row.expressions.iter().map(|(_, cells)| cells.shown_s).collect();
            prop_assert!(is_enough(shown_s[0].is_some(), |v| v.shown_ms[0] > 0));
            prop_assert!(is_enough(shown_s[1].is_some(), |v| v.shown_ms[1] > 0));
            prop_assert!(is_enough(shown_s[2].is_some(), |v| v.shown_ms[2] > 0));
            let is_rest_known = row.duration_s.is_some() && shown_s.iter().all(Option::is_some);
            prop_assert!(is_enough(is_rest_known, |v| v.uncertain_ms + v.unseen_ms > 0));
        }

        #[test]
        fn nothing_is_hidden_from_who_does_not_ask(counts in prop::collection::vec(0..9u64, 1..8)) {
            let row = shown(&counts, 0);
            prop_assert_eq!(visits(&row), counts.iter().copied().map(Some).collect::<Vec<_>>());
            prop_assert!(row.expressions.iter().all(|(_, cells)| cells.shown_s.is_some()));
        }
    }
}
