//! A curve in one line of text.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// For values that are all the same.
const MIDDLE: char = BLOCKS[3];

/// A block per value, from the lowest to the highest of them; where there are more values than
/// `width`, each block is the mean of its share. Values that are not finite are gaps.
pub fn sparkline(values: &[f64], width: usize) -> String {
    let columns = columns(values, width);
    let known = || columns.iter().flatten().copied();
    let (low, high) = known().fold((f64::MAX, f64::MIN), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let block = |column: &Option<f64>| match column {
        None => ' ',
        // Also where the difference is too large for a number.
        Some(_) if !(high - low).is_normal() => MIDDLE,
        Some(value) => {
            let share = (value - low) / (high - low);
            BLOCKS[((share * BLOCKS.len() as f64) as usize).min(BLOCKS.len() - 1)]
        }
    };
    columns.iter().map(block).collect()
}

/// The means of at most `width` equal shares, without the values that are not finite.
fn columns(values: &[f64], width: usize) -> Vec<Option<f64>> {
    let count = values.len().min(width);
    let share = |column: usize| {
        let (from, to) = (column, column + 1);
        &values[from * values.len() / count..to * values.len() / count]
    };
    (0..count).map(|column| mean(share(column))).collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    let finite = || values.iter().filter(|value| value.is_finite());
    match finite().count() {
        0 => None,
        count => Some(finite().sum::<f64>() / count as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_reach_from_the_lowest_to_the_highest() {
        assert_eq!(
            sparkline(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 10),
            "▁▂▃▄▅▆▇█"
        );
        assert_eq!(sparkline(&[-3.0, 5.0, 1.0], 10), "▁█▅");
        // An accuracy's small steps are as visible as a loss's large ones.
        assert_eq!(sparkline(&[0.70, 0.71], 10), sparkline(&[1.0, 900.0], 10));
    }

    #[test]
    fn more_values_than_columns_are_averaged_in_order() {
        assert_eq!(sparkline(&[0.0, 2.0, 9.0, 11.0], 2), "▁█");
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        let line = sparkline(&many, 40);
        assert_eq!(line.chars().count(), 40);
        assert!(line.starts_with("▁▁▁▁▁▂") && line.ends_with("▇█████"));
    }

    #[test]
    fn what_is_not_a_number_is_a_gap() {
        let values = [1.0, f64::NAN, 3.0, f64::INFINITY];
        assert_eq!(sparkline(&values, 10), "▁ █ ");
        assert_eq!(sparkline(&values, 2), "▁█");
        assert_eq!(sparkline(&[f64::NAN; 2], 10), "  ");
        assert_eq!(sparkline(&[-f64::MAX, f64::MAX], 10), "▄▄");
    }

    #[test]
    fn none_one_and_equal_values_are_drawn() {
        assert_eq!(sparkline(&[], 10), "");
        assert_eq!(sparkline(&[1.0], 0), "");
        assert_eq!(sparkline(&[0.5], 10), "▄");
        assert_eq!(sparkline(&[0.5; 3], 10), "▄▄▄");
    }
}
