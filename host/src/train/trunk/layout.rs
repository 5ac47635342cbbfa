//! Which steps of a plan run here, and where their parameters lie in one vector.

use super::dense;
use crate::train::plan::{Plan, Step, StepOp};

/// A parameter of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// Kernel, gamma and beta of a convolution, by its number in the plan.
    Conv(usize),
    /// Weights and bias of a dense layer, by its number in the plan.
    Dense(usize),
}

/// The first steps of a plan: those that work on maps and end in a single value.
#[derive(Clone, Debug, PartialEq)]
pub struct Trunk {
    /// The whole plan.
    pub plan: Plan,
    /// The plan's first steps.
    pub steps: Vec<Step>,
    /// Their parameters, in the order in which one vector holds them.
    pub parameters: Vec<Parameter>,
}

impl Trunk {
    /// The trunk of a plan; `None` where its first steps are of a kind that is not known here.
    pub fn of(plan: &Plan) -> Option<Self> {
        let known = plan.steps.iter().take_while(|step| knows(plan, step));
        // The last step gives the logits, which stay outside.
        let most = known.count().min(plan.steps.len().saturating_sub(1));
        let single = |cut: &usize| {
            let later = plan.steps[*cut..].iter().flat_map(|step| &step.inputs);
            later.clone().count() > 0 && later.into_iter().all(|input| input >= cut)
        };
        let cut = (1..=most).rev().find(single)?;
        let steps = plan.steps[..cut].to_vec();
        let parameters = steps.iter().filter_map(|step| match step.op {
            StepOp::Conv { index, .. } => Some(Parameter::Conv(index)),
            StepOp::Dense { index, .. } => Some(Parameter::Dense(index)),
            _ => None,
        });
        let parameters = parameters.collect();
        Some(Self {
            plan: plan.clone(),
            steps,
            parameters,
        })
    }
}

fn knows(plan: &Plan, step: &Step) -> bool {
    match step.op {
        StepOp::Conv { index, .. } => {
            let conv = plan.convs[index];
            let first = step.inputs == [0];
            conv.outputs.is_multiple_of(2) && (first || conv.inputs.is_multiple_of(2))
        }
        StepOp::Dense { index, activation } => {
            !plan.denses[index].hidden && dense::knows(activation)
        }
        StepOp::MaxPool
        | StepOp::AvgPool
        | StepOp::DropPath { .. }
        | StepOp::GlobalAvgPool
        | StepOp::ScaleChannels
        | StepOp::AddRelu => !step.inputs.contains(&0),
        StepOp::Dropout { .. } | StepOp::Flatten => false,
    }
}
