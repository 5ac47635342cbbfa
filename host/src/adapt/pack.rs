//! From a fitted head to a packed model file.

use mien_device::classify::Classifier;
use mien_models::ExpressionModel;
use mien_models::container::{Header, encode};
use mien_models::expression_model::{Figure, Golden, ModelCard};
use mien_models::network::Op;
use mien_models::preprocess::normalize_contrast;

use super::folders::Folder;
use super::{AdaptError, Adapted};
use crate::inspect::hex;

/// Where an adapted model comes from, for its card.
#[derive(Clone, Copy, Debug)]
pub struct Provenance<'a> {
    /// Of the file that was adapted.
    pub header: &'a Header,
    /// Number of used pictures per folder, in their order.
    pub used: &'a [usize],
    /// ISO 8601.
    pub date: &'a str,
    /// Of the new file.
    pub version: u64,
}

/// The network of `model` with the new head, its golden logits computed anew by the device's code.
///
/// # Errors
/// When the result is not a valid model.
pub fn pack(
    model: &ExpressionModel<'_>,
    adapted: &Adapted,
    folders: &[Folder],
    from: Provenance<'_>,
) -> Result<Vec<u8>, AdaptError> {
    let Header {
        model_version,
        model_id,
        ..
    } = from.header;
    let counts: Vec<String> = folders
        .iter()
        .zip(from.used)
        .map(|(folder, used)| format!("{} {used}", folder.label))
        .collect();
    let original = format!(
        "{}, version {model_version}, id {}",
        model.card.name,
        hex(model_id)
    );
    let data = format!(
        "{}; last layer fitted to {} pictures of the owner's ({}) and {} rows of replay",
        model.card.data,
        from.used.iter().sum::<usize>(),
        counts.join(", "),
        adapted.summary.fitted_replay
    );
    let notes = format!(
        "{}\nAdapted on {} from {original}.",
        model.card.notes, from.date
    );
    let name = match is_adapted(model) {
        true => model.card.name.to_owned(),
        false => format!("{}{ADAPTED}", model.card.name),
    };
    let measures = adapted.summary.measures.iter();
    let figures: Vec<(String, f64)> = measures
        .flat_map(|m| {
            let before = m
                .before
                .map(|b| (format!("{}, before", m.name), b.accuracy));
            let after = (format!("{}, accuracy", m.name), m.after.accuracy);
            let n = (format!("{}, pictures", m.name), m.n as f64);
            before.into_iter().chain([after, n])
        })
        .collect();
    let mut network = model.network.clone();
    if let Some(last) = network.nodes.last_mut() {
        last.op = Op::Dense(adapted.stored.weights());
        last.output_quant = None;
    }
    let mut packed = ExpressionModel {
        preprocessing: model.preprocessing,
        labels: adapted.labels.clone(),
        network,
        temperature: adapted.temperature,
        golden: vec![],
        card: ModelCard {
            name: &name,
            data: &data,
            date: from.date,
            notes: &notes,
            figures: figures
                .iter()
                .map(|(name, value)| Figure {
                    name,
                    value: *value,
                })
                .collect(),
            ..model.card.clone()
        },
    };
    let mut classifier = Classifier::new(&packed)?;
    for golden in &model.golden {
        let mut face = golden.pixels.to_vec();
        normalize_contrast(&mut face, &packed.preprocessing.contrast);
        packed.golden.push(Golden {
            pixels: golden.pixels,
            logits: classifier.logits(&face)?.iter().copied().collect(),
        });
    }
    Ok(encode(&packed, packed.model_id(), from.version)?)
}

/// What the names of adapted models end with.
const ADAPTED: &str = ", adapted";

/// Whether the model has come out of this before.
pub fn is_adapted(model: &ExpressionModel<'_>) -> bool {
    model.card.name.ends_with(ADAPTED)
}
