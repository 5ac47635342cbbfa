//! Burn's collective operations.

use std::marker::PhantomData;

use burn::collective::{
    CollectiveConfig, CollectiveError, PeerId, ReduceOperation, all_reduce, finish_collective,
    register, reset_collective,
};
use burn::optim::GradientsParams;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};

use super::{PeerError, Place};

fn said(error: CollectiveError) -> PeerError {
    match error {
        // What there is after another peer's reset.
        CollectiveError::LocalServerMissing
        | CollectiveError::RegisterNotFirstOperation
        | CollectiveError::MultipleUnregister => PeerError("another one failed".to_owned()),
        other => PeerError(format!("{other:?}")),
    }
}

/// A peer while it takes part. Where it is dropped without [`Peer::leave`], as after an error or a
/// panic, the other peers of the process get an error instead of waiting for it for ever.
pub struct Peer<B: Backend> {
    place: Place,
    left: bool,
    backend: PhantomData<B>,
}

impl<B: Backend> Peer<B> {
    /// Joins as number `rank` of `count` peers and waits for the others. `config` says how many of
    /// them are threads of this process and, where there are more processes, how to reach them.
    ///
    /// # Errors
    /// When another peer has the same rank, or was started with another `config`.
    pub fn join(
        rank: usize,
        count: usize,
        device: &B::Device,
        config: CollectiveConfig,
    ) -> Result<Self, PeerError> {
        register::<B>(PeerId::from(rank), device.clone(), config).map_err(said)?;
        Ok(Self {
            place: Place { rank, count },
            left: false,
            backend: PhantomData,
        })
    }

    /// Which of the peers it is.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Leaves; the others must leave too.
    ///
    /// # Errors
    /// When another peer failed.
    pub fn leave(mut self) -> Result<(), PeerError> {
        self.left = true;
        finish_collective::<B>(PeerId::from(self.place.rank)).map_err(said)
    }
}

impl<B: Backend> Drop for Peer<B> {
    fn drop(&mut self) {
        if !self.left {
            reset_collective::<B>();
        }
    }
}

pub(super) fn mean<B: Backend, const D: usize>(
    place: Place,
    tensor: Tensor<B, D>,
) -> Result<Tensor<B, D>, PeerError> {
    let tensor = tensor.into_primitive().tensor();
    let mean = all_reduce::<B>(PeerId::from(place.rank), tensor, ReduceOperation::Mean);
    let mean = TensorPrimitive::Float(mean.map_err(said)?);
    Ok(Tensor::from_primitive(mean))
}

pub(super) fn mean_gradients<B: Backend>(
    place: Place,
    grads: GradientsParams,
) -> Result<GradientsParams, PeerError> {
    let peer = PeerId::from(place.rank);
    grads
        .all_reduce::<B>(peer, ReduceOperation::Mean)
        .map_err(said)
}
