//! A run's place among peers that train one network together, through Burn's collective
//! operations (feature `collective`).
//!
//! Every peer has the same weights and takes its own part of the batches. Gradients, BatchNorm's
//! running statistics and the loss are averaged over the peers at every step, so all peers take the
//! same step and stop for the same reasons. Batch statistics stay each peer's own, and so does SAM's
//! climb, as in its paper (Foret et al., "Sharpness-Aware Minimization", ICLR 2021); clipping is of
//! the averaged gradients.

#[cfg(feature = "collective")]
mod join;
#[cfg(all(test, feature = "collective"))]
mod tests;
#[cfg(feature = "collective")]
mod together;

use burn::optim::GradientsParams;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{ElementConversion, Tensor};

#[cfg(feature = "collective")]
pub use burn::collective::CollectiveConfig;
#[cfg(feature = "collective")]
pub use join::Peer;
#[cfg(feature = "collective")]
pub use together::train_together;

use super::net::BatchStats;

/// The peers could not agree: one is gone, or was started in another way.
#[derive(Debug, thiserror::Error)]
#[error("the peers of this run do not work together: {0}")]
pub struct PeerError(String);

/// Which of how many peers this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    rank: usize,
    count: usize,
}

impl Place {
    /// A run without peers.
    pub const ALONE: Self = Self { rank: 0, count: 1 };

    /// 0 is the one that validates and writes.
    pub fn rank(self) -> usize {
        self.rank
    }

    /// Number of peers, this one included.
    pub fn count(self) -> usize {
        self.count
    }

    /// Mean of a tensor over the peers.
    ///
    /// # Errors
    /// When the peers do not work together.
    pub fn mean<B: Backend, const D: usize>(
        self,
        tensor: Tensor<B, D>,
    ) -> Result<Tensor<B, D>, PeerError> {
        if self.count == 1 {
            return Ok(tensor);
        }
        #[cfg(feature = "collective")]
        return join::mean(self, tensor);
        #[cfg(not(feature = "collective"))]
        unreachable!("there are peers only with the feature")
    }

    /// Mean of the gradients over the peers.
    ///
    /// # Errors
    /// When the peers do not work together.
    pub fn mean_gradients<B: Backend>(
        self,
        grads: GradientsParams,
    ) -> Result<GradientsParams, PeerError> {
        if self.count == 1 {
            return Ok(grads);
        }
        #[cfg(feature = "collective")]
        return join::mean_gradients::<B>(self, grads);
        #[cfg(not(feature = "collective"))]
        unreachable!("there are peers only with the feature")
    }

    /// Mean of BatchNorm's statistics over the peers.
    ///
    /// # Errors
    /// When the peers do not work together.
    pub fn mean_statistics<B: AutodiffBackend>(
        self,
        stats: BatchStats<B>,
    ) -> Result<BatchStats<B>, PeerError> {
        if self.count == 1 {
            return Ok(stats);
        }
        let mean = |t: Tensor<B, 1>| Ok(Tensor::from_inner(self.mean(t.inner())?));
        stats
            .into_iter()
            .map(|[m, v]| Ok([mean(m)?, mean(v)?]))
            .collect()
    }

    /// The values of the first peer; what the others give does not count.
    ///
    /// # Errors
    /// When the peers do not work together.
    pub fn hear<B: Backend, const N: usize>(
        self,
        values: [f32; N],
        device: &B::Device,
    ) -> Result<[f32; N], PeerError> {
        if self.count == 1 {
            return Ok(values);
        }
        // A mean of the first peer's, times the number of peers, and of nothing: Burn 0.21's
        // broadcast takes the tensor to be on the device of whoever called first.
        let own = if self.rank == 0 {
            values.map(|v| v * self.count as f32)
        } else {
            [0.0; N]
        };
        let heard = self.mean(Tensor::<B, 1>::from_floats(own, device))?;
        let heard: Vec<f32> = heard.into_data().iter::<f32>().collect();
        Ok(std::array::from_fn(|i| heard[i]))
    }

    /// Mean of a number over the peers.
    ///
    /// # Errors
    /// When the peers do not work together.
    pub fn mean_value<B: Backend>(self, value: f64, device: &B::Device) -> Result<f64, PeerError> {
        if self.count == 1 {
            return Ok(value);
        }
        let mean = self.mean(Tensor::<B, 1>::from_floats([value as f32], device))?;
        Ok(mean.into_scalar().elem())
    }
}
