//! Default bodies of [`TrainOps`](super::TrainOps) that are more than one stock operation: apart,
//! so that they can be tried on a backend that replaces them.

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;

use super::{primitive, tensor};

/// Every plane `x[n, c]` times `s[n, c]`; `s` is `[N, C, 1, 1]`.
pub fn scale_planes<B: Backend>(x: FloatTensor<B>, s: FloatTensor<B>) -> FloatTensor<B> {
    let x = tensor::<B, 4>(x);
    let [n, c, h, w] = x.dims();
    // One row per plane: broadcasts along rows are fast on every backend.
    let scales = tensor::<B, 4>(s).reshape([n * c, 1]);
    let y = x.reshape([n * c, h * w]) * scales;
    primitive(y.reshape([n, c, h, w]))
}

/// Inner product of every plane of `a` with that of `b`, `[N, C, 1, 1]`.
pub fn plane_dots<B: Backend>(a: FloatTensor<B>, b: FloatTensor<B>) -> FloatTensor<B> {
    let (a, b) = (tensor::<B, 4>(a), tensor::<B, 4>(b));
    let [n, c, h, w] = a.dims();
    let sums = (a * b).reshape([n * c, h * w]).sum_dim(1);
    primitive(sums.reshape([n, c, 1, 1]))
}
