//! The forward pass of a trunk, keeping what the gradients need, and the backward pass.

use std::sync::Arc;

use super::correlate::Write;
use super::dense::Dense;
use super::gradient::Gradient;
use super::lattice::Correlation;
use super::layout::Trunk;
use super::map::{Map, Shape};
use super::{norm, outer, planes};
use crate::train::ops::{ConvShape, Norm};
use crate::train::plan::{Plan, StepOp};

/// A value of a trunk.
#[derive(Clone, Debug)]
enum Value {
    Map(Arc<Map>),
    /// `[N, C]`.
    Vector(Arc<Vec<f32>>),
    /// Used up.
    Gone,
}

impl Value {
    fn map(&self) -> &Arc<Map> {
        match self {
            Self::Map(map) => map,
            _ => unreachable!("a plan gives maps to what takes maps"),
        }
    }

    fn vector(&self) -> &[f32] {
        match self {
            Self::Vector(vector) => vector,
            _ => unreachable!("a plan gives vectors to what takes vectors"),
        }
    }
}

/// What one step keeps for its gradient.
#[derive(Debug)]
enum Kept {
    Nothing,
    /// A convolution's output before BatchNorm, and the statistics' numbers.
    Conv(Map, Norm),
    /// Stochastic depth's factor of every picture and channel, `[N, C]`.
    Factors(Vec<f32>),
}

/// A finished forward pass, for [`Trunk::backward`].
#[derive(Debug)]
pub struct Saved {
    values: Vec<Value>,
    kept: Vec<Kept>,
}

/// The result of [`Trunk::forward`].
pub struct Forward {
    /// `[N, C, H, W]`, or `[N, C, 1, 1]` of a vector.
    pub output: Vec<f32>,
    /// Its shape.
    pub shape: [usize; 4],
    /// Mean and biased variance of every convolution's output, in the order of the steps.
    pub statistics: Vec<[Vec<f32>; 2]>,
    /// For the gradients.
    pub saved: Saved,
}

/// Reads parameters in the order of [`Trunk::parameters`].
struct Parameters<'a> {
    rest: &'a [f32],
}

impl<'a> Parameters<'a> {
    fn take(&mut self, len: usize) -> &'a [f32] {
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }
}

fn conv_shape(plan: &Plan, index: usize, x: Shape) -> ConvShape {
    let spec = plan.convs[index];
    let weight = [spec.outputs, spec.inputs, spec.kernel, spec.kernel];
    let x = [x.n, spec.inputs, x.size[0], x.size[1]];
    ConvShape::new(x, weight, spec.geometry)
}

/// The kernel's element for an output, an input and a place.
fn element(w: &[f32], q: &ConvShape, out: usize, input: usize, [ky, kx]: [usize; 2]) -> f32 {
    w[((out * q.inputs + input) * q.kernel + ky) * q.kernel + kx]
}

impl Trunk {
    /// Number of values that a step's parameters take.
    fn lengths(&self, op: StepOp) -> Vec<usize> {
        match op {
            StepOp::Conv { index, .. } => {
                let c = self.plan.convs[index];
                let kernel = c.outputs * c.inputs * c.kernel * c.kernel;
                vec![kernel, c.outputs, c.outputs]
            }
            StepOp::Dense { index, .. } => {
                let d = self.plan.denses[index];
                vec![d.outputs * d.inputs, d.outputs]
            }
            _ => vec![],
        }
    }

