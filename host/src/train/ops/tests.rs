//! The CPU operations against the stock ones, and against finite differences.

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Distribution, Tensor, activation};

use super::{ConvGeometry, NormForm, TrainOps, primitive, stock, tensor};

type B = Autodiff<Flex>;

fn random<const D: usize>(shape: [usize; D]) -> Tensor<B, D> {
    Tensor::random(shape, Distribution::Normal(0.2, 1.0), &Default::default())
}

fn values<const D: usize>(t: Tensor<B, D>) -> Vec<f32> {
    t.into_data().iter::<f32>().collect()
}

/// Fails unless `max |a - b| <= tolerance * max |b|`.
#[track_caller]
fn close(what: &str, a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len(), "{what}");
    let largest = b.iter().fold(0f32, |m, v| m.max(v.abs())).max(1e-6);
    let error = a.iter().zip(b).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(
        error <= tolerance * largest,
        "{what}: error {error} of {largest}"
    );
}

/// `[y, gradients of the inputs…]` of `sum(f(inputs) * weight)`.
fn with_gradients(
    inputs: &[Tensor<B, 4>],
    f: impl Fn(&[Tensor<B, 4>]) -> Tensor<B, 4>,
    weight: &Tensor<B, 4>,
) -> Vec<Vec<f32>> {
    let inputs: Vec<_> = inputs
        .iter()
        .map(|t| t.clone().detach().require_grad())
        .collect();
    let y = f(&inputs);
    let grads = (y.clone() * weight.clone()).sum().backward();
    let mut all = vec![values(y)];
    for input in &inputs {
        let gradient = input.grad(&grads).unwrap();
        all.push(gradient.into_data().iter::<f32>().collect());
    }
    all
}

#[test]
fn convolution_equals_the_stock_one() {
    // pictures, in, out, height, width, kernel, stride, padding
    for [n, i, o, h, w, k, s, p] in [
        [19, 3, 5, 12, 12, 3, 1, 1],
        [9, 2, 4, 13, 9, 3, 2, 1],
        [5, 1, 6, 16, 16, 5, 1, 0],
        [6, 3, 4, 11, 11, 4, 1, 0],
        [17, 4, 6, 6, 6, 1, 2, 0],
        [1, 4, 4, 3, 2, 3, 2, 1],
        [2, 2, 3, 5, 7, 5, 3, 2],
    ] {
        let geometry = ConvGeometry {
            stride: s,
            padding: p,
        };
        let out = [geometry.output(h, k), geometry.output(w, k)];
        let inputs = [random([n, i, h, w]), random([o, i, k, k])];
        let weight = random([n, o, out[0], out[1]]);
        let ours = |t: &[Tensor<B, 4>]| {
            tensor(B::conv(
                primitive(t[0].clone()),
                primitive(t[1].clone()),
                geometry,
            ))
        };
        let stock = |t: &[Tensor<B, 4>]| {
            burn::tensor::module::conv2d(t[0].clone(), t[1].clone(), None, geometry.options())
        };
        let (a, b) = (
            with_gradients(&inputs, ours, &weight),
            with_gradients(&inputs, stock, &weight),
        );
        for (what, (a, b)) in ["y", "dx", "dw"].into_iter().zip(a.iter().zip(&b)) {
            close(
                &format!("{what} of kernel {k} stride {s} padding {p} on {h}x{w}"),
                a,
                b,
                2e-5,
            );
        }
    }
}

fn stock_norm(t: &[Tensor<B, 4>], form: NormForm) -> Tensor<B, 4> {
    let x = t[0].clone();
    let [n, c, h, w] = x.dims();
    let rows = x.swap_dims(0, 1).reshape([c, n * h * w]);
    let mean = rows.clone().mean_dim(1);
    let centred = rows - mean;
    let var = centred.clone().square().mean_dim(1);
    let scaled = centred / var.add_scalar(form.epsilon).sqrt();
    let y = scaled * t[1].clone().reshape([c, 1]) + t[2].clone().reshape([c, 1]);
    let y = y.reshape([c, n, h, w]).swap_dims(0, 1);
    if form.relu { activation::relu(y) } else { y }
}

