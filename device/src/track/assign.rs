//! Which detection belongs to which track: the assignment of least total cost.
//!
//! H. W. Kuhn, "The Hungarian Method for the Assignment Problem", 1955, in the form with shortest
//! augmenting paths (R. Jonker and A. Volgenant, 1987). Greedy matching would do for faces far
//! apart; where two pass each other it gives both away once the first pair is wrong.

use super::{MAX_DETECTIONS, MAX_TRACKS};

/// Costs of one track's pairings, by detection; infinite where there can be none.
pub type Costs = heapless::Vec<f32, MAX_DETECTIONS>;

/// What it costs to leave a track without a detection. Pairs that cost more are not made.
pub const UNMATCHED: f32 = 8.0;

/// Detections, then a way out for every track.
const COLUMNS: usize = MAX_DETECTIONS + MAX_TRACKS;

/// For every track (row) its detection, if any; no detection comes twice.
pub fn assign(costs: &[Costs]) -> heapless::Vec<Option<usize>, MAX_TRACKS> {
    let rows = costs.len().min(MAX_TRACKS);
    let detections = costs.first().map_or(0, |row| row.len());
    let columns = detections + rows;
    let cost = |row: usize, column: usize| match costs[row].get(column) {
        Some(cost) if column < detections => cost.min(1e6),
        // A track's own way out; another's is closed.
        _ if column == detections + row => UNMATCHED,
        _ => 1e6,
    };

    // Column `COLUMNS` is a dummy where every augmenting path starts.
    let mut row_of = [None::<usize>; COLUMNS + 1];
    let mut row_price = [0.0_f32; MAX_TRACKS];
    let mut column_price = [0.0_f32; COLUMNS + 1];
    for row in 0..rows {
        let mut least = [f32::INFINITY; COLUMNS];
        let mut came_from = [COLUMNS; COLUMNS];
        let mut is_done = [false; COLUMNS + 1];
        let mut at = COLUMNS;
        row_of[COLUMNS] = Some(row);
        while let Some(here) = row_of[at] {
            is_done[at] = true;
            let (mut step, mut next) = (f32::INFINITY, at);
            for column in (0..columns).filter(|&column| !is_done[column]) {
                let reduced = cost(here, column) - row_price[here] - column_price[column];
                if reduced < least[column] {
                    (least[column], came_from[column]) = (reduced, at);
                }
                if least[column] < step {
                    (step, next) = (least[column], column);
                }
            }
            if next == at {
                break; // No column is left; cannot be, each row has its own way out.
            }
            for column in (0..columns).chain([COLUMNS]) {
                if is_done[column] {
                    if let Some(row) = row_of[column] {
                        row_price[row] += step;
                    }
                    column_price[column] -= step;
                } else {
                    least[column] -= step;
                }
            }
            at = next;
        }
        while at != COLUMNS {
            let previous = came_from[at];
            row_of[at] = row_of[previous];
            at = previous;
        }
    }

    let mut detection_of: heapless::Vec<_, MAX_TRACKS> = (0..rows).map(|_| None).collect();
    for (column, row) in row_of[..detections].iter().enumerate() {
        if let Some(row) = *row {
            detection_of[row] = (cost(row, column) <= UNMATCHED).then_some(column);
        }
    }
    detection_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(costs: &[&[f32]]) -> Vec<Costs> {
        costs
            .iter()
            .map(|row| Costs::from_slice(row).unwrap())
            .collect()
    }

    #[test]
    fn the_whole_is_cheapest_not_the_first_pair() {
        let costs = rows(&[&[1.0, 2.0], &[1.5, 7.0]]);
        assert_eq!(assign(&costs)[..], [Some(1), Some(0)]);
    }

    #[test]
    fn what_cannot_be_is_left_out() {
        let no = f32::INFINITY;
        assert_eq!(assign(&rows(&[&[no, no], &[no, 1.0]]))[..], [None, Some(1)]);
        assert_eq!(assign(&rows(&[&[], &[]]))[..], [None, None]);
        assert!(assign(&[]).is_empty());
        let full = vec![Costs::from_slice(&[1.0; MAX_DETECTIONS]).unwrap(); MAX_TRACKS];
        let mut found: Vec<_> = assign(&full).into_iter().flatten().collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), MAX_TRACKS);
    }

    /// Least total by trying everything.
    fn cheapest(costs: &[Costs], row: usize, taken: u32) -> f32 {
        let Some(own) = costs.get(row) else {
            return 0.0;
        };
        let left_out = UNMATCHED + cheapest(costs, row + 1, taken);
        (0..own.len())
            .filter(|&column| taken & (1 << column) == 0)
            .map(|column| own[column] + cheapest(costs, row + 1, taken | (1 << column)))
            .fold(left_out, f32::min)
    }

    proptest! {
        #[test]
        fn no_other_assignment_is_cheaper(
            (columns, values) in (0_usize..5).prop_flat_map(|columns| {
                let cost = prop_oneof![4 => 0.0_f32..10.0, 1 => Just(f32::INFINITY)];
                (Just(columns), prop::collection::vec(cost, columns * 5))
            }),
            row_count in 0_usize..5,
        ) {
            let costs: Vec<Costs> = (0..row_count)
                .map(|row| Costs::from_slice(&values[row * columns..(row + 1) * columns]).unwrap())
                .collect();
            let found = assign(&costs);
            let total: f32 = (0..row_count)
                .map(|row| found[row].map_or(UNMATCHED, |column| costs[row][column]))
                .sum();
            prop_assert!((total - cheapest(&costs, 0, 0)).abs() < 1e-3);
            let mut columns: Vec<_> = found.iter().flatten().collect();
            let pairs = columns.len();
            columns.sort_unstable();
            columns.dedup();
            prop_assert_eq!(columns.len(), pairs);
        }
    }
}
