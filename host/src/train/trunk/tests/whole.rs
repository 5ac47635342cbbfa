//! Whole trunks against the same network from general operations in `f32`.

use std::path::Path;

use burn::backend::{Autodiff, Flex};
use burn::module::Param;
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::train::net::{Mode, Net, noise};
use crate::train::plan::{Plan, StepOp};
use crate::train::recipe::{BatchNorm, Recipe};
use crate::train::trunk::{Forward, Parameter, Trunk};

type B = Autodiff<Flex>;

fn plan(layers: &str) -> Plan {
    let recipe = format!(
        "name = 'test'\ndescription = 'test'\nepochs = 1\nbatch = 2\nseed = 3\nselect = \
         'validation_loss'\ndrop_path = 0.4\ninput = {{ kind = 'raw' }}\noptimizer = {{ kind = \
         'sgd', momentum = 0.0, nesterov = false, weight_decay = 0.0 }}\nschedule = {{ kind = \
         'constant', learning_rate = 0.1 }}\nlayers = [{layers}]\n"
    );
    let recipe = Recipe::parse(&recipe, Path::new("test.toml")).unwrap();
    Plan::new(&recipe, 3).unwrap()
}

#[test]
fn a_trunk_ends_in_one_value_before_what_it_does_not_know() {
    let conv = "{ kind = 'conv', out = 4, stride = 4, se = 1 }";
    let residual = "{ kind = 'residual', out = 6, stride = 2 }";
    let pooled = plan(&format!(
        "{conv}, {residual}, {{ kind = 'global_avg_pool' }}"
    ));
    let trunk = Trunk::of(&pooled).unwrap();
    assert_eq!(trunk.steps.len(), pooled.steps.len() - 1);
    assert_eq!(trunk.steps.last().unwrap().op, StepOp::GlobalAvgPool);
    let flat = plan(&format!(
        "{conv}, {{ kind = 'dropout', rate = 0.1 }}, {residual}, {{ kind = 'flatten' }}"
    ));
    let trunk = Trunk::of(&flat).unwrap();
    assert_eq!(trunk.steps.last().unwrap().op, StepOp::ScaleChannels);
    let odd = plan("{ kind = 'conv', out = 5, stride = 4 }, { kind = 'flatten' }");
    assert_eq!(Trunk::of(&odd), None);
}

fn values<const D: usize>(t: Tensor<Flex, D>) -> Vec<f32> {
    t.into_data().iter().collect()
}

/// Euclidean norm.
fn norm(values: impl Iterator<Item = f32>) -> f32 {
    values.map(|v| v * v).sum::<f32>().sqrt()
}

/// A network's numbers, and their gradients, in the order of its trunk's parameters.
fn in_order(
    net: &Net<B>,
    trunk: &Trunk,
    grads: Option<&GradientsParams>,
) -> Vec<(Parameter, Vec<f32>)> {
    fn of<const D: usize>(p: &Param<Tensor<B, D>>, grads: Option<&GradientsParams>) -> Vec<f32> {
        match grads {
            Some(grads) => values(grads.get::<Flex, D>(p.id).unwrap()),
            None => values(p.val().inner()),
        }
    }
    let each = trunk.parameters.iter().flat_map(|parameter| {
        let parts = match *parameter {
            Parameter::Conv(i) => {
                let c = &net.convs[i];
                vec![
                    of(&c.weight, grads),
                    of(&c.norm.gamma, grads),
                    of(&c.norm.beta, grads),
                ]
            }
            Parameter::Dense(i) => {
                let d = &net.denses[i];
                vec![of(&d.weight, grads), of(&d.bias, grads)]
            }
        };
        parts.into_iter().map(|part| (*parameter, part))
    });
    each.collect()
}

