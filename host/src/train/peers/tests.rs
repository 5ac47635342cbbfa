//! Two peers in two threads.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use burn::backend::{Autodiff, Flex};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::TensorData;
use mien_models::procedural::{Scene, plane};

use super::together::all;
use super::*;
use crate::train::checkpoint;
use crate::train::loader::{Batch, Mixing, Pictures, for_each_batch};
use crate::train::net::{Mode, Net, noise};
use crate::train::objective::Objective;
use crate::train::optimizer::Rule;
use crate::train::plan::{Plan, SIDE};
use crate::train::recipe::{Recipe, Schedule};
use crate::train::results::EpochRow;
use crate::train::run::{Data, Event, TrainError, follow, fresh, lead};

type B = Autodiff<Flex>;

type Rows = Vec<EpochRow>;

/// The peers of a process share Burn's server.
static ONE_GROUP: Mutex<()> = Mutex::new(());

const PLAIN: &str = r#"
name = "plain"
description = "A step that can be done by hand."
epochs = 1
batch = 8
seed = 5
select = "validation_loss"
input = { kind = "raw" }
augment = { flip = true }
optimizer = { kind = "sgd", momentum = 0.0, nesterov = false, weight_decay = 0.0 }
schedule = { kind = "constant", learning_rate = 0.1 }
layers = [
  { kind = "conv", out = 4, stride = 4 },
  { kind = "residual", out = 6, stride = 2 },
  { kind = "global_avg_pool" },
]
"#;

/// Everything that has a state from step to step or epoch to epoch, or depends on the gradients.
const STATEFUL: &str = r#"
name = "stateful"
description = "Small, with every state a run can have."
epochs = 4
batch = 8
seed = 7
select = "validation_loss"
ema_decay = 0.5
drop_path = 0.3
clip_norm = 1.0
mixup_alpha = 0.2
input = { kind = "raw" }
augment = { flip = true }
optimizer = { kind = "adamw", weight_decay = 0.05 }
schedule = { kind = "plateau", learning_rate = 0.05, factor = 0.3, patience_epochs = 1 }
sam = { rho = 0.05 }
layers = [
  { kind = "conv", out = 4, stride = 4 },
  { kind = "residual", out = 6, stride = 2, se = 2 },
  { kind = "global_avg_pool" },
  { kind = "dropout", rate = 0.1 },
]
"#;

fn parse(text: &str) -> (Recipe, Plan) {
    let recipe = Recipe::parse(text, Path::new("test.toml")).unwrap();
    let plan = Plan::new(&recipe, 3).unwrap();
    (recipe, plan)
}

fn pictures(first: u64, n: usize) -> Pictures {
    let scenes = [Scene::Gradient, Scene::Noise, Scene::Checker];
    let drawn = (0..n).map(|i| plane(scenes[i % 3], first + i as u64, 48, 48).pixels);
    Pictures::labelled(
        drawn.flatten().collect(),
        (0..n).map(|i| (i % 3) as u8).collect(),
        3,
    )
}

fn data(training: usize) -> Data {
    Data {
        training: pictures(0, training),
        validation: pictures(1000, 15),
    }
}

/// Runs `peer` as both peers at once.
fn both<T: Send>(peer: impl Fn(Place) -> T + Sync) -> [T; 2] {
    let _one = ONE_GROUP.lock().unwrap_or_else(PoisonError::into_inner);
    let run = |rank| {
        let config = CollectiveConfig::default().with_num_devices(2);
        let joined = Peer::<Flex>::join(rank, 2, &Default::default(), config).unwrap();
        let value = peer(joined.place());
        joined.leave().unwrap();
        value
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| run(1));
        [run(0), other.join().unwrap()]
    })
}

/// What `f` returns; a failure where it takes a minute, because somebody waits for ever.
fn in_time<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let _one = ONE_GROUP.lock().unwrap_or_else(PoisonError::into_inner);
        sender.send(f())
    });
    receiver
        .recv_timeout(Duration::from_secs(60))
        .expect("no peer waits for one that is gone")
}

/// All values of what a visitor finds, parameter by parameter.
struct Values<'a>(Option<&'a GradientsParams>, Vec<f32>);

impl<B: AutodiffBackend> ModuleVisitor<B> for Values<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let found = match self.0 {
            Some(grads) => grads.get::<B::InnerBackend, D>(param.id),
            None => Some(param.val().inner()),
        };
        let values = found.map(|t| t.into_data().iter::<f32>().collect::<Vec<_>>());
        self.1.extend(values.unwrap_or_default());
    }
}

/// Parameters and running statistics.
fn weights(net: &Net<B>) -> Vec<f32> {
    let mut values = Values(None, vec![]);
    net.visit(&mut values);
    values.1
}

