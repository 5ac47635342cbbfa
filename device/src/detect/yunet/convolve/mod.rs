//! A 3x3 convolution of each channel by itself, with its bias and ReLU, as an operation of the
//! graph. Half of YuNet's time goes by here, and tract has no vector code for it on x86.

mod kernel;

use tract_core::internal::*;

/// Inputs: `[1, H, W, C]`, the kernel `[9, C]` row by row, the bias `[C]`; all f32. The result has
/// the first one's shape: it is padded with one zero around.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Depthwise3x3 {
    /// Whether negative results become 0.
    pub(super) relu: bool,
}

impl Op for Depthwise3x3 {
    fn name(&self) -> StaticName {
        "Depthwise3x3".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("relu: {}", self.relu)])
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Depthwise3x3 {
    op_out_of_plan!();

    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [input, weights, bias] = &inputs[..] else {
            bail!("takes an input, a kernel and a bias");
        };
        let &[1, _, width, channels] = input.shape() else {
            bail!("takes one picture, not {:?}", input.shape());
        };
        ensure!(
            weights.shape() == [9, channels] && bias.shape() == [channels],
            "{:?} and {:?} are not weights of {channels} channels",
            weights.shape(),
            bias.shape()
        );
        let filter = kernel::Filter {
            width,
            channels,
            weights: weights.try_as_plain_ram()?.as_slice::<f32>()?,
            bias: bias.try_as_plain_ram()?.as_slice::<f32>()?,
            relu: self.relu,
        };
        let mut output = vec![0.0; input.len()];
        filter.run(input.try_as_plain_ram()?.as_slice::<f32>()?, &mut output);
        let output = Tensor::from_shape(input.shape(), &output)?;
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Depthwise3x3 {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [input, ..] = inputs else {
            bail!("takes an input, a kernel and a bias");
        };
        Ok(tvec!(f32::fact(input.shape.clone())))
    }

    as_op!();
}
