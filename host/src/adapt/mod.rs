//! Adapts a packed model to its owner's pictures: the network stays as it is and gets a new last
//! layer, fitted to the features it has of the pictures together with those of a replay set, so that
//! old skill stays. Seconds of work, without the data that the network was trained on.

mod anchor;
mod check;
pub mod contact;
mod error;
mod examples;
pub mod faces;
mod fit;
pub mod folders;
mod head;
mod measure;
pub mod pack;
mod split;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use mien_device::classify;
use mien_models::ExpressionModel;
use mien_models::label::Labels;
use mien_models::replay::ReplaySet;
use serde::Serialize;

use crate::dataset::PIXELS;
use crate::quantize::calibrate;
use anchor::{Anchor, Candidate};
use examples::Examples;
use faces::{Gathered, Why};
use fit::Design;
use folders::Folder;
use head::{Head, StoredHead};

pub use anchor::Hold;
pub use check::Check;
pub use error::AdaptError;
pub use measure::{Measure, Share};
pub use pack::Provenance;

/// Least usable pictures of a label.
pub const MIN_PICTURES: usize = 5;
/// With so many of every label some are held out; with fewer, each is judged by a head that was
/// fitted to the others.
const HOLD_OUT_FROM: usize = 20;
/// One in this many is held out.
const HELD_OUT: usize = 4;
/// Parts of the cross-validation.
const FOLDS: usize = 5;
/// Share of the replay rows' right verdicts that cross-validation may find lost: less than a new model
/// may lose ([`Measure::is_worse`]), as the hold-out is another sample.
const ADMITTED_DROP: f64 = 0.0075;
/// How much a calibration by few pictures may move the temperature.
const TEMPERATURE_RANGE: [f64; 2] = [0.5, 2.0];

/// A picture with one face.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The file.
    pub path: PathBuf,
    /// Its folder's label.
    pub label: String,
    /// SHA-256 of the width and the gray pixels.
    pub digest: [u8; 32],
    /// Features, of the crop as the device makes it first.
    pub looks: Vec<Vec<f32>>,
    /// The crop, small.
    pub thumbnail: Box<[u8; PIXELS]>,
}

/// What is up to the caller.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Labels of the model without a folder stay, known from the replay set alone.
    pub keep_labels: bool,
    /// Seeds every choice.
    pub seed: u64,
}

/// A fitted head with what it takes to pack it.
#[derive(Clone, Debug)]
pub struct Adapted {
    /// Of the new model.
    pub labels: Labels,
    /// Of the new model.
    pub temperature: f32,
    /// What was measured.
    pub summary: Summary,
    stored: StoredHead,
}

/// What cross-validation found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// How close to the old head.
    #[serde(flatten)]
    pub hold: Hold,
    /// Cross-entropy in nats: mean of the owner's pictures' and the replay set's.
    pub loss: f64,
    /// Share of the replay set's right verdicts that are lost.
    pub replay_drop: f64,
}

/// How a head was fitted and what that gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How close to the old head cross-validation chose to stay.
    #[serde(flatten)]
    pub hold: Hold,
    /// All that was tried.
    pub tried: Vec<Tried>,
    /// Pictures of the owner that were fitted to.
    pub fitted_pictures: usize,
    /// Rows of the replay set that were fitted to.
    pub fitted_replay: usize,
    /// Before and after.
    pub temperature: [f32; 2],
    /// Before and after, on pictures that the new head was not fitted to.
    pub measures: Vec<Measure>,
}

/// Fits a new head for `model` to the pictures of `folders`.
///
/// # Errors
/// When there are too few of a label or nothing can be fitted.
pub fn adapt(
    model: &ExpressionModel<'_>,
    folders: &[Folder],
    gathered: &Gathered,
    replay: Option<&ReplaySet<'_>>,
    options: Options,
) -> Result<Adapted, AdaptError> {
    let labels = labels(model, folders, options.keep_labels)?;
    enough(folders, gathered)?;
    let old = Head::of(classify::head(&model.network)?);
    let examples = Examples::new(&labels, &gathered.used, replay, options.seed);
    if let Some(unknown) = examples.without_rows() {
        return Err(AdaptError::Unknown(unknown));
    }
    let origins: Vec<Option<usize>> = labels.iter().map(|l| model.labels.index_of(l)).collect();
    let rows = examples.to_fit().map(|(row, _)| row);
    let design = Design::new(old.clone(), origins.clone(), rows);
    let parts: Vec<_> = (0..FOLDS).map(|fold| examples.without(fold)).collect();
    let fitted = fit::candidates(&design, &parts).map_err(AdaptError::Fit)?;
    let anchor = Anchor::new(&old, &origins, |label| examples.log_prior(label));
    let mut candidates = anchor.candidates(fitted, &parts);
    let losses: Vec<[f64; 2]> = candidates.iter().map(|c| examples.loss(&c.heads)).collect();
    let drops = (candidates.iter()).map(|c| examples.replay_drop(model, &old, &c.heads));
    let drops: Vec<f64> = drops.collect();
    let best = choose(&losses, &drops);
    let tried = candidates.iter().zip(&losses);
    let tried = tried.zip(&drops).map(|((c, [loss, _]), drop)| Tried {
        hold: c.hold,
        loss: *loss,
        replay_drop: *drop,
    });
    let tried = tried.collect();
    let Candidate { hold, mut heads } = candidates.swap_remove(best);
    let all = examples.all();
    let head = design.fit(&all, hold.alpha).map_err(AdaptError::Fit)?;
    let mut head = anchor.between(&head, hold, &all);
    for head in heads.iter_mut().chain([&mut head]) {
        examples.restore_prior(head);
    }
    // What is measured is what is packed.
    let stored = head.stored();
    let head = Head::of(&stored.weights());
    let judged = examples.judge(&heads, &head);
    let temperature = temperature(model, &old, &head, &examples, &judged);
    Ok(Adapted {
        summary: Summary {
            hold,
            tried,
            fitted_pictures: examples.fitted_pictures(),
            fitted_replay: examples.fitted_replay(),
            temperature: [model.temperature, temperature],
            measures: examples.measures(model, &old, &head, &judged),
        },
        labels,
        temperature,
        stored,
    })
}