fn gradients(
    net: &Net<B>,
    plan: &Plan,
    recipe: &Recipe,
    batch: &Batch,
) -> (GradientsParams, BatchStats<B>) {
    let device = Default::default();
    let input = TensorData::new(batch.inputs.clone(), [batch.len, 1, SIDE, SIDE]);
    let mut stats = vec![];
    let mode = Mode::Train {
        stats: &mut stats,
        noise: &mut noise(1, 0, 0),
    };
    let input = Tensor::from_data(input, &device);
    let logits = net.forward(plan, recipe.batch_norm, input, mode);
    let loss = Objective::new(recipe, 3).loss(logits, batch, &device);
    (GradientsParams::from_grads(loss.backward(), net), stats)
}

/// The largest difference, relative to the largest of `b`.
fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(0f32, |m, v| m.max(v.abs()));
    let errors = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    errors.fold(0f32, f32::max) / largest
}

/// The same pictures with other labels: BatchNorm sees the same in each half as in the whole.
fn halves() -> [Batch; 2] {
    let pictures = pictures(0, 8);
    let inputs: Vec<f32> = pictures.pixels.iter().map(|p| f32::from(*p)).collect();
    [0, 1].map(|shift| Batch {
        inputs: inputs.clone(),
        side: SIDE,
        targets: (0..8 * 3)
            .map(|i| f32::from((i / 3 + shift) % 3 == i % 3))
            .collect(),
        teacher: None,
        len: 8,
    })
}

#[test]
fn the_peers_mean_is_the_gradient_of_their_batches_together() {
    let (recipe, plan) = parse(PLAIN);
    let net = Net::<B>::new(&plan, 5, &Default::default());
    let values = |grads: &GradientsParams| {
        let mut values = Values(Some(grads), vec![]);
        net.visit(&mut values);
        values.1
    };
    let [first, second] = halves();
    let joined = Batch {
        inputs: [&first.inputs[..], &second.inputs].concat(),
        targets: [&first.targets[..], &second.targets].concat(),
        teacher: None,
        side: SIDE,
        len: 16,
    };
    let of = |batch: &Batch| gradients(&net, &plan, &recipe, batch).0;
    let whole = values(&of(&joined));
    for half in [&first, &second] {
        assert!(apart(&values(&of(half)), &whole) > 1e-2, "halves differ");
    }
    let means = both(|place| {
        let half = [&first, &second][place.rank()];
        values(&place.mean_gradients::<Flex>(of(half)).unwrap())
    });
    assert_eq!(means[0], means[1]);
    assert!(apart(&means[0], &whole) < 1e-5);
}

#[test]
fn a_step_of_two_peers_is_by_the_means_over_both_batches() {
    let (recipe, plan) = parse(PLAIN);
    let data = data(16);
    let folder = tempfile::tempdir().unwrap();
    let start = fresh::<B>(&recipe, &plan, &Default::default());
    checkpoint::save(&start, &folder.path().join("last")).unwrap();
    let device = Default::default();
    let ends = both(|place| match place.rank() {
        0 => {
            let led = lead::<B>(place, &recipe, &plan, &data, folder.path(), &device, go_on);
            led.unwrap().last
        }
        _ => {
            let training = &data.training;
            follow::<B>(place, &recipe, &plan, training, folder.path(), &device).unwrap()
        }
    });

    // By hand: each batch on the same weights; two half steps of plain SGD are one by the mean.
    let mut batches = vec![];
    let made = for_each_batch(&data.training, Mixing::new(&recipe, 0), 0, |batch| {
        batches.push(batch);
        Ok::<_, ()>(())
    });
    made.unwrap();
    let of = |batch| gradients(&start.net, &plan, &recipe, batch);
    let [(first, stats), (second, stats2)] = [of(&batches[0]), of(&batches[1])];
    let mut rule = Rule::new(recipe.optimizer);
    let mut stepped = start.net.clone();
    for grads in [first, second] {
        stepped = rule.step(0.1 / 2.0, stepped, grads);
    }
    let means = stats.into_iter().zip(stats2);
    let means = means.map(|([m, v], [m2, v2])| [(m + m2) / 2.0, (v + v2) / 2.0]);
    let stepped = stepped.update_statistics(&plan, means.collect(), recipe.batch_norm.momentum);
    assert_eq!(weights(&ends[0]), weights(&ends[1]));
    assert!(apart(&weights(&ends[0]), &weights(&stepped)) < 1e-5);
    assert!(apart(&weights(&ends[0]), &weights(&start.net)) > 1e-2);
}

#[test]
fn peers_share_out_the_batches_of_one_process() {
    let (recipe, _) = parse(STATEFUL);
    let training = pictures(0, 45);
    let collect = |place| {
        let mixing = Mixing {
            place,
            ..Mixing::new(&recipe, 3)
        };
        let mut batches = vec![];
        let made = for_each_batch(&training, mixing, 3, |batch| {
            batches.push((batch.inputs, batch.targets));
            Ok::<_, ()>(())
        });
        made.unwrap();
        batches
    };
    let alone = collect(Place::ALONE);
    let [first, second] = [0, 1].map(|rank| collect(Place { rank, count: 2 }));
    assert_eq!((alone.len(), first.len(), second.len()), (5, 2, 2));
    let dealt = first.into_iter().zip(second).flat_map(|(a, b)| [a, b]);
    assert!(dealt.eq(alone.into_iter().take(4)));
}

