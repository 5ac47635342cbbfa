//! The training operations that decide the speed, as a trait over Burn's `Backend`.
//!
//! The default bodies are the stock operations, so a GPU backend keeps its own kernels and fusion
//! with an empty `impl`. The CPU backend replaces them ([`flex`]): stock Burn 0.21 computes a
//! convolution's weight gradient as a convolution with a huge kernel and broadcasts BatchNorm's
//! statistics element by element.

mod autodiff;
pub mod flex;
pub(in crate::train) mod kernels;
mod stock;
#[cfg(test)]
mod tests;

pub(super) use kernels::{ConvShape, Norm};

use std::sync::Arc;

use burn::tensor::backend::Backend;
use burn::tensor::ops::{ConvOptions, FloatTensor};
use burn::tensor::{Tensor, TensorPrimitive};

use super::trunk::{Saved, Trunk};

/// Stride and zero padding of a square convolution, equal in y and x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Step between windows, in pixels.
    pub stride: usize,
    /// Zero rows and columns added on every side.
    pub padding: usize,
}

impl ConvGeometry {
    fn options(self) -> ConvOptions<2> {
        ConvOptions::new([self.stride; 2], [self.padding; 2], [1; 2], 1)
    }

    /// Output length for `input` pixels and a kernel of `kernel` pixels.
    pub fn output(self, input: usize, kernel: usize) -> usize {
        (input + 2 * self.padding).saturating_sub(kernel) / self.stride + 1
    }
}

/// Backend operations with replaceable implementations. Shapes: pictures `[N, C, H, W]`,
/// kernels `[out, in, K, K]`, statistics `[C]`.
pub trait TrainOps: Backend {
    /// Whether [`batch_norm`](TrainOps::batch_norm) and [`add_relu`](TrainOps::add_relu) are
    /// implemented; otherwise callers compose them from stock operations.
    const FUSED: bool = false;

    /// Whether [`trunk`](TrainOps::trunk) is implemented and can be used now.
    fn has_trunks() -> bool {
        false
    }

    /// The trunk of pictures `[N, C, H, W]`, in one operation; `parameters`
    /// is all of its parameters in one vector. No gradient flows to the pictures.
    fn trunk(
        _x: FloatTensor<Self>,
        _parameters: FloatTensor<Self>,
        _pass: TrunkPass<'_>,
    ) -> TrunkOutput<FloatTensor<Self>> {
        unreachable!("only called where has_trunks")
    }

    /// Gradient of [`trunk`](TrainOps::trunk) for the parameters.
    fn trunk_backward(
        _trunk: &Trunk,
        _saved: Saved,
        _parameters: FloatTensor<Self>,
        _dy: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        unreachable!("only called where has_trunks")
    }

    /// Cross-correlation without bias.
    fn conv(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        Self::conv2d(x, w, None, geometry.options())
    }

    /// Gradients of [`conv`](TrainOps::conv) for `x` and `w`, each only if `wanted`.
    fn conv_backward(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        geometry: ConvGeometry,
        wanted: [bool; 2],
    ) -> [Option<FloatTensor<Self>>; 2] {
        let options = geometry.options();
        let dx = wanted[0]
            .then(|| Self::conv2d_x_backward(x.clone(), w.clone(), dy.clone(), options.clone()));
        let dw = wanted[1].then(|| Self::conv2d_weight_backward(x, w, dy, options));
        [dx, dw]
    }

    /// `y = gamma (x - mean) / sqrt(var + eps) + beta` with batch statistics, then ReLU if `relu`.
    /// Returns `[y, mean, biased var]`.
    fn batch_norm(
        _x: FloatTensor<Self>,
        _gamma: FloatTensor<Self>,
        _beta: FloatTensor<Self>,
        _form: NormForm,
    ) -> [FloatTensor<Self>; 3] {
        unreachable!("only called where FUSED is true")
    }

    /// Gradients `[dx, dgamma, dbeta]` of [`batch_norm`](TrainOps::batch_norm).
    fn batch_norm_backward(
        _saved: NormSaved<FloatTensor<Self>>,
        _form: NormForm,
        _dy: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        unreachable!("only called where FUSED is true")
    }

    /// `max(a + b, 0)`.
    fn add_relu(_a: FloatTensor<Self>, _b: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("only called where FUSED is true")
    }

    /// Gradient of [`add_relu`](TrainOps::add_relu), the same for both summands.
    fn add_relu_backward(_y: FloatTensor<Self>, _dy: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("only called where FUSED is true")
    }

