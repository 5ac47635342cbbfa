//! The rows that a head is fitted to and judged by: the owner's pictures and the replay set.

use mien_models::ExpressionModel;
use mien_models::label::Labels;
use mien_models::replay::ReplaySet;

use super::fit::{Row, cross_entropy};
use super::head::Head;
use super::measure::{Measure, Shared, verdict};
use super::{FOLDS, HELD_OUT, HOLD_OUT_FROM, Picture, split};

/// Purposes of the seed.
const HOLD_OUT: u64 = 0;
const OWNER_FOLDS: u64 = 1;
const REPLAY_FOLDS: u64 = 2;
const RESAMPLE: u64 = 3;

/// Labelled rows, with what becomes of each.
pub struct Examples<'p> {
    labels: &'p Labels,
    pictures: &'p [Picture],
    /// Label of each picture.
    classes: Vec<usize>,
    /// Fold of each picture; `None` where it is held out.
    folds: Vec<Option<usize>>,
    has_hold_out: bool,
    replay: Vec<(Vec<f32>, usize)>,
    /// Fold of each replay row; `None` where it judges.
    replay_folds: Vec<Option<usize>>,
    /// Pictures of each label that the old model was fitted to; 0 for unknown.
    prior: Vec<u32>,
    seed: u64,
}

impl<'p> Examples<'p> {
    /// Decides which rows judge. Of the replay set, rows of the new model's labels count.
    pub fn new(
        labels: &'p Labels,
        pictures: &'p [Picture],
        replay: Option<&ReplaySet<'_>>,
        seed: u64,
    ) -> Self {
        let count = labels.len();
        let of = |picture: &Picture| labels.index_of(&picture.label).unwrap_or(0);
        let classes: Vec<usize> = pictures.iter().map(of).collect();
        let number = |label| classes.iter().filter(|c| **c == label).count();
        let has_hold_out = (0..count).map(number).all(|n| n == 0 || n >= HOLD_OUT_FROM);
        let held = match has_hold_out {
            true => {
                let rng = &mut split::generator(seed, HOLD_OUT);
                split::hold_out(&classes, count, HELD_OUT, rng)
            }
            false => vec![false; classes.len()],
        };
        let rng = &mut split::generator(seed, OWNER_FOLDS);
        let folds = split::folds(&classes, count, FOLDS, rng).into_iter();
        let folds = folds.zip(&held).map(|(fold, held)| (!held).then_some(fold));
        let mut examples = Self {
            labels,
            pictures,
            folds: folds.collect(),
            classes,
            has_hold_out,
            replay: vec![],
            replay_folds: vec![],
            prior: vec![0; count],
            seed,
        };
        if let Some(set) = replay {
            examples.add(set);
        }
        examples
    }

    fn add(&mut self, set: &ReplaySet<'_>) {
        let map: Vec<Option<usize>> = set.labels.iter().map(|l| self.labels.index_of(l)).collect();
        for (old, new) in map.iter().enumerate() {
            if let (Some(new), Some(pictures)) = (new, set.pictures.get(old)) {
                self.prior[*new] = *pictures;
            }
        }
        let mut fits = vec![];
        for (number, (class, features)) in set.rows().enumerate() {
            if let Some(label) = map[class] {
                self.replay.push((features, label));
                fits.push(number < usize::from(set.fitted));
            }
        }
        let labels: Vec<usize> = self.replay.iter().map(|(_, label)| *label).collect();
        let rng = &mut split::generator(self.seed, REPLAY_FOLDS);
        let folds = split::folds(&labels, self.labels.len(), FOLDS, rng).into_iter();
        let folds = folds.zip(fits).map(|(fold, fits)| fits.then_some(fold));
        self.replay_folds = folds.collect();
    }

    /// Labels that no row to fit to has, comma-separated.
    pub fn without_rows(&self) -> Option<String> {
        let has = |label: usize| self.to_fit().any(|(_, l)| l == label);
        let labels = self.labels.iter().enumerate();
        let lacking: Vec<&str> = labels
            .filter(|(l, _)| !has(*l))
            .map(|(_, name)| name)
            .collect();
        (!lacking.is_empty()).then(|| lacking.join(", "))
    }

