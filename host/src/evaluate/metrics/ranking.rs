//! How well a class's probability ranks its own pictures before the others.

/// The precision-recall curve of one class against the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionRecall {
    /// `[recall, precision]` at every distinct threshold, by rising recall.
    pub points: Vec<[f64; 2]>,
    /// Mean precision over the steps of recall, not interpolated: the sum of
    /// `(R_k - R_(k-1)) P_k`. `None` where no picture is of the class.
    pub average_precision: Option<f64>,
    /// Share of the class, the precision of guessing; `0..=1`.
    pub prevalence: f64,
}

/// Ranks `(score, is of the class)` by falling score. Equal scores share a threshold, so their
/// order does not matter.
pub fn precision_recall(mut scored: Vec<(f64, bool)>) -> PrecisionRecall {
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = scored.iter().filter(|(_, positive)| *positive).count();
    let prevalence = positives as f64 / scored.len().max(1) as f64;
    if positives == 0 {
        return PrecisionRecall {
            points: vec![],
            average_precision: None,
            prevalence,
        };
    }
    let mut points = vec![];
    let (mut hits, mut last_recall, mut average) = (0usize, 0.0, 0.0);
    for (taken, &(score, positive)) in (1usize..).zip(&scored) {
        hits += usize::from(positive);
        if scored.get(taken).is_some_and(|next| next.0 == score) {
            continue;
        }
        let recall = hits as f64 / positives as f64;
        let precision = hits as f64 / taken as f64;
        average += (recall - last_recall) * precision;
        last_recall = recall;
        points.push([recall, precision]);
    }
    PrecisionRecall {
        points,
        average_precision: Some(average),
        prevalence,
    }
}
