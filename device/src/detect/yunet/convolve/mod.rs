//! YuNet's convolutions as operations of the graph, for AVX2 and NEON with a scalar twin. Nearly
//! all of YuNet's time goes by here. tract would compute 1x1 and 3x3 convolutions one after the
//! other, with whole maps in between, and the 3x3 ones without vectors on x86.

mod lanes;
mod pointwise;
mod stem;
mod unit;

use tract_core::internal::*;

use pointwise::Pointwise;

/// The first convolution: 3x3, stride 2, padded with one zero around, then a ReLU.
///
/// Inputs: `[1, H, W, 1]` with even sides, the kernel `[9, C]` row by row, the bias `[C]`; all f32.
/// Output: `[1, H / 2, W / 2, C]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stem;

/// A 1x1 convolution, then a 3x3 one of each channel by itself, padded with one zero around.
///
/// Inputs: `[1, H, W, I]`, the first kernel `[I, C]` and its bias `[C]`, the second one `[9, C]` row
/// by row and its bias `[C]`; all f32. Output: `[1, H, W, C]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// Whether negative results become 0.
    pub(super) relu: bool,
}

impl Op for Stem {
    fn name(&self) -> StaticName {
        "YunetStem".into()
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Stem {
    op_out_of_plan!();

    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [input, kernel, bias] = &inputs[..] else {
            bail!("takes an input, a kernel and a bias");
        };
        let &[1, height, width, 1] = input.shape() else {
            bail!("takes one plane, not {:?}", input.shape());
        };
        let outputs = channels(bias)?;
        ensure!(height % 2 == 0 && width % 2 == 0, "the sides must be even");
        let stem = stem::Stem {
            width,
            filter: pointwise(kernel, bias, 9, outputs)?,
        };
        output([1, height / 2, width / 2, outputs], |output| {
            stem.run(values(input)?, output);
            Ok(())
        })
    }
}

impl TypedOp for Stem {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [input, _, bias] = inputs else {
            bail!("takes an input, a kernel and a bias");
        };
        let [_, height, width, _] = sides(input)?;
        let channels = bias.shape[0].clone();
        Ok(tvec!(f32::fact([
            1.to_dim(),
            height / 2,
            width / 2,
            channels
        ])))
    }

    as_op!();
}

impl Op for Unit {
    fn name(&self) -> StaticName {
        "YunetUnit".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("relu: {}", self.relu)])
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Unit {
    op_out_of_plan!();

    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [input, first, first_bias, second, second_bias] = &inputs[..] else {
            bail!("takes an input, two kernels and their biases");
        };
        let &[1, height, width, inputs] = input.shape() else {
            bail!("takes one picture, not {:?}", input.shape());
        };
        let outputs = channels(first_bias)?;
        ensure!(
            second.shape() == [9, outputs] && second_bias.shape() == [outputs],
            "{:?} and {:?} are not 3x3 weights of {outputs} channels",
            second.shape(),
            second_bias.shape()
        );
        let unit = unit::Unit {
            width,
            pointwise: pointwise(first, first_bias, inputs, outputs)?,
            weights: values(second)?,
            bias: values(second_bias)?,
            relu: self.relu,
        };
        output([1, height, width, outputs], |output| {
            unit.run(values(input)?, output);
            Ok(())
        })
    }
}

impl TypedOp for Unit {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [input, _, bias, ..] = inputs else {
            bail!("takes an input, two kernels and their biases");
        };
        let [one, height, width, _] = sides(input)?;
        let channels = bias.shape[0].clone();
        Ok(tvec!(f32::fact([one, height, width, channels])))
    }

    as_op!();
}

fn sides(fact: &TypedFact) -> TractResult<[TDim; 4]> {
    let sides = fact.shape.to_tvec().into_iter().collect::<Vec<_>>();
    let sides: Result<[TDim; 4], _> = sides.try_into();
    sides.map_err(|sides| format_err!("{sides:?} has not four axes"))
}

fn channels(bias: &Tensor) -> TractResult<usize> {
    match bias.shape() {
        &[channels] if channels > 0 => Ok(channels),
        shape => bail!("{shape:?} is no bias"),
    }
}

fn pointwise<'a>(
    kernel: &'a Tensor,
    bias: &'a Tensor,
    inputs: usize,
    outputs: usize,
) -> TractResult<Pointwise<'a>> {
    ensure!(
        inputs > 0 && kernel.shape() == [inputs, outputs],
        "{:?} are not weights from {inputs} to {outputs} channels",
        kernel.shape()
    );
    Ok(Pointwise {
        inputs,
        outputs,
        weights: values(kernel)?,
        bias: values(bias)?,
    })
}

fn values(tensor: &Tensor) -> TractResult<&[f32]> {
    tensor.try_as_plain_ram()?.as_slice::<f32>()
}

fn output(
    shape: [usize; 4],
    fill: impl FnOnce(&mut [f32]) -> TractResult<()>,
) -> TractResult<TVec<TValue>> {
    let mut output = Tensor::zero::<f32>(&shape)?;
    fill(output.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?)?;
    Ok(tvec!(output.into_tvalue()))
}
