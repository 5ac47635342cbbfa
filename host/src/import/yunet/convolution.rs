//! A convolution out of the file.

use mien_models::network::{Values, Weights};

use super::YunetImportError;
use super::onnx::{Node, Tensor};
use super::trace::{Trace, input, quote};

/// Epsilon of a batch normalization that does not say.
const DEFAULT_EPSILON: f32 = 1e-5;

/// What a convolution of YuNet's looks like; all pad so that stride 1 keeps the size.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    /// Rows and columns of the kernel.
    pub(super) side: i64,
    pub(super) stride: i64,
    /// Each channel by itself, instead of all with all.
    pub(super) depthwise: bool,
}

/// A convolution with its own memory, weights as bytes.
pub(super) struct Convolution {
    inputs: u16,
    outputs: u16,
    values: Vec<u8>,
    bias: Vec<u8>,
}

impl Convolution {
    /// The convolution as the payload holds it.
    pub(super) fn weights(&self) -> Weights<'_> {
        Weights {
            inputs: self.inputs,
            outputs: self.outputs,
            values: Values::F32(&self.values),
            bias: &self.bias,
        }
    }

    pub(super) fn read(
        trace: &Trace<'_>,
        node: &Node,
        geometry: Geometry,
        place: &str,
    ) -> Result<Self, YunetImportError> {
        let kernel_name = input(node, 1);
        let kernel = tensor(trace, kernel_name, "kernel", place)?;
        let bad = |problem: String| bad_tensor(place, "kernel", kernel_name, problem);
        let side = geometry.side;
        let &[outputs, inputs, height, width] = &kernel.dims[..] else {
            return Err(bad(format!("has {} axes instead of 4", kernel.dims.len())));
        };
        if (height, width) != (side, side) {
            return Err(bad(format!("is {height}x{width} instead of {side}x{side}")));
        }
        let (Ok(inputs), Ok(outputs)) = (u16::try_from(inputs), u16::try_from(outputs)) else {
            return Err(bad(format!("has {outputs}x{inputs} channels")));
        };
        check_geometry(node, geometry, outputs, place)?;
        let values = f32s(kernel, "kernel", kernel_name, place)?;
        let bias = match input(node, 2) {
            "" => vec![0.0; outputs.into()],
            name => per_channel(trace, name, "bias", outputs, place)?,
        };
        Ok(Self {
            inputs,
            outputs,
            values: bytes(values),
            bias: bytes(bias),
        })
    }

    /// Batch normalization behind the convolution: y = (x - mean) * scale / sqrt(variance +
    /// epsilon) + shift, computed in f64.
    pub(super) fn fold(
        &mut self,
        trace: &Trace<'_>,
        node: &Node,
        place: &str,
    ) -> Result<(), YunetImportError> {
        let read = |index, what| per_channel(trace, input(node, index), what, self.outputs, place);
        let (scale, shift) = (read(1, "scale")?, read(2, "shift")?);
        let (mean, variance) = (read(3, "mean")?, read(4, "variance")?);
        let epsilon = node
            .attribute("epsilon")
            .map_or(DEFAULT_EPSILON, |a| a.float);
        let factors: Vec<f64> = scale
            .iter()
            .zip(&variance)
            .map(|(&scale, &variance)| {
                f64::from(scale) / (f64::from(variance) + f64::from(epsilon)).sqrt()
            })
            .collect();
        let weights = self.weights();
        let (values, bias) = (weights.to_f32(), weights.bias_f32());
        let per_output = values.len() / usize::from(self.outputs).max(1);
        let values = values
            .chunks_exact(per_output.max(1))
            .zip(&factors)
            .flat_map(|(row, factor)| row.iter().map(move |&v| (f64::from(v) * factor) as f32));
        let bias = (0..bias.len()).map(|i| {
            let centered = f64::from(bias[i]) - f64::from(mean[i]);
            (centered * factors[i] + f64::from(shift[i])) as f32
        });
        let (values, bias) = (bytes(values), bytes(bias));
        (self.values, self.bias) = (values, bias);
        Ok(())
    }
}

fn check_geometry(
    node: &Node,
    geometry: Geometry,
    outputs: u16,
    place: &str,
) -> Result<(), YunetImportError> {
    let around = geometry.side / 2;
    let group = if geometry.depthwise {
        outputs.into()
    } else {
        1
    };
    for (attribute, expected, default) in [
        ("group", vec![group], 1),
        ("strides", vec![geometry.stride; 2], 1),
        ("pads", vec![around; 4], 0),
        ("dilations", vec![1; 2], 1),
    ] {
        check_attribute(node, attribute, expected, default, place)?;
    }
    Ok(())
}

/// That an attribute has the expected value, or is missing and has it by default.
pub(super) fn check_attribute(
    node: &Node,
    attribute: &'static str,
    expected: Vec<i64>,
    default: i64,
    place: &str,
) -> Result<(), YunetImportError> {
    let found = match node.attribute(attribute) {
        Some(found) if found.ints.is_empty() => vec![found.int],
        Some(found) => found.ints.iter().copied().take(8).collect(),
        None => vec![default; expected.len()],
    };
    if found == expected {
        return Ok(());
    }
    Err(YunetImportError::Geometry {
        place: place.to_owned(),
        attribute,
        expected,
        found,
    })
}

fn tensor<'g>(
    trace: &Trace<'g>,
    name: &str,
    what: &'static str,
    place: &str,
) -> Result<&'g Tensor, YunetImportError> {
    let missing = || bad_tensor(place, what, name, "is not in the file".to_owned());
    trace.constant(name).ok_or_else(missing)
}

fn f32s(
    tensor: &Tensor,
    what: &'static str,
    name: &str,
    place: &str,
) -> Result<Vec<f32>, YunetImportError> {
    let problem = "is not single-precision, or not as long as its shape says";
    tensor
        .f32s()
        .ok_or_else(|| bad_tensor(place, what, name, problem.to_owned()))
}

fn per_channel(
    trace: &Trace<'_>,
    name: &str,
    what: &'static str,
    channels: u16,
    place: &str,
) -> Result<Vec<f32>, YunetImportError> {
    let values = f32s(tensor(trace, name, what, place)?, what, name, place)?;
    if values.len() != usize::from(channels) {
        let problem = format!("has {} values for {channels} channels", values.len());
        return Err(bad_tensor(place, what, name, problem));
    }
    Ok(values)
}

fn bad_tensor(place: &str, what: &'static str, name: &str, problem: String) -> YunetImportError {
    YunetImportError::Tensor {
        place: place.to_owned(),
        what,
        name: quote(name),
        problem,
    }
}

fn bytes(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}
