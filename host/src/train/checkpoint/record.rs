//! Burn's records as bytes.

use burn::module::{Module, ModuleVisitor, Param};
use burn::record::{
    BinFileRecorder, FullPrecisionSettings, NamedMpkBytesRecorder, Record, Recorder,
};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::error::CheckpointError;
use super::folder::{Reader, Writer};
use crate::train::net::Net;

/// Stores a record as `name`.
pub(in crate::train) fn put<B: Backend>(
    writer: &mut Writer,
    name: &str,
    record: impl Record<B>,
) -> Result<(), CheckpointError> {
    let recorder = NamedMpkBytesRecorder::<FullPrecisionSettings>::new();
    let bytes = Recorder::<B>::record(&recorder, record, ()).map_err(|e| {
        let source = std::io::Error::other(e.to_string());
        let path = name.into();
        CheckpointError::Write { path, source }
    })?;
    writer.put(&file(name), &bytes)
}

fn file(name: &str) -> String {
    format!("{name}.mpk")
}

/// Reads the record `name`; folders of the first form have it as Burn's `.bin`.
pub(in crate::train) fn get<B: Backend, R: Record<B>>(
    reader: &Reader,
    name: &str,
    device: &B::Device,
) -> Result<R, CheckpointError> {
    if reader.is_first_form() {
        let path = reader.path(name).with_extension("bin");
        let recorder = BinFileRecorder::<FullPrecisionSettings>::new();
        return Recorder::<B>::load(&recorder, path.clone(), device).map_err(|e| {
            CheckpointError::Damaged {
                path,
                why: e.to_string(),
            }
        });
    }
    let bytes = reader.get(&file(name))?;
    let recorder = NamedMpkBytesRecorder::<FullPrecisionSettings>::new();
    // The bytes are those that were written, so it is what they say that does not fit.
    Recorder::<B>::load(&recorder, bytes, device).map_err(|e| CheckpointError::Other {
        path: reader.path(&file(name)),
        why: e.to_string(),
    })
}

/// Reads the weights `name` into a network of the same plan.
pub(super) fn get_net<B: Backend>(
    reader: &Reader,
    name: &str,
    fresh: &Net<B>,
    device: &B::Device,
) -> Result<Net<B>, CheckpointError> {
    let record: <Net<B> as Module<B>>::Record = get(reader, name, device)?;
    let other = |why: String| CheckpointError::Other {
        path: reader.path(&file(name)),
        why,
    };
    let counts = [record.convs.len(), record.denses.len()];
    let wanted = [fresh.convs.len(), fresh.denses.len()];
    if counts != wanted {
        return Err(other(format!(
            "it has {} convolutions and {} dense layers instead of {} and {}",
            counts[0], counts[1], wanted[0], wanted[1]
        )));
    }
    // Burn would take the record's shapes.
    let net = fresh.clone().load_record(record);
    let (shapes, wanted) = (shapes(&net), shapes(fresh));
    if let Some((shape, wanted)) = shapes.iter().zip(&wanted).find(|(a, b)| a != b) {
        return Err(other(format!(
            "a parameter has the shape {shape:?} instead of {wanted:?}"
        )));
    }
    if shapes.len() != wanted.len() {
        return Err(other(format!(
            "it has {} parameters instead of {}",
            shapes.len(),
            wanted.len()
        )));
    }
    Ok(net)
}

fn shapes<B: Backend>(net: &Net<B>) -> Vec<Vec<usize>> {
    struct Shapes(Vec<Vec<usize>>);
    impl<B: Backend> ModuleVisitor<B> for Shapes {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            self.0.push(param.val().dims().to_vec());
        }
    }
    let mut shapes = Shapes(vec![]);
    net.visit(&mut shapes);
    shapes.0
}
