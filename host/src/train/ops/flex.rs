//! [`TrainOps`] for Burn's CPU backend, `f32` only.

use burn::backend::Flex;
use burn::tensor::{DType, TensorData};
use burn_flex::FlexTensor;

use super::kernels::{self, ConvShape, Norm};
pub use super::kernels::{Precision, set_precision};
use super::{ConvGeometry, NormForm, NormSaved, TrainOps, TrunkOutput, TrunkPass};
use crate::train::trunk::{Forward, Saved, Trunk};

/// A row-major copy where needed.
fn contiguous(t: FlexTensor) -> FlexTensor {
    assert_eq!(
        t.dtype(),
        DType::F32,
        "the training operations are f32 only"
    );
    t.to_contiguous()
}

fn dims<const D: usize>(t: &FlexTensor) -> [usize; D] {
    std::array::from_fn(|i| t.layout().shape()[i])
}

fn values(t: &FlexTensor) -> &[f32] {
    t.storage::<f32>()
}

fn pack<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

impl TrainOps for Flex {
    const FUSED: bool = true;

    fn has_trunks() -> bool {
        kernels::rounds()
    }

    fn trunk(
        x: FlexTensor,
        parameters: FlexTensor,
        pass: TrunkPass<'_>,
    ) -> TrunkOutput<FlexTensor> {
        let (x, parameters) = (contiguous(x), contiguous(parameters));
        let Forward {
            output,
            shape,
            statistics,
            saved,
        } = pass.trunk.forward(
            pass.epsilon,
            values(&x),
            dims(&x),
            values(&parameters),
            pass.running,
            pass.factors,
        );
        let vector = |v: Vec<f32>| {
            let len = v.len();
            pack(v, [len])
        };
        TrunkOutput {
            y: pack(output, shape),
            statistics: statistics.into_iter().map(|s| s.map(vector)).collect(),
            saved: Some(saved),
        }
    }

    fn trunk_backward(
        trunk: &Trunk,
        saved: Saved,
        parameters: FlexTensor,
        dy: FlexTensor,
    ) -> FlexTensor {
        let (parameters, dy) = (contiguous(parameters), contiguous(dy));
        let gradient = trunk.backward(saved, values(&parameters), values(&dy), dims(&dy));
        let len = gradient.len();
        pack(gradient, [len])
    }

    fn conv(x: FlexTensor, w: FlexTensor, geometry: ConvGeometry) -> FlexTensor {
        let (x, w) = (contiguous(x), contiguous(w));
        let shape = ConvShape::new(dims(&x), dims(&w), geometry);
        let y = kernels::conv(values(&x), values(&w), shape);
        pack(y, [shape.n, shape.outputs, shape.out[0], shape.out[1]])
    }

    fn conv_backward(
        x: FlexTensor,
        w: FlexTensor,
        dy: FlexTensor,
        geometry: ConvGeometry,
        wanted: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let (x, w, dy) = (contiguous(x), contiguous(w), contiguous(dy));
        let shape = ConvShape::new(dims(&x), dims(&w), geometry);
        let [dx, dw] = kernels::conv_backward(values(&x), values(&w), values(&dy), shape, wanted);
        [
            dx.map(|v| pack(v, dims::<4>(&x))),
            dw.map(|v| pack(v, dims::<4>(&w))),
        ]
    }

