//! Random Fourier features: cosines and sines of random projections, in which a linear classifier
//! is close to a kernel machine with a Gaussian kernel (Rahimi & Recht, "Random Features for
//! Large-Scale Kernel Machines", NIPS 2007), at a cost linear in the number of pictures.

use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Projections `[inputs, count]`.
pub(super) struct Fourier(Array2<f64>);

impl Fourier {
    /// Draws projections for the kernel `exp(-gamma |a - b|^2)`.
    pub fn new(inputs: usize, count: usize, gamma: f64, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let deviation = (2.0 * gamma).sqrt();
        Self(Array2::from_shape_fn((inputs, count), |_| {
            let normal: f64 = random.sample(StandardNormal);
            deviation * normal
        }))
    }

    /// `[rows, inputs]` to `[rows, 2 count]`, each from -1 to 1. Divided by `count`, the inner
    /// product of two rows is near the kernel of their inputs.
    pub fn map(&self, inputs: ArrayView2<'_, f64>) -> Array2<f64> {
        let angles = inputs.dot(&self.0);
        let (cosines, sines) = (angles.mapv(f64::cos), angles.mapv_into(f64::sin));
        // The two have the same number of rows.
        concatenate![Axis(1), cosines, sines]
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn inner_products_are_near_the_kernel() {
        let inputs = array![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 2.0, -1.0]];
        let (count, gamma) = (20_000, 0.3);
        let mapped = Fourier::new(3, count, gamma, 1).map(inputs.view());
        assert_eq!(mapped.dim(), (3, 2 * count));
        for (a, b, squared_distance) in [(0, 0, 0.0), (0, 1, 1.0), (0, 2, 6.0), (1, 2, 5.0)] {
            let product = mapped.row(a).dot(&mapped.row(b)) / count as f64;
            let kernel = (-gamma * squared_distance).exp();
            // The standard deviation of a mean of so many cosines is below 0.007.
            assert!((product - kernel).abs() < 0.025, "{product} {kernel}");
        }
    }

    #[test]
    fn the_seed_decides() {
        let draw = |seed| Fourier::new(4, 5, 1.0, seed).0;
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
