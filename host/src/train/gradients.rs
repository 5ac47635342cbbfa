//! Gradients as vectors over all parameters: their length, and steps along them.

use std::marker::PhantomData;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{ElementConversion, Tensor};

use super::net::Net;

/// Euclidean norm over all parameters that have a gradient.
pub fn norm<B: AutodiffBackend>(net: &Net<B>, grads: &GradientsParams) -> f64 {
    let mut squares = Squares::<B> {
        grads,
        sums: vec![],
    };
    net.visit(&mut squares);
    if squares.sums.is_empty() {
        return 0.0;
    }
    let total = Tensor::cat(squares.sums, 0).sum();
    total.into_scalar().elem::<f64>().sqrt()
}

/// Shortens the gradients to `longest` where they are longer.
pub fn clip<B: AutodiffBackend>(
    net: &Net<B>,
    grads: GradientsParams,
    longest: f64,
) -> GradientsParams {
    let norm = norm(net, &grads);
    // Not a number stays what it is: the next loss says so.
    if norm.is_nan() || norm <= longest {
        return grads;
    }
    each_gradient(net, grads, Change::Scale(longest / norm))
}

/// Adds the gradient of the L2 penalty to those of convolution and dense weights.
pub fn penalize<B: AutodiffBackend>(
    net: &Net<B>,
    grads: GradientsParams,
    weight_decay: f64,
) -> GradientsParams {
    each_gradient(net, grads, Change::Penalty(weight_decay))
}

/// Multiplies convolution and dense weights by `factor`.
pub fn shrink<B: AutodiffBackend>(net: Net<B>, factor: f64) -> Net<B> {
    net.map(&mut Shrink {
        factor,
        backend: PhantomData,
    })
}

/// The network `distance` further up its loss, along the gradients.
pub fn ascend<B: AutodiffBackend>(net: Net<B>, grads: GradientsParams, distance: f64) -> Net<B> {
    let norm = norm(&net, &grads);
    if !norm.is_normal() {
        return net; // There is no direction.
    }
    net.map(&mut Move {
        grads,
        factor: distance / norm,
        backend: PhantomData,
    })
}

/// Convolution kernels and matrices are weights; biases and BatchNorm's vectors are not.
const fn is_weight(rank: usize) -> bool {
    rank >= 2
}

/// The same parameter with another value, still to be trained.
fn replaced<B: AutodiffBackend, const D: usize>(
    param: Param<Tensor<B, D>>,
    value: impl FnOnce(Tensor<B::InnerBackend, D>) -> Tensor<B::InnerBackend, D>,
) -> Param<Tensor<B, D>> {
    param.map(|tensor| Tensor::from_inner(value(tensor.inner())).require_grad())
}

struct Squares<'a, B: AutodiffBackend> {
    grads: &'a GradientsParams,
    sums: Vec<Tensor<B::InnerBackend, 1>>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Squares<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(grad) = self.grads.get::<B::InnerBackend, D>(param.id) {
            self.sums.push(grad.square().sum());
        }
    }
}

#[derive(Clone, Copy)]
enum Change {
    Scale(f64),
    Penalty(f64),
}

fn each_gradient<B: AutodiffBackend>(
    net: &Net<B>,
    grads: GradientsParams,
    change: Change,
) -> GradientsParams {
    let mut each = EachGradient::<B> {
        grads,
        change,
        backend: PhantomData,
    };
    net.visit(&mut each);
    each.grads
}

struct EachGradient<B> {
    grads: GradientsParams,
    change: Change,
    backend: PhantomData<B>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for EachGradient<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let Some(grad) = self.grads.remove::<B::InnerBackend, D>(param.id) else {
            return;
        };
        let grad = match self.change {
            Change::Scale(factor) => grad.mul_scalar(factor),
            Change::Penalty(decay) if is_weight(D) => grad + param.val().inner().mul_scalar(decay),
            Change::Penalty(_) => grad,
        };
        self.grads.register(param.id, grad);
    }
}

struct Shrink<B> {
    factor: f64,
    backend: PhantomData<B>,
}

impl<B: AutodiffBackend> ModuleMapper<B> for Shrink<B> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        if is_weight(D) {
            replaced(param, |weights| weights.mul_scalar(self.factor))
        } else {
            param
        }
    }
}

struct Move<B> {
    grads: GradientsParams,
    factor: f64,
    backend: PhantomData<B>,
}

impl<B: AutodiffBackend> ModuleMapper<B> for Move<B> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        match self.grads.remove::<B::InnerBackend, D>(param.id) {
            Some(grad) => replaced(param, |value| value + grad.mul_scalar(self.factor)),
            None => param,
        }
    }
}