/// Of the candidates that keep the old skill, or else of those that keep the most of it: the strongest,
/// which comes last, whose loss is within a standard error of the least (the
/// one-standard-error rule: Hastie, Tibshirani & Friedman, "The Elements of Statistical Learning", 7.10):
/// nothing is moved away from the old head that the pictures do not clearly ask for.
fn choose(losses: &[[f64; 2]], drops: &[f64]) -> usize {
    let least = drops.iter().copied().fold(f64::MAX, f64::min);
    let keeps = |i: &usize| drops[*i] <= f64::max(least, ADMITTED_DROP);
    let kept = (0..losses.len()).filter(keeps);
    let best = kept.clone().map(|i| losses[i]);
    let best = best.min_by(|a, b| a[0].total_cmp(&b[0]));
    let most = best.map_or(f64::MAX, |[loss, error]| loss + error);
    kept.rev().find(|i| losses[*i][0] <= most).unwrap_or(0)
}

/// Labels of the new model: those of the old one that there are folders of, or, to `keep` them, all of
/// its own, then the new ones.
///
/// # Errors
/// When they are too many or only one.
pub fn labels(
    model: &ExpressionModel<'_>,
    folders: &[Folder],
    keep: bool,
) -> Result<Labels, AdaptError> {
    let has = |label: &str| folders.iter().any(|folder| folder.label == label);
    let old = model.labels.iter().filter(|label| keep || has(label));
    let new = folders.iter().map(|folder| folder.label.as_str());
    let new = new.filter(|label| model.labels.index_of(label).is_none());
    let labels = Labels::new(old.chain(new))?;
    match (labels.len(), labels.name(0)) {
        (1, Some(only)) => Err(AdaptError::OneLabel(only.to_owned())),
        _ => Ok(labels),
    }
}

/// That every folder has enough usable pictures.
fn enough(folders: &[Folder], gathered: &Gathered) -> Result<(), AdaptError> {
    let usable = |label: &str| gathered.used.iter().filter(|p| p.label == label).count();
    let few: Vec<String> = folders
        .iter()
        .filter(|folder| usable(&folder.label) < MIN_PICTURES)
        .map(|folder| {
            let (label, all) = (&folder.label, folder.pictures.len());
            format!("{label} {} of {all}", usable(label))
        })
        .collect();
    if few.is_empty() {
        return Ok(());
    }
    let count = |is: fn(&Why) -> bool| gathered.rejected.iter().filter(|r| is(&r.why)).count();
    let mut why: Vec<String> = [
        (count(|w| matches!(w, Why::NoFace)), "without a face"),
        (
            count(|w| matches!(w, Why::SeveralFaces { .. })),
            "with several faces",
        ),
        (
            count(|w| matches!(w, Why::Duplicate { .. })),
            "the same as another",
        ),
        (count(|w| matches!(w, Why::Unreadable { .. })), "unreadable"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{n} {what}"))
    .collect();
    if let Some((path, message)) = gathered.rejected.iter().find_map(|r| match &r.why {
        Why::Unreadable { message } => Some((&r.path, message)),
        _ => None,
    }) {
        why.push(format!("such as {}: {message}", path.display()));
    }
    Err(AdaptError::TooFew {
        found: few.join(", "),
        why: match why.is_empty() {
            true => String::new(),
            false => format!(" ({})", why.join(", ")),
        },
    })
}

/// The replay set's rows were fitted to, so the temperature that is best on them is too low. How it
/// differs between the old head and the new one is not, and moves the old model's, which was found on
/// pictures set aside. Without such rows, the owner's pictures have to do.
fn temperature(
    model: &ExpressionModel<'_>,
    old: &Head,
    new: &Head,
    examples: &Examples<'_>,
    judged: &[(Vec<f32>, usize)],
) -> f32 {
    let [low, high] = TEMPERATURE_RANGE;
    let best = |rows: &[(Vec<f32>, usize)]| {
        let width = rows.first().map_or(1, |(logits, _)| logits.len());
        let logits: Vec<f32> = rows.iter().flat_map(|(l, _)| l.iter().copied()).collect();
        let truths: Vec<usize> = rows.iter().map(|(_, truth)| *truth).collect();
        calibrate::fit(&logits, &truths, width, false).temperature
    };
    let fitted = match examples.shared_logits(model, old, new) {
        Some([before, after]) => {
            f64::from(model.temperature) * (best(&after) / best(&before)).clamp(low, high)
        }
        None => best(judged).clamp(low, high),
    };
    fitted as f32
}
