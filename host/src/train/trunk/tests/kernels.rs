//! Kernels against the `f32` ones, on small whole numbers: both are exact then.

use mien_models::network::Activation;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::train::ops::{ConvGeometry, ConvShape, Norm, kernels};
use crate::train::trunk::correlate::Write;
use crate::train::trunk::dense::Dense;
use crate::train::trunk::lattice::Correlation;
use crate::train::trunk::map::{Map, Shape};
use crate::train::trunk::{norm, outer, planes};

/// Whole numbers from -3 to 3.
fn whole(rng: &mut ChaCha8Rng, len: usize) -> Vec<f32> {
    (0..len)
        .map(|_| f32::from(rng.random_range(-3i8..=3)))
        .collect()
}

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

/// `(pictures, inputs, outputs, side, kernel, stride, padding)`.
const CONVOLUTIONS: [(usize, usize, usize, usize, usize, usize, usize); 7] = [
    (3, 1, 32, 9, 3, 1, 1),
    (9, 4, 6, 8, 3, 2, 1),
    (2, 16, 48, 7, 3, 1, 1),
    (17, 6, 58, 6, 1, 2, 0),
    (1, 2, 16, 5, 1, 1, 0),
    (2, 4, 4, 9, 5, 2, 2),
    (2, 4, 10, 8, 3, 1, 0),
];

fn shape(case: (usize, usize, usize, usize, usize, usize, usize)) -> ConvShape {
    let (n, inputs, outputs, side, kernel, stride, padding) = case;
    let geometry = ConvGeometry { stride, padding };
    ConvShape::new(
        [n, inputs, side, side],
        [outputs, inputs, kernel, kernel],
        geometry,
    )
}

fn element(w: &[f32], q: &ConvShape, out: usize, input: usize, [ky, kx]: [usize; 2]) -> f32 {
    w[((out * q.inputs + input) * q.kernel + ky) * q.kernel + kx]
}

#[test]
fn convolutions_and_their_gradients_equal_the_f32_kernels() {
    let mut rng = rng();
    for case in CONVOLUTIONS {
        let q = shape(case);
        let [side, out] = [q.size[0], q.out[0]];
        let x = whole(&mut rng, q.n * q.inputs * side * side);
        // Small kernels keep the sums below 256, where bfloat16 still holds every whole number.
        let mut w = whole(&mut rng, q.outputs * q.inputs * q.kernel * q.kernel);
        w.iter_mut().for_each(|w| *w = w.clamp(-1.0, 1.0));
        let dy = whole(&mut rng, q.n * q.outputs * out * out);
        let (x_map, dy_map) = (
            Map::from_planes(&x, [q.n, q.inputs, side, side]),
            Map::from_planes(&dy, [q.n, q.outputs, out, out]),
        );
        let mut y = Map::new(dy_map.shape);
        let weight = |out, input, at| element(&w, &q, out, input, at);
        let moments = Correlation::forward(&q).run(&x_map, weight, &mut y, Write::Measure);
        let expected = kernels::conv(&x, &w, q);
        assert_eq!(y.to_planes(), expected, "{case:?}");
        for channel in 0..q.outputs {
            let planes = expected.chunks_exact(out * out).skip(channel);
            let values = planes.step_by(q.outputs).flatten().map(|v| f64::from(*v));
            let (sum, square) =
                values.fold((0.0, 0.0), |(sum, square), v| (sum + v, square + v * v));
            assert_eq!(moments.0[channel], sum);
            assert_eq!(moments.0[q.outputs + channel], square);
        }

        let [dx, dw] = kernels::conv_backward(&x, &w, &dy, q, [true, true]);
        assert_eq!(Some(outer::weight_gradient(&x_map, &dy_map, &q)), dw);
        if q.inputs % 2 == 1 {
            continue; // The first convolution's; nothing before it is trained.
        }
        let mut dx_map = Map::new(x_map.shape);
        let weight = |input, out, at| element(&w, &q, out, input, at);
        let gradient = Correlation::gradient(&q);
        gradient.run(&dy_map, weight, &mut dx_map, Write::Replace);
        assert_eq!(Some(dx_map.to_planes()), dx, "{case:?}");
        gradient.run(&dy_map, weight, &mut dx_map, Write::Add);
        let twice = dx.map(|dx| dx.iter().map(|d| 2.0 * d).collect());
        assert_eq!(Some(dx_map.to_planes()), twice, "{case:?}");
    }
}

/// Whether two vectors are equal but for bfloat16's rounding.
fn assert_close(ours: &[f32], exact: &[f32]) {
    assert_eq!(ours.len(), exact.len());
    let most = exact.iter().fold(0f32, |most, v| most.max(v.abs()));
    for (ours, exact) in ours.iter().zip(exact) {
        assert!(
            (ours - exact).abs() <= most / 128.0 + 1e-6,
            "{ours} {exact}"
        );
    }
}