#[test]
fn outputs_statistics_and_gradients_are_the_general_ones_but_for_rounding() {
    let plan = plan(
        "{ kind = 'conv', out = 8, stride = 2, se = 2 }, { kind = 'max_pool' }, { kind = \
         'residual', out = 12, stride = 2, se = 2 }, { kind = 'residual', out = 12 }, { kind = \
         'residual', out = 16, stride = 2, shortcut = 'avg_pool' }, { kind = 'avg_pool' }, { kind \
         = 'global_avg_pool' }",
    );
    let trunk = Trunk::of(&plan).unwrap();
    let n = 10;
    let device = Default::default();
    let net = Net::<B>::new(&plan, 5, &device);
    let constants = BatchNorm::default();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut uniform =
        |len: usize| -> Vec<f32> { (0..len).map(|_| 2.0 * rng.random::<f32>() - 1.0).collect() };
    let (pictures, weights) = (uniform(n * 48 * 48), uniform(n * 3));

    let mut stats = vec![];
    let mode = Mode::Train {
        stats: &mut stats,
        noise: &mut noise(1, 2, 3),
    };
    let data = TensorData::new(pictures.clone(), [n, 1, 48, 48]);
    let logits = net.forward(&plan, constants, Tensor::from_data(data, &device), mode);
    let loss =
        logits.clone() * Tensor::from_data(TensorData::new(weights.clone(), [n, 3]), &device);
    let grads = GradientsParams::from_grads(loss.sum().backward(), &net);

    let packed: Vec<f32> = in_order(&net, &trunk, None)
        .into_iter()
        .flat_map(|(_, values)| values)
        .collect();
    let mut noise = noise(1, 2, 3);
    let Forward {
        output,
        shape,
        statistics,
        saved,
    } = trunk.forward(
        constants.epsilon,
        &pictures,
        [n, 1, 48, 48],
        &packed,
        None,
        |rate, n| {
            let kept = (1.0 / (1.0 - rate)) as f32;
            let mut draw = || noise.random::<f32>() < rate as f32;
            (0..n).map(|_| if draw() { 0.0 } else { kept }).collect()
        },
    );
    let head = &net.denses[net.denses.len() - 1];
    let (w, bias) = (
        values(head.weight.val().inner()),
        values(head.bias.val().inner()),
    );
    let channels = shape[1];
    let ours: Vec<f32> = output
        .chunks_exact(channels)
        .flat_map(|x| {
            let rows = w.chunks_exact(channels).zip(&bias);
            rows.map(|(w, b)| b + x.iter().zip(w).map(|(x, w)| x * w).sum::<f32>())
        })
        .collect();
    let general = values(logits.inner());
    let most = general.iter().fold(0f32, |most, v| most.max(v.abs()));
    for (ours, general) in ours.iter().zip(&general) {
        assert!((ours - general).abs() < 0.03 * most, "{ours} {general}");
    }
    assert_eq!(statistics.len(), stats.len());
    for ([mean, var], [general_mean, general_var]) in statistics.iter().zip(stats) {
        let general = [general_mean, general_var].map(|t| values(t.inner()));
        for (ours, general) in [mean, var].into_iter().zip(&general) {
            let difference = norm(ours.iter().zip(general).map(|(a, b)| a - b));
            assert!(difference < 0.02 * norm(general.iter().copied()));
        }
    }

    let d_output: Vec<f32> = weights
        .chunks_exact(3)
        .flat_map(|d| {
            let w = &w;
            (0..channels).map(move |c| (0..3).map(|i| d[i] * w[i * channels + c]).sum())
        })
        .collect();
    let mut rest = &trunk.backward(saved, &packed, &d_output, shape)[..];
    let (mut compared, mut zero, mut all) = (0, 0, [0f32; 2]);
    for (parameter, general) in in_order(&net, &trunk, Some(&grads)) {
        let ours;
        (ours, rest) = rest.split_at(general.len());
        let difference = norm(ours.iter().zip(&general).map(|(a, b)| a - b));
        let length = norm(general.iter().copied());
        (compared, zero) = (compared + 1, zero + usize::from(length == 0.0));
        all = [all[0] + difference * difference, all[1] + length * length];
        // Ten layers of rounding, a ReLU here and there the other way, and some gradients are small
        // differences of large sums; a wrong factor or sign would be more.
        assert!(
            difference < 0.4 * length + 1e-3,
            "{parameter:?}: {difference} of {length}"
        );
    }
    assert!(rest.is_empty());
    let [difference, length] = all.map(f32::sqrt);
    assert!(
        difference < 0.15 * length,
        "{difference} of {length} in all"
    );
    // A small squeezed layer may be dead at the start: its kernel, its bias and the next kernel have
    // no gradient then, nothing else.
    assert!(zero <= 3 && compared > 30, "{zero} of {compared}");
}