    fn batch_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        form: NormForm,
    ) -> [FlexTensor; 3] {
        let (x, gamma, beta) = (contiguous(x), contiguous(gamma), contiguous(beta));
        let [_, channels, height, width] = dims(&x);
        let positions = height * width;
        let [mean, var] = kernels::channel_moments(values(&x), channels, positions);
        let norm = Norm::new(values(&gamma), values(&beta), &mean, &var, form.epsilon);
        let y = kernels::scale_shift(values(&x), &norm.scale, &norm.shift, positions, form.relu);
        [
            pack(y, dims::<4>(&x)),
            pack(mean, [channels]),
            pack(var, [channels]),
        ]
    }

    fn batch_norm_backward(
        saved: NormSaved<FlexTensor>,
        form: NormForm,
        dy: FlexTensor,
    ) -> [FlexTensor; 3] {
        let (x, dy) = (contiguous(saved.x), contiguous(dy));
        let [gamma, beta, mean, var] =
            [saved.gamma, saved.beta, saved.mean, saved.var].map(contiguous);
        let [_, channels, height, width] = dims(&x);
        let norm = Norm::new(
            values(&gamma),
            values(&beta),
            values(&mean),
            values(&var),
            form.epsilon,
        );
        let [dx, dgamma, dbeta] =
            kernels::batch_norm_backward(values(&x), values(&dy), &norm, height * width, form.relu);
        [
            pack(dx, dims::<4>(&x)),
            pack(dgamma, [channels]),
            pack(dbeta, [channels]),
        ]
    }

    fn add_relu(a: FlexTensor, b: FlexTensor) -> FlexTensor {
        let (a, b) = (contiguous(a), contiguous(b));
        pack(kernels::add_relu(values(&a), values(&b)), dims::<4>(&a))
    }

    fn add_relu_backward(y: FlexTensor, dy: FlexTensor) -> FlexTensor {
        let (y, dy) = (contiguous(y), contiguous(dy));
        pack(
            kernels::relu_backward(values(&y), values(&dy)),
            dims::<4>(&y),
        )
    }

    fn scale_shift(x: FlexTensor, scale: FlexTensor, shift: FlexTensor, relu: bool) -> FlexTensor {
        let (x, scale, shift) = (contiguous(x), contiguous(scale), contiguous(shift));
        let [_, _, height, width] = dims(&x);
        let y = kernels::scale_shift(
            values(&x),
            values(&scale),
            values(&shift),
            height * width,
            relu,
        );
        pack(y, dims::<4>(&x))
    }

    fn max_pool2(x: FlexTensor) -> FlexTensor {
        let x = contiguous(x);
        let [n, channels, height, width] = dims(&x);
        let y = kernels::max_pool2(values(&x), [height, width]);
        pack(y, [n, channels, height / 2, width / 2])
    }

    fn max_pool2_backward(x: FlexTensor, dy: FlexTensor) -> FlexTensor {
        let (x, dy) = (contiguous(x), contiguous(dy));
        let [_, _, height, width] = dims(&x);
        pack(
            kernels::max_pool2_backward(values(&x), values(&dy), [height, width]),
            dims::<4>(&x),
        )
    }
    fn scale_planes(x: FlexTensor, s: FlexTensor) -> FlexTensor {
        let (x, s) = (contiguous(x), contiguous(s));
        let y = kernels::scale_planes(values(&x), values(&s));
        pack(y, dims::<4>(&x))
    }

    fn scale_planes_backward(
        x: FlexTensor,
        s: FlexTensor,
        dy: FlexTensor,
        wanted: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let (x, s, dy) = (contiguous(x), contiguous(s), contiguous(dy));
        let dx = wanted[0].then(|| {
            pack(
                kernels::scale_planes(values(&dy), values(&s)),
                dims::<4>(&x),
            )
        });
        let ds = wanted[1].then(|| {
            let planes = values(&s).len();
            let dots = kernels::plane_dots(values(&x), values(&dy), planes);
            pack(dots, dims::<4>(&s))
        });
        [dx, ds]
    }

    fn avg_pool2(x: FlexTensor) -> FlexTensor {
        let x = contiguous(x);
        let [n, channels, height, width] = dims(&x);
        let y = kernels::avg_pool2(values(&x), [height, width]);
        pack(y, [n, channels, height / 2, width / 2])
    }

    fn avg_pool2_backward(x: FlexTensor, dy: FlexTensor) -> FlexTensor {
        let dy = contiguous(dy);
        let [_, _, height, width] = dims(&x);
        pack(
            kernels::avg_pool2_backward(values(&dy), [height, width]),
            dims::<4>(&x),
        )
    }
}