#[test]
fn batch_norm_equals_stock_operations() {
    for ([n, c, h, w], relu) in [
        ([19, 6, 13, 9], true),
        ([19, 6, 13, 9], false),
        ([40, 12, 1, 1], true),
    ] {
        let form = NormForm {
            epsilon: 1e-3,
            relu,
        };
        let inputs = [
            random([n, c, h, w]) + 3.0,
            random([1, c, 1, 1]),
            random([1, c, 1, 1]),
        ];
        let ours = |t: &[Tensor<B, 4>]| {
            let vector = |t: &Tensor<B, 4>| primitive(t.clone().reshape([c]));
            let [y, _, _] =
                B::batch_norm(primitive(t[0].clone()), vector(&t[1]), vector(&t[2]), form);
            tensor(y)
        };
        let weight = random([n, c, h, w]);
        let a = with_gradients(&inputs, ours, &weight);
        let b = with_gradients(&inputs, |t| stock_norm(t, form), &weight);
        for (what, (a, b)) in ["y", "dx", "dgamma", "dbeta"]
            .into_iter()
            .zip(a.iter().zip(&b))
        {
            close(&format!("{what} with relu {relu} on {h}x{w}"), a, b, 1e-4);
        }
    }
}

#[test]
fn batch_norm_gradient_equals_finite_differences() {
    let form = NormForm {
        epsilon: 1e-3,
        relu: false,
    };
    let (x, weight) = (random([3, 2, 4, 5]), random([3, 2, 4, 5]));
    let norm = |t: &[Tensor<B, 4>]| {
        let ones = || primitive(Tensor::<B, 1>::ones([2], &Default::default()));
        let zeros = primitive(Tensor::<B, 1>::zeros([2], &Default::default()));
        let [y, _, _] = B::batch_norm(primitive(t[0].clone()), ones(), zeros, form);
        tensor(y)
    };
    let gradient = with_gradients(std::slice::from_ref(&x), norm, &weight).remove(1);
    let (base, step) = (values(x.clone()), 1e-2f32);
    let loss = |shifted: Vec<f32>| -> f32 {
        let x = burn::tensor::TensorData::new(shifted, [3, 2, 4, 5]);
        let y: Tensor<B, 4> = norm(&[Tensor::from_data(x, &Default::default())]);
        values(y)
            .iter()
            .zip(values(weight.clone()))
            .map(|(y, w)| y * w)
            .sum()
    };
    for at in [0, 7, 33, 64, 119] {
        let shifted = |by: f32| {
            let mut values = base.clone();
            values[at] += by;
            loss(values)
        };
        let slope = (shifted(step) - shifted(-step)) / (2.0 * step);
        assert!(
            (slope - gradient[at]).abs() < 0.02,
            "at {at}: {slope} and {}",
            gradient[at]
        );
    }
}

#[test]
fn pooling_and_sums_equal_the_stock_ones() {
    // ReLU first, for windows with equal values.
    for [n, c, h, w] in [[5, 3, 8, 8], [2, 2, 7, 5]] {
        let x = activation::relu(random([n, c, h, w]));
        let weight = random([n, c, h / 2, w / 2]);
        let ours = |t: &[Tensor<B, 4>]| tensor(B::max_pool2(primitive(t[0].clone())));
        let stock = |t: &[Tensor<B, 4>]| {
            burn::tensor::module::max_pool2d(t[0].clone(), [2, 2], [2, 2], [0, 0], [1, 1], false)
        };
        let inputs = std::slice::from_ref(&x);
        assert_eq!(
            with_gradients(inputs, ours, &weight),
            with_gradients(inputs, stock, &weight)
        );
    }
    let inputs = [random([3, 4, 5, 6]), random([3, 4, 5, 6])];
    let weight = random([3, 4, 5, 6]);
    let ours = |t: &[Tensor<B, 4>]| {
        tensor(B::add_relu(
            primitive(t[0].clone()),
            primitive(t[1].clone()),
        ))
    };
    let stock = |t: &[Tensor<B, 4>]| activation::relu(t[0].clone() + t[1].clone());
    assert_eq!(
        with_gradients(&inputs, ours, &weight),
        with_gradients(&inputs, stock, &weight)
    );
}

