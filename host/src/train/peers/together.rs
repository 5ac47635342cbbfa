//! Peers as threads of one process, a device each.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use burn::collective::CollectiveConfig;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::{Peer, Place};
use crate::train::checkpoint;
use crate::train::ops::TrainOps;
use crate::train::plan::Plan;
use crate::train::recipe::Recipe;
use crate::train::run::{Data, Event, Outcome, TrainError, follow, fresh, lead};

/// As [`train`](crate::train::run::train), with a peer on each of the devices. The first is told of
/// the events; where it wants to stop after a step, all stop after the epoch.
///
/// # Errors
/// As [`lead`]. All peers end when one fails.
pub fn train_together<B>(
    recipe: &Recipe,
    plan: &Plan,
    data: &Data,
    folder: &Path,
    devices: &[B::Device],
    mut on_event: impl FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Outcome<B>, TrainError>
where
    B: AutodiffBackend + TrainOps,
    B::InnerBackend: TrainOps,
{
    let last = folder.join("last");
    let start = fresh::<B>(recipe, plan, &devices[0]);
    if checkpoint::load(&start, &last, &devices[0])?.is_none() {
        // All start from the same weights, under the same names.
        checkpoint::save(&start, &last)?;
    }
    // Within an epoch one peer cannot stop without the others.
    let mut stopping = false;
    let on_event = |event: Event<'_>| {
        let within = matches!(event, Event::Step { .. });
        stopping |= on_event(event).is_break();
        match stopping && !within {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let follow = |place: Place| {
        let device = &devices[place.rank()];
        follow::<B>(place, recipe, plan, &data.training, folder, device).map(drop)
    };
    let lead = |place: Place| lead(place, recipe, plan, data, folder, &devices[0], on_event);
    all::<B::InnerBackend, _>(devices, lead, follow)
}

/// Runs `lead` as the first peer and `follow` as each of the others.
pub(super) fn all<B: Backend, T>(
    devices: &[B::Device],
    lead: impl FnOnce(Place) -> Result<T, TrainError>,
    follow: impl Fn(Place) -> Result<(), TrainError> + Sync,
) -> Result<T, TrainError> {
    thread::scope(|scope| {
        let follow = &follow;
        let followers: Vec<_> = (1..devices.len())
            .map(|rank| scope.spawn(move || take_part::<B, _>(rank, devices, follow)))
            .collect();
        let led = take_part::<B, _>(0, devices, lead);
        let followed: Vec<Result<(), TrainError>> = followers
            .into_iter()
            .map(|follower| follower.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect();
        let mut failed = followed.into_iter().filter_map(Result::err);
        match led {
            Ok(outcome) => failed.next().map_or(Ok(outcome), Err),
            // It says only that another one failed, which says why.
            Err(error @ TrainError::Peers(_)) => {
                let cause = failed.find(|other| !matches!(other, TrainError::Peers(_)));
                Err(cause.unwrap_or(error))
            }
            Err(error) => Err(error),
        }
    })
}

/// One peer's `part`; where it fails, so do the others.
fn take_part<B: Backend, T>(
    rank: usize,
    devices: &[B::Device],
    part: impl FnOnce(Place) -> Result<T, TrainError>,
) -> Result<T, TrainError> {
    let config = CollectiveConfig::default().with_num_devices(devices.len());
    let peer = Peer::<B>::join(rank, devices.len(), &devices[rank], config)?;
    let done = part(peer.place())?;
    peer.leave()?;
    Ok(done)
}