#[test]
fn norms_equal_the_f32_kernels() {
    let mut rng = rng();
    for (n, channels, side) in [(9, 6, 5), (3, 32, 4), (2, 88, 3)] {
        let len = n * channels * side * side;
        let (x, dy) = (whole(&mut rng, len), whole(&mut rng, len));
        let mut vector =
            |low: f32| -> Vec<f32> { (0..channels).map(|_| low + rng.random::<f32>()).collect() };
        let (gamma, beta) = (vector(0.5), vector(-0.5));
        let [mean, var] = kernels::channel_moments(&x, channels, side * side);
        let constants = Norm::new(&gamma, &beta, &mean, &var, 1e-5);
        let planes = [n, channels, side, side];
        let (x_map, dy_map) = (Map::from_planes(&x, planes), Map::from_planes(&dy, planes));
        for relu in [false, true] {
            let y = norm::apply(&x_map, &constants, relu).to_planes();
            let (scale, shift) = (&constants.scale, &constants.shift);
            let expected = kernels::scale_shift(&x, scale, shift, side * side, relu);
            assert_close(&y, &expected);
            let (dx, [d_gamma, d_beta]) = norm::backward(&x_map, &dy_map, &constants, relu);
            let [exact_dx, exact_gamma, exact_beta] =
                kernels::batch_norm_backward(&x, &dy, &constants, side * side, relu);
            assert_close(&dx.to_planes(), &exact_dx);
            assert_close(&d_gamma, &exact_gamma);
            assert_close(&d_beta, &exact_beta);
        }
    }
}

#[test]
fn planes_equal_the_f32_kernels() {
    let mut rng = rng();
    let (n, channels, side) = (9, 6, 5);
    let size = [side, side];
    let len = n * channels * side * side;
    let (a, b) = (whole(&mut rng, len), whole(&mut rng, len));
    let shape = [n, channels, side, side];
    let (a_map, b_map) = (Map::from_planes(&a, shape), Map::from_planes(&b, shape));
    let equal = |map: Map, expected: Vec<f32>| assert_eq!(map.to_planes(), expected);
    let sum: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
    equal(planes::add(&a_map, &b_map), sum);
    equal(planes::add_relu(&a_map, &b_map), kernels::add_relu(&a, &b));
    equal(
        planes::relu_backward(&a_map, &b_map),
        kernels::relu_backward(&a, &b),
    );
    let scales = whole(&mut rng, n * channels);
    let scaled = kernels::scale_planes(&a, &scales);
    equal(planes::scale(&a_map, &scales, None), scaled.clone());
    let shifted = scaled.chunks_exact(side * side).zip(&scales);
    let shifted = shifted.flat_map(|(plane, s)| plane.iter().map(move |v| v + s));
    equal(
        planes::scale(&a_map, &scales, Some(&scales)),
        shifted.collect(),
    );
    assert_eq!(
        planes::dots(&a_map, &b_map),
        kernels::plane_dots(&a, &b, n * channels)
    );
    let ones = vec![1.0; len];
    let sums = kernels::plane_dots(&a, &ones, n * channels);
    let means: Vec<f32> = sums.iter().map(|s| s / (side * side) as f32).collect();
    assert_eq!(planes::mean(&a_map), means);
    let spread = planes::spread(&scales, a_map.shape).to_planes();
    assert!(
        spread
            .chunks_exact(side * side)
            .zip(&scales)
            .all(|(plane, s)| plane.iter().all(|v| v == s))
    );

    let dy = whole(&mut rng, n * channels * 4);
    let dy_map = Map::from_planes(&dy, [n, channels, 2, 2]);
    equal(planes::max_pool(&a_map), kernels::max_pool2(&a, size));
    equal(planes::avg_pool(&a_map), kernels::avg_pool2(&a, size));
    equal(
        planes::max_pool_backward(&a_map, &dy_map),
        kernels::max_pool2_backward(&a, &dy, size),
    );
    equal(
        planes::avg_pool_backward(&a_map, &dy_map),
        kernels::avg_pool2_backward(&dy, size),
    );
}

#[test]
fn small_dense_layers_have_the_gradients_of_finite_differences() {
    let (x, bias) = ([0.3, -0.7, 0.9, 0.2, 0.5, -0.4], [0.1, -0.2]);
    let weight = [0.5, -1.0, 0.8, -0.3, 0.6, 0.4];
    let target = [1.0, -2.0, 0.5, 3.0];
    for activation in [Activation::None, Activation::Relu, Activation::Sigmoid] {
        let loss = |x: &[f32], weight: &[f32], bias: &[f32]| -> f32 {
            let dense = Dense {
                weight,
                bias,
                activation,
            };
            let y = dense.forward(x);
            y.iter().zip(target).map(|(y, t)| y * t).sum()
        };
        let dense = Dense {
            weight: &weight,
            bias: &bias,
            activation,
        };
        let gradients = dense.backward(&x, &dense.forward(&x), &target);
        let point: Vec<f32> = [&x[..], &weight, &bias].concat();
        for (i, gradient) in gradients.concat().into_iter().enumerate() {
            let at = |by: f32| {
                let mut moved = point.clone();
                moved[i] += by;
                loss(&moved[..6], &moved[6..12], &moved[12..])
            };
            let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!((slope - gradient).abs() < 2e-3, "{slope} {gradient}");
        }
    }
}

#[test]
fn a_shape_of_many_chunks_adds_up_in_order() {
    // Three partial sums, the last of one picture.
    let shape = Shape {
        n: 65,
        size: [2, 2],
        channels: 2,
    };
    let x: Vec<f32> = (0..65 * 8).map(|v| (v % 5) as f32).collect();
    let map = Map::from_planes(&x, [shape.n, 2, 2, 2]);
    let q = self::shape((65, 2, 2, 2, 1, 1, 0));
    let dw = outer::weight_gradient(&map, &map, &q);
    let dot = |a: usize, b: usize| -> f32 {
        let pictures = x.chunks_exact(8);
        pictures
            .map(|p| (0..4).map(|i| p[4 * a + i] * p[4 * b + i]).sum::<f32>())
            .sum()
    };
    assert_eq!(dw, [dot(0, 0), dot(1, 0), dot(0, 1), dot(1, 1)]);
}