    /// Computes the trunk of pictures `x`, `[N, C, H, W]`. `parameters` are all of them in one
    /// vector; `running` are every convolution's mean and variance, otherwise BatchNorm uses the
    /// batch's; `factors(rate, n)` draws stochastic depth's factors of `n` pictures (none are drawn
    /// with `running`).
    pub fn forward(
        &self,
        epsilon: f64,
        x: &[f32],
        shape: [usize; 4],
        parameters: &[f32],
        running: Option<Vec<[Vec<f32>; 2]>>,
        mut factors: impl FnMut(f64, usize) -> Vec<f32>,
    ) -> Forward {
        let mut parameters = Parameters { rest: parameters };
        let evaluates = running.is_some();
        let mut running = running.map(Vec::into_iter);
        let mut values = vec![Value::Map(Arc::new(Map::from_planes(x, shape)))];
        let (mut kept, mut statistics) = (vec![], vec![]);
        for step in &self.steps {
            let input = |i: usize| &values[step.inputs[i]];
            let mut keep = Kept::Nothing;
            let own: Vec<&[f32]> = self
                .lengths(step.op)
                .into_iter()
                .map(|len| parameters.take(len))
                .collect();
            let value = match step.op {
                StepOp::Conv { index, relu } => {
                    let x = input(0).map();
                    let q = conv_shape(&self.plan, index, x.shape);
                    let mut y = Map::new(Shape {
                        n: q.n,
                        size: q.out,
                        channels: q.outputs,
                    });
                    let weight = |out, input, at| element(own[0], &q, out, input, at);
                    let write = if evaluates {
                        Write::Replace
                    } else {
                        Write::Measure
                    };
                    let moments = Correlation::forward(&q).run(x, weight, &mut y, write);
                    let [mean, var] = match running.as_mut().map(Iterator::next) {
                        Some(given) => given.unwrap_or_default(),
                        None => moments.mean_and_variance(y.shape),
                    };
                    let norm = Norm::new(own[1], own[2], &mean, &var, epsilon);
                    let z = norm::apply(&y, &norm, relu);
                    statistics.push([mean, var]);
                    if !evaluates {
                        keep = Kept::Conv(y, norm);
                    }
                    Value::Map(Arc::new(z))
                }
                StepOp::Dense { activation, .. } => {
                    let dense = Dense {
                        weight: own[0],
                        bias: own[1],
                        activation,
                    };
                    Value::Vector(Arc::new(dense.forward(input(0).vector())))
                }
                StepOp::MaxPool => Value::Map(Arc::new(planes::max_pool(input(0).map()))),
                StepOp::AvgPool => Value::Map(Arc::new(planes::avg_pool(input(0).map()))),
                StepOp::DropPath { .. } if evaluates => input(0).clone(),
                StepOp::DropPath { rate } => {
                    let x = input(0).map();
                    let drawn = factors(rate, x.shape.n);
                    let repeated = drawn
                        .iter()
                        .flat_map(|f| std::iter::repeat_n(*f, x.shape.channels));
                    let repeated: Vec<f32> = repeated.collect();
                    let y = planes::scale(x, &repeated, None);
                    keep = Kept::Factors(repeated);
                    Value::Map(Arc::new(y))
                }
                StepOp::GlobalAvgPool => Value::Vector(Arc::new(planes::mean(input(0).map()))),
                StepOp::ScaleChannels => {
                    let y = planes::scale(input(0).map(), input(1).vector(), None);
                    Value::Map(Arc::new(y))
                }
                StepOp::AddRelu => {
                    Value::Map(Arc::new(planes::add_relu(input(0).map(), input(1).map())))
                }
                StepOp::Dropout { .. } | StepOp::Flatten => {
                    unreachable!("such steps end a trunk")
                }
            };
            values.push(value);
            kept.push(keep);
        }
        let (output, shape) = match &values[self.steps.len()] {
            Value::Map(map) => {
                let Shape { n, size, channels } = map.shape;
                (map.to_planes(), [n, channels, size[0], size[1]])
            }
            Value::Vector(vector) => {
                let n = shape[0];
                (vector.to_vec(), [n, vector.len() / n, 1, 1])
            }
            Value::Gone => unreachable!("values go in the backward pass"),
        };
        Forward {
            output,
            shape,
            statistics,
            saved: Saved { values, kept },
        }
    }