    /// `x scale + shift` per channel, then ReLU if `relu`: BatchNorm at evaluation. No gradient.
    fn scale_shift(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        relu: bool,
    ) -> FloatTensor<Self> {
        let x = tensor::<Self, 4>(x);
        let channels = x.dims()[1];
        let per_channel = |t| tensor::<Self, 1>(t).reshape([1, channels, 1, 1]);
        let y = x * per_channel(scale) + per_channel(shift);
        primitive(if relu {
            burn::tensor::activation::relu(y)
        } else {
            y
        })
    }

    /// Every plane `x[n, c]` times `s[n, c]`; `s` is `[N, C, 1, 1]`.
    fn scale_planes(x: FloatTensor<Self>, s: FloatTensor<Self>) -> FloatTensor<Self> {
        stock::scale_planes::<Self>(x, s)
    }

    /// Gradients of [`scale_planes`](TrainOps::scale_planes) for `x` and `s`, each only if
    /// `wanted`.
    fn scale_planes_backward(
        x: FloatTensor<Self>,
        s: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        wanted: [bool; 2],
    ) -> [Option<FloatTensor<Self>>; 2] {
        let dx = wanted[0].then(|| stock::scale_planes::<Self>(dy.clone(), s));
        let ds = wanted[1].then(|| stock::plane_dots::<Self>(x, dy));
        [dx, ds]
    }

    /// 2x2 mean pooling, stride 2; a last odd row or column is dropped.
    fn avg_pool2(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::avg_pool2d(x, [2, 2], [2, 2], [0, 0], false, false)
    }

    /// Gradient of [`avg_pool2`](TrainOps::avg_pool2) for an input of `x`'s shape.
    fn avg_pool2_backward(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::avg_pool2d_backward(x, dy, [2, 2], [2, 2], [0, 0], false, false)
    }

    /// 2x2 maximum pooling, stride 2; a last odd row or column is dropped.
    fn max_pool2(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::max_pool2d(x, [2, 2], [2, 2], [0, 0], [1, 1], false)
    }

    /// Gradient of [`max_pool2`](TrainOps::max_pool2); it goes to the first maximum of a window.
    fn max_pool2_backward(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self> {
        let (size, stride, padding, dilation) = ([2, 2], [2, 2], [0, 0], [1, 1]);
        let indices =
            Self::max_pool2d_with_indices(x.clone(), size, stride, padding, dilation, false)
                .indices;
        Self::max_pool2d_with_indices_backward(
            x, size, stride, padding, dilation, false, dy, indices,
        )
        .x_grad
    }
}

/// How a trunk is computed.
pub struct TrunkPass<'a> {
    /// Its steps.
    pub trunk: Arc<Trunk>,
    /// BatchNorm's.
    pub epsilon: f64,
    /// Mean and variance of every convolution for BatchNorm, instead of the batch's.
    pub running: Option<Vec<[Vec<f32>; 2]>>,
    /// Draws stochastic depth's factors for a rate and a number of pictures.
    pub factors: &'a mut dyn FnMut(f64, usize) -> Vec<f32>,
}

/// What [`TrainOps::trunk`] returns.
pub struct TrunkOutput<T> {
    /// `[N, C, H, W]`.
    pub y: T,
    /// Mean and biased variance `[C]` that every BatchNorm used.
    pub statistics: Vec<[T; 2]>,
    /// For the gradient; `None` where that was recorded already.
    pub saved: Option<Saved>,
}

/// What a fused BatchNorm computes beside the normalization.
#[derive(Clone, Copy, Debug)]
pub struct NormForm {
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether ReLU follows.
    pub relu: bool,
}

/// What [`TrainOps::batch_norm_backward`] needs of the forward pass.
#[derive(Clone, Debug)]
pub struct NormSaved<T> {
    /// Input `[N, C, H, W]`.
    pub x: T,
    /// Scale `[C]`.
    pub gamma: T,
    /// Shift `[C]`.
    pub beta: T,
    /// Batch mean `[C]`.
    pub mean: T,
    /// Biased batch variance `[C]`.
    pub var: T,
}

#[cfg(feature = "cuda")]
impl TrainOps for burn::backend::Cuda {}

/// Wraps a float primitive.
pub fn tensor<B: Backend, const D: usize>(primitive: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

/// Unwraps a float tensor.
pub fn primitive<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}