#[test]
fn planes_are_scaled_and_halved_as_by_stock_operations() {
    let inputs = [random([5, 3, 7, 6]), random([5, 3, 1, 1])];
    let weight = random([5, 3, 7, 6]);
    let scale = |t: &[Tensor<B, 4>]| -> Tensor<B, 4> {
        tensor(B::scale_planes(
            primitive(t[0].clone()),
            primitive(t[1].clone()),
        ))
    };
    let ours = with_gradients(&inputs, scale, &weight);
    let stock = with_gradients(&inputs, |t| t[0].clone() * t[1].clone(), &weight);
    for (what, (a, b)) in ["y", "dx", "ds"].into_iter().zip(ours.iter().zip(&stock)) {
        close(what, a, b, 1e-5);
    }
    // Scales without a gradient, as those of stochastic depth.
    let fixed = |t: &[Tensor<B, 4>]| scale(&[t[0].clone(), inputs[1].clone().detach()]);
    let dropped = with_gradients(&inputs[..1], fixed, &weight);
    assert_eq!(dropped, ours[..2]);

    for [n, c, h, w] in [[5, 3, 8, 8], [2, 2, 7, 5]] {
        let inputs = [random([n, c, h, w])];
        let weight = random([n, c, h / 2, w / 2]);
        let ours = |t: &[Tensor<B, 4>]| tensor(B::avg_pool2(primitive(t[0].clone())));
        let stock = |t: &[Tensor<B, 4>]| {
            burn::tensor::module::avg_pool2d(t[0].clone(), [2, 2], [2, 2], [0, 0], false, false)
        };
        let ours = with_gradients(&inputs, ours, &weight);
        let stock = with_gradients(&inputs, stock, &weight);
        for (what, (a, b)) in ["y", "dx"].into_iter().zip(ours.iter().zip(&stock)) {
            close(&format!("mean {what} on {h}x{w}"), a, b, 1e-6);
        }
    }
}

#[test]
fn default_bodies_equal_the_kernels_that_replace_them() {
    let [x, dy] = [0, 1].map(|_| random([5, 3, 7, 6]).inner());
    let s = random([5, 3, 1, 1]).inner();
    let floats = |t| -> Vec<f32> { tensor::<Flex, 4>(t).into_data().iter().collect() };
    let [x, dy, s] = [x, dy, s].map(primitive);
    let y = stock::scale_planes::<Flex>(x.clone(), s.clone());
    assert_eq!(floats(y), floats(Flex::scale_planes(x.clone(), s.clone())));
    let dots = stock::plane_dots::<Flex>(x.clone(), dy.clone());
    let [_, ds] = Flex::scale_planes_backward(x, s, dy, [false, true]);
    close("ds", &floats(dots), &floats(ds.unwrap()), 1e-5);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let inputs = [random([37, 8, 12, 12]), random([16, 8, 3, 3])];
    let weight = random([37, 16, 12, 12]);
    let geometry = ConvGeometry {
        stride: 1,
        padding: 1,
    };
    let step = |t: &[Tensor<B, 4>]| {
        let y = B::conv(primitive(t[0].clone()), primitive(t[1].clone()), geometry);
        let ones = || primitive(Tensor::<B, 1>::ones([16], &Default::default()));
        let form = NormForm {
            epsilon: 1e-5,
            relu: true,
        };
        let [y, _, _] = B::batch_norm(y, ones(), ones(), form);
        let means = tensor::<B, 4>(y.clone()).mean_dim(2).mean_dim(3);
        tensor(B::scale_planes(y, primitive(means)))
    };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| with_gradients(&inputs, step, &weight))
    };
    assert_eq!(run(1), run(3));
}