/// Trains as both peers; the leader's rows and both networks.
fn run_both(recipe: &Recipe, plan: &Plan, data: &Data, folder: &Path) -> [(Rows, Vec<f32>); 2] {
    both(|place| {
        let device = Default::default();
        if place.rank() > 0 {
            let net = follow::<B>(place, recipe, plan, &data.training, folder, &device);
            return (vec![], weights(&net.unwrap()));
        }
        let outcome = lead::<B>(place, recipe, plan, data, folder, &device, go_on).unwrap();
        (timeless(outcome.rows), weights(&outcome.last))
    })
}

fn timeless(rows: Rows) -> Rows {
    let rows = rows.into_iter();
    rows.map(|row| EpochRow {
        seconds: 0.0,
        ..row
    })
    .collect()
}

fn go_on(_: Event<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn peers_have_one_network_and_resume_on_the_same_curve() {
    let (recipe, plan) = parse(STATEFUL);
    let data = data(48);
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let start = fresh::<B>(&recipe, &plan, &Default::default());
    checkpoint::save(&start, &whole.path().join("last")).unwrap();
    let [(rows, first), (_, second)] = run_both(&recipe, &plan, &data, whole.path());
    assert_eq!(first, second);
    assert_eq!(rows.len(), 4);
    assert!(rows[3].train_loss < rows[0].train_loss, "{rows:?}");

    let _one = ONE_GROUP.lock().unwrap_or_else(PoisonError::into_inner);
    let devices = [Default::default(); 2];
    let mut rest = (vec![], vec![]);
    for epochs in [1, 2, 4] {
        let until = |event: Event<'_>| match event {
            Event::Epoch { row, .. } if row.epoch == epochs => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let folder = parts.path();
        let outcome = train_together::<B>(&recipe, &plan, &data, folder, &devices, until);
        let outcome = outcome.unwrap();
        rest = (timeless(outcome.rows), weights(&outcome.last));
    }
    assert_eq!(rest, (rows, first));
}

#[test]
fn a_step_that_is_to_stop_the_run_does_so_after_the_epoch() {
    let (recipe, plan) = parse(STATEFUL);
    let _one = ONE_GROUP.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let devices = [Default::default(); 2];
    let stop = |event: Event<'_>| match event {
        Event::Step { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let data = data(48);
    let outcome = train_together::<B>(&recipe, &plan, &data, folder.path(), &devices, stop);
    assert_eq!(outcome.unwrap().rows.len(), 1);
}

#[test]
fn a_leader_that_fails_ends_the_run_with_its_reason() {
    let error = in_time(|| {
        let (recipe, plan) = parse(STATEFUL);
        let folder = tempfile::tempdir().unwrap();
        let devices = [Default::default(); 2];
        let train = || {
            let stop = |event: Event<'_>| match event {
                Event::Epoch { .. } => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            };
            train_together::<B>(&recipe, &plan, &data(48), folder.path(), &devices, stop)
        };
        train().unwrap();
        std::fs::write(folder.path().join("best/net.mpk"), b"cut").unwrap();
        train().err().unwrap().to_string()
    });
    assert!(error.contains("best/net.mpk"), "{error}");
}

#[test]
fn a_follower_that_fails_ends_the_run_with_its_reason() {
    let error = in_time(|| {
        let wait = |place: Place| {
            let heard = place.hear::<Flex, 1>([1.0], &Default::default());
            assert!(heard.is_err(), "{heard:?}");
            Ok(heard.map(drop)?)
        };
        let fail = |_: Place| Err(TrainError::NoStart("nowhere".into()));
        all::<Flex, ()>(&[Default::default(); 2], wait, fail).unwrap_err()
    });
    assert!(matches!(error, TrainError::NoStart(_)), "{error}");
}

#[test]
fn a_peer_that_panics_ends_the_run() {
    let panicked = in_time(|| {
        let wait = |place: Place| {
            Ok(place
                .hear::<Flex, 1>([1.0], &Default::default())
                .map(drop)?)
        };
        let panic = |_: Place| panic!("as a device that is gone does");
        let devices = [Default::default(); 2];
        std::panic::catch_unwind(|| all::<Flex, ()>(&devices, wait, panic)).is_err()
    });
    assert!(panicked);
}

#[test]
fn peers_that_diverge_all_stop() {
    let (mut recipe, plan) = parse(STATEFUL);
    recipe.schedule = Schedule::Constant {
        learning_rate: 1e30,
    };
    let error = in_time(move || {
        let folder = tempfile::tempdir().unwrap();
        let devices = [Default::default(); 2];
        let data = data(48);
        train_together::<B>(&recipe, &plan, &data, folder.path(), &devices, go_on).err()
    });
    assert!(matches!(error, Some(TrainError::Diverged { .. })));
}