    /// Gradient for all parameters in one vector, from the output's, in the output's shape.
    pub fn backward(
        &self,
        saved: Saved,
        parameters: &[f32],
        d_output: &[f32],
        output_shape: [usize; 4],
    ) -> Vec<f32> {
        let Saved {
            mut values,
            mut kept,
        } = saved;
        let mut gradients: Vec<Gradient> = (0..values.len()).map(|_| Gradient::default()).collect();
        let last = self.steps.len();
        match &values[last] {
            Value::Map(_) => {
                let d = Map::from_planes(d_output, output_shape);
                gradients[last].add_map(Arc::new(d));
            }
            _ => gradients[last].add_vector(d_output),
        }
        let mut end = parameters.len();
        let mut result = vec![0f32; end];
        for (number, step) in self.steps.iter().enumerate().rev() {
            let lengths = self.lengths(step.op);
            let start = end - lengths.iter().sum::<usize>();
            let own = &parameters[start..end];
            let own_result = &mut result[start..end];
            end = start;
            let gradient = std::mem::take(&mut gradients[number + 1]);
            let at = step.inputs[0];
            match step.op {
                StepOp::Conv { index, relu } => {
                    let Kept::Conv(y, norm) = std::mem::replace(&mut kept[number], Kept::Nothing)
                    else {
                        unreachable!("a convolution keeps its output")
                    };
                    let dz = gradient.into_map(y.shape);
                    let (dy, [d_gamma, d_beta]) = norm::backward(&y, &dz, &norm, relu);
                    drop((y, dz));
                    let x = values[at].map().clone();
                    let q = conv_shape(&self.plan, index, x.shape);
                    let dw = outer::weight_gradient(&x, &dy, &q);
                    let parts = [dw, d_gamma, d_beta];
                    copy(&parts, own_result);
                    if at > 0 {
                        let weight = |input, out, at| element(own, &q, out, input, at);
                        let gradient = &mut gradients[at];
                        let (mut dx, write) = match gradient.take_map() {
                            Some(dx) => (dx, Write::Add),
                            None => (Map::new(x.shape), Write::Replace),
                        };
                        Correlation::gradient(&q).run(&dy, weight, &mut dx, write);
                        gradient.add_map(Arc::new(dx));
                    }
                }
                StepOp::Dense { activation, .. } => {
                    let (weight, bias) = own.split_at(lengths[0]);
                    let dense = Dense {
                        weight,
                        bias,
                        activation,
                    };
                    let (x, y) = (values[at].vector(), values[number + 1].vector());
                    let [dx, dw, db] = dense.backward(x, y, &gradient.into_vector());
                    copy(&[dw, db], own_result);
                    gradients[at].add_vector(&dx);
                }
                StepOp::MaxPool => {
                    let y = values[number + 1].map();
                    let dy = gradient.into_map(y.shape);
                    let dx = planes::max_pool_backward(values[at].map(), &dy);
                    gradients[at].add_map(Arc::new(dx));
                }
                StepOp::AvgPool => {
                    let y = values[number + 1].map();
                    let dy = gradient.into_map(y.shape);
                    let dx = planes::avg_pool_backward(values[at].map(), &dy);
                    gradients[at].add_map(Arc::new(dx));
                }
                StepOp::DropPath { .. } => {
                    let Kept::Factors(factors) = &kept[number] else {
                        unreachable!("stochastic depth keeps its factors")
                    };
                    let dy = gradient.into_map(values[number + 1].map().shape);
                    gradients[at].add_scaled(dy, factors.clone());
                }
                StepOp::GlobalAvgPool => {
                    gradients[at].add_mean(&gradient.into_vector(), values[at].map().shape);
                }
                StepOp::ScaleChannels => {
                    let (x, scales) = (values[at].map(), values[step.inputs[1]].vector());
                    let dy = gradient.into_map(x.shape);
                    gradients[step.inputs[1]].add_vector(&planes::dots(x, &dy));
                    gradients[at].add_scaled(dy, scales.to_vec());
                }
                StepOp::AddRelu => {
                    let y = values[number + 1].map();
                    let dy = gradient.into_map(y.shape);
                    let d = Arc::new(planes::relu_backward(y, &dy));
                    gradients[at].add_map(d.clone());
                    gradients[step.inputs[1]].add_map(d);
                }
                StepOp::Dropout { .. } | StepOp::Flatten => {
                    unreachable!("such steps end a trunk")
                }
            }
            // Nothing before this step uses its value: its memory serves the next.
            values[number + 1] = Value::Gone;
        }
        result
    }
}

/// Writes the parts one after the other.
fn copy(parts: &[Vec<f32>], mut to: &mut [f32]) {
    for part in parts {
        let (head, rest) = to.split_at_mut(part.len());
        head.copy_from_slice(part);
        to = rest;
    }
}