    /// Each row to fit to once.
    pub fn to_fit(&self) -> impl Iterator<Item = Row<'_>> {
        let pictures = self.pictures.iter().zip(&self.classes).zip(&self.folds);
        let pictures = pictures
            .filter(|(_, fold)| fold.is_some())
            .flat_map(|((p, class), _)| p.looks.iter().map(|look| (&look[..], *class)));
        let replay = self.replay.iter().zip(&self.replay_folds);
        let replay = replay
            .filter(|(_, fold)| fold.is_some())
            .map(|((row, class), _)| (&row[..], *class));
        pictures.chain(replay)
    }

    /// Pictures to fit to.
    pub fn fitted_pictures(&self) -> usize {
        self.folds.iter().flatten().count()
    }

    /// Rows of the replay set to fit to.
    pub fn fitted_replay(&self) -> usize {
        self.replay_folds.iter().flatten().count()
    }

    /// All that is to be fitted to, balanced.
    pub fn all(&self) -> Vec<Row<'_>> {
        self.balanced(FOLDS)
    }

    /// The same but for one part of the cross-validation.
    pub fn without(&self, fold: usize) -> Vec<Row<'_>> {
        self.balanced(fold)
    }

    /// As many rows of each label: half of them the owner's pictures and half the replay set's, where
    /// there are both. linfa has no weights, so rows are drawn again.
    fn balanced(&self, without: usize) -> Vec<Row<'_>> {
        let count = self.labels.len();
        let mut owner: Vec<Vec<&[f32]>> = vec![vec![]; count];
        for ((picture, class), fold) in self.pictures.iter().zip(&self.classes).zip(&self.folds) {
            if fold.is_some_and(|fold| fold != without) {
                owner[*class].extend(picture.looks.iter().map(Vec::as_slice));
            }
        }
        let mut replay: Vec<Vec<&[f32]>> = vec![vec![]; count];
        for ((row, class), fold) in self.replay.iter().zip(&self.replay_folds) {
            if fold.is_some_and(|fold| fold != without) {
                replay[*class].push(row);
            }
        }
        let longest = |lists: &[Vec<&[f32]>]| lists.iter().map(Vec::len).max().unwrap_or(0);
        let half = match longest(&replay) {
            0 => longest(&owner).div_ceil(2),
            most => most,
        };
        let rng = &mut split::generator(self.seed, RESAMPLE);
        let mut rows = vec![];
        for label in 0..count {
            let halves = match (owner[label].is_empty(), replay[label].is_empty()) {
                (false, false) => [half, half],
                (false, true) => [2 * half, 0],
                _ => [0, 2 * half],
            };
            for (list, n) in [&owner[label], &replay[label]].into_iter().zip(halves) {
                rows.extend(
                    split::resample(list, n, rng)
                        .into_iter()
                        .map(|r| (r, label)),
                );
            }
        }
        rows
    }

    /// Cross-entropy of the rows that each fold's head was not fitted to, and the standard error of
    /// that: the mean over the owner's pictures and the mean over the replay set count alike, and in
    /// each every label.
    pub fn loss(&self, heads: &[Head]) -> [f64; 2] {
        let pictures = self.pictures.iter().zip(&self.classes).zip(&self.folds);
        let owner = pictures.filter_map(|((picture, class), fold)| {
            let logits = heads[(*fold)?].logits(picture.looks.first()?);
            Some((*class, cross_entropy(&logits, *class)))
        });
        let rows = self.replay.iter().zip(&self.replay_folds);
        let replay = rows.filter_map(|((row, class), fold)| {
            let logits = heads[(*fold)?].logits(row);
            Some((*class, cross_entropy(&logits, *class)))
        });
        let parts = [self.by_label(owner), self.by_label(replay)];
        let known: Vec<[f64; 2]> = parts.into_iter().flatten().collect();
        let count = known.len().max(1) as f64;
        let mean = known.iter().map(|[mean, _]| mean).sum::<f64>() / count;
        let variance: f64 = known.iter().map(|[_, error]| error * error).sum();
        [mean, variance.sqrt() / count]
    }

    /// Share of the replay rows whose verdicts the old head has right and the folds' heads, which were
    /// not fitted to them, do not, less those where it is the other way round. 0 without replay rows.
    pub fn replay_drop(&self, model: &ExpressionModel<'_>, old: &Head, heads: &[Head]) -> f64 {
        let shared = Shared::new(&model.labels, self.labels);
        let mut heads = heads.to_vec();
        heads.iter_mut().for_each(|head| self.restore_prior(head));
        let (mut n, mut before, mut after) = (0u32, 0u32, 0u32);
        for ((row, class), fold) in self.replay.iter().zip(&self.replay_folds) {
            let Some(fold) = fold else { continue };
            n += 1;
            before += u32::from(shared.was_right(old, row, *class));
            let verdict = verdict(&heads[*fold].logits(row), |_| true);
            after += u32::from(verdict == Some(*class));
        }
        (f64::from(before) - f64::from(after)) / f64::from(n.max(1))
    }

    /// Mean over the labels' means, and the standard error of the plain mean; `None` of nothing.
    fn by_label(&self, losses: impl Iterator<Item = (usize, f64)>) -> Option<[f64; 2]> {
        let mut sums = vec![(0.0, 0.0); self.labels.len()];
        let (mut sum, mut squares, mut n) = (0.0, 0.0, 0.0);
        for (label, loss) in losses {
            sums[label].0 += loss;
            sums[label].1 += 1.0;
            (sum, squares, n) = (sum + loss, squares + loss * loss, n + 1.0);
        }
        let means = sums.into_iter().filter(|(_, n)| *n > 0.0);
        let means: Vec<f64> = means.map(|(sum, n)| sum / n).collect();
        let variance = squares / n - (sum / n) * (sum / n);
        let mean = means.iter().sum::<f64>() / means.len().max(1) as f64;
        (n > 0.0).then(|| [mean, (variance.max(0.0) / n).sqrt()])
    }

    /// Rows of each label are as many, pictures in front of the old model were not: the logarithm of a
    /// label's share of those, relative to an even one. New labels have an even share.
    pub fn log_prior(&self, label: usize) -> f32 {
        let known = self.prior.iter().filter(|n| **n > 0).count() as f64;
        let total: f64 = self.prior.iter().map(|n| f64::from(*n)).sum();
        match self.prior[label] {
            0 => 0.0,
            pictures => (known * f64::from(pictures) / total).ln() as f32,
        }
    }

    /// Gives the labels the frequency back that the old model was fitted to.
    pub fn restore_prior(&self, head: &mut Head) {
        for (label, bias) in head.bias.iter_mut().enumerate() {
            *bias += self.log_prior(label);
        }
    }

    /// Logits of the owner's pictures that judge, by heads that were not fitted to them.
    pub fn judge(&self, heads: &[Head], head: &Head) -> Vec<(Vec<f32>, usize)> {
        let pictures = self.judging().into_iter();
        let judged = pictures.filter_map(|i| {
            let of = self.folds[i].map_or(head, |fold| &heads[fold]);
            let look = self.pictures[i].looks.first()?;
            Some((of.logits(look), self.classes[i]))
        });
        judged.collect()
    }

    /// The owner's pictures that judge: those held out, or all.
    fn judging(&self) -> Vec<usize> {
        let judges = |i: &usize| !self.has_hold_out || self.folds[*i].is_none();
        (0..self.pictures.len()).filter(judges).collect()
    }

    /// Logits of the replay rows that judge, by the old head and by the new one, for the labels that
    /// both have; `None` where there are fewer than two.
    #[expect(
        clippy::type_complexity,
        reason = "rows of logits with their label, twice"
    )]
    pub fn shared_logits(
        &self,
        model: &ExpressionModel<'_>,
        old: &Head,
        new: &Head,
    ) -> Option<[Vec<(Vec<f32>, usize)>; 2]> {
        let shared = Shared::new(&model.labels, self.labels);
        let both: Vec<(usize, usize)> = (0..self.labels.len())
            .filter_map(|new| Some((new, shared.old(new)?)))
            .collect();
        if both.len() < 2 {
            return None;
        }
        let mut logits = [vec![], vec![]];
        for (row, class) in self.replay_judges() {
            let Some(truth) = both.iter().position(|(new, _)| *new == class) else {
                continue;
            };
            let (before, after) = (old.logits(row), new.logits(row));
            logits[0].push((both.iter().map(|(_, old)| before[*old]).collect(), truth));
            logits[1].push((both.iter().map(|(new, _)| after[*new]).collect(), truth));
        }
        (!logits[0].is_empty()).then_some(logits)
    }

    fn replay_judges(&self) -> impl Iterator<Item = Row<'_>> {
        let rows = self.replay.iter().zip(&self.replay_folds);
        let rows = rows.filter(|(_, fold)| fold.is_none());
        rows.map(|((row, class), _)| (&row[..], *class))
    }

    /// Before and after, on what was not fitted to.
    pub fn measures(
        &self,
        model: &ExpressionModel<'_>,
        old: &Head,
        new: &Head,
        judged: &[(Vec<f32>, usize)],
    ) -> Vec<Measure> {
        let shared = Shared::new(&model.labels, self.labels);
        let right =
            |(logits, truth): &&(Vec<f32>, usize)| verdict(logits, |_| true) == Some(*truth);
        let name = match self.has_hold_out {
            true => "your hold-out".to_owned(),
            false => format!("your pictures ({FOLDS}-fold)"),
        };
        let known = |truth: usize| shared.old(truth).is_some();
        let (mut n, mut before, mut after) = (0, 0, 0);
        for (i, verdict) in self.judging().into_iter().zip(judged) {
            if known(verdict.1) {
                let look = self.pictures[i].looks.first();
                n += 1;
                before += u64::from(look.is_some_and(|l| shared.was_right(old, l, verdict.1)));
                after += u64::from(right(&verdict));
            }
        }
        let all = judged.len() as u64;
        let right_of_all = judged.iter().filter(right).count() as u64;
        let mut measures = vec![];
        if n == all {
            measures.extend(Measure::new(name, n, Some(before), after));
        } else {
            let both = format!("{name}, labels of both");
            measures.extend(Measure::new(both, n, Some(before), after));
            measures.extend(Measure::new(name, all, None, right_of_all));
        }
        let (mut n, mut before, mut after) = (0, 0, 0);
        for (row, class) in self.replay_judges() {
            n += 1;
            before += u64::from(shared.was_right(old, row, class));
            after += u64::from(verdict(&new.logits(row), |_| true) == Some(class));
        }
        measures.extend(Measure::new("replay hold-out", n, Some(before), after));
        measures
    }
}
