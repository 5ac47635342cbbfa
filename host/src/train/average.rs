//! Exponential moving average of weights and running statistics.

use std::marker::PhantomData;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::net::Net;

/// Moves `average` towards `current`, whose parameters have the same ids. Early on the average
/// follows faster: the decay used is `min(decay, (1 + step) / (10 + step))`.
pub fn update<B: Backend>(average: Net<B>, current: &Net<B>, decay: f64, step: usize) -> Net<B> {
    let decay = decay.min((1.0 + step as f64) / (10.0 + step as f64));
    let mut collect = Collect::<B> {
        values: GradientsParams::new(),
        backend: PhantomData,
    };
    current.visit(&mut collect);
    average.map(&mut Blend::<B> {
        values: collect.values,
        decay,
        backend: PhantomData,
    })
}

struct Collect<B> {
    /// Used as a map from parameter id to tensor of any rank.
    values: GradientsParams,
    backend: PhantomData<B>,
}

impl<B: Backend> ModuleVisitor<B> for Collect<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.values.register(param.id, param.val());
    }
}

struct Blend<B> {
    values: GradientsParams,
    decay: f64,
    backend: PhantomData<B>,
}

impl<B: Backend> ModuleMapper<B> for Blend<B> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let id = param.id;
        match self.values.remove::<B, D>(id) {
            Some(value) => param
                .map(|average| average.mul_scalar(self.decay) + value.mul_scalar(1.0 - self.decay)),
            None => param,
        }
    }
}
