//! [`TrainOps`] for Burn's autodiff backend: records a step whose backward is the inner backend's.

use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::ops::FloatTensor;

use super::{ConvGeometry, NormForm, NormSaved, TrainOps, TrunkOutput, TrunkPass};
use crate::train::trunk::{Saved, Trunk as Steps};

#[derive(Debug)]
struct Conv;

impl<B: TrainOps> Backward<B, 2> for Conv {
    type State = (NodeId, NodeId, ConvGeometry);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [node_x, node_w] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        let (x, w, geometry) = ops.state;
        // Both are retrieved even if unused: the checkpointer counts the uses.
        let x = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(x);
        let w = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(w);
        let wanted = [node_x.is_some(), node_w.is_some()];
        let [dx, dw] = B::conv_backward(x, w, dy, geometry, wanted);
        if let (Some(node), Some(dx)) = (node_x, dx) {
            grads.register::<B>(node.id, dx);
        }
        if let (Some(node), Some(dw)) = (node_w, dw) {
            grads.register::<B>(node.id, dw);
        }
    }
}

#[derive(Debug)]
struct BatchNorm;

impl<B: TrainOps> Backward<B, 3> for BatchNorm {
    type State = ([NodeId; 3], [B::FloatTensorPrimitive; 2], NormForm);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let dy = grads.consume::<B>(&ops.node);
        let (nodes, [mean, var], form) = ops.state;
        let [x, gamma, beta] =
            nodes.map(|id| checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(id));
        let saved = NormSaved {
            x,
            gamma,
            beta,
            mean,
            var,
        };
        let gradients = B::batch_norm_backward(saved, form, dy);
        for (node, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct AddRelu;

impl<B: TrainOps> Backward<B, 2> for AddRelu {
    type State = B::FloatTensorPrimitive;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let gradient = B::add_relu_backward(ops.state, dy);
        for node in ops.parents.into_iter().flatten() {
            grads.register::<B>(node.id, gradient.clone());
        }
    }
}

#[derive(Debug)]
struct MaxPool2;

impl<B: TrainOps> Backward<B, 1> for MaxPool2 {
    type State = NodeId;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let dy = grads.consume::<B>(&ops.node);
        let x = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(ops.state);
        let [node] = ops.parents;
        if let Some(node) = node {
            grads.register::<B>(node.id, B::max_pool2_backward(x, dy));
        }
    }
}

#[derive(Debug)]
struct ScalePlanes;

impl<B: TrainOps> Backward<B, 2> for ScalePlanes {
    type State = [NodeId; 2];

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let dy = grads.consume::<B>(&ops.node);
        let [x, s] = ops
            .state
            .map(|id| checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(id));
        let wanted = [0, 1].map(|i: usize| ops.parents[i].is_some());
        let gradients = B::scale_planes_backward(x, s, dy, wanted);
        for (node, gradient) in ops.parents.into_iter().zip(gradients) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct AvgPool2;

impl<B: TrainOps> Backward<B, 1> for AvgPool2 {
    type State = NodeId;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let dy = grads.consume::<B>(&ops.node);
        let x = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(ops.state);
        let [node] = ops.parents;
        if let Some(node) = node {
            grads.register::<B>(node.id, B::avg_pool2_backward(x, dy));
        }
    }
}

#[derive(Debug)]
struct Trunk;

/// What the gradient of a trunk needs. The maps are used up by the backward pass, of which there is
/// one.
#[derive(Debug, Clone)]
struct TrunkState<T> {
    trunk: Arc<Steps>,
    parameters: T,
    saved: Arc<Mutex<Option<Saved>>>,
}

impl<B: TrainOps> Backward<B, 1> for Trunk {
    type State = TrunkState<B::FloatTensorPrimitive>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let [node] = ops.parents;
        let TrunkState {
            trunk,
            parameters,
            saved,
        } = ops.state;
        let saved = saved.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(node), Some(saved)) = (node, saved) {
            let gradient = B::trunk_backward(&trunk, saved, parameters, dy);
            grads.register::<B>(node.id, gradient);
        }
    }
}

impl<B: TrainOps, C: CheckpointStrategy> TrainOps for Autodiff<B, C> {
    const FUSED: bool = B::FUSED;

    fn has_trunks() -> bool {
        B::has_trunks()
    }

    fn trunk(
        x: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        pass: TrunkPass<'_>,
    ) -> TrunkOutput<FloatTensor<Self>> {
        let trunk = pass.trunk.clone();
        let TrunkOutput {
            y,
            statistics,
            saved,
        } = B::trunk(x.primitive, parameters.primitive.clone(), pass);
        let step = Trunk
            .prepare::<C>([parameters.node.clone()])
            .compute_bound();
        let y = match step.stateful() {
            OpsKind::Tracked(prep) => {
                let state = TrunkState {
                    trunk,
                    parameters: parameters.primitive,
                    saved: Arc::new(Mutex::new(saved)),
                };
                prep.finish(state, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        // No gradient flows through the returned statistics.
        let constant = |s: [_; 2]| s.map(<Self as AutodiffBackend>::from_inner);
        TrunkOutput {
            y,
            statistics: statistics.into_iter().map(constant).collect(),
            saved: None,
        }
    }

    fn conv(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let step = Conv
            .prepare::<C>([x.node.clone(), w.node.clone()])
            .compute_bound();
        match step.stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&w), geometry);
                prep.finish(state, B::conv(x.primitive, w.primitive, geometry))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::conv(x.primitive, w.primitive, geometry)),
        }
    }

    fn batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        form: NormForm,
    ) -> [FloatTensor<Self>; 3] {
        let inputs = [&x, &gamma, &beta];
        let [y, mean, var] = B::batch_norm(
            x.primitive.clone(),
            gamma.primitive.clone(),
            beta.primitive.clone(),
            form,
        );
        let step = BatchNorm
            .prepare::<C>(inputs.map(|t| t.node.clone()))
            .compute_bound();
        let y = match step.stateful() {
            OpsKind::Tracked(mut prep) => {
                let nodes = inputs.map(|t| prep.checkpoint(t));
                prep.finish((nodes, [mean.clone(), var.clone()], form), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        // No gradient flows through the returned statistics.
        let [mean, var] = [mean, var].map(<Self as AutodiffBackend>::from_inner);
        [y, mean, var]
    }

    fn add_relu(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let step = AddRelu
            .prepare::<C>([a.node.clone(), b.node.clone()])
            .compute_bound();
        match step.stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::add_relu(a.primitive, b.primitive);
                prep.finish(y.clone(), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::add_relu(a.primitive, b.primitive)),
        }
    }

    fn max_pool2(x: FloatTensor<Self>) -> FloatTensor<Self> {
        match MaxPool2
            .prepare::<C>([x.node.clone()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(mut prep) => {
                let state = prep.checkpoint(&x);
                prep.finish(state, B::max_pool2(x.primitive))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::max_pool2(x.primitive)),
        }
    }
    fn scale_planes(x: FloatTensor<Self>, s: FloatTensor<Self>) -> FloatTensor<Self> {
        let step = ScalePlanes
            .prepare::<C>([x.node.clone(), s.node.clone()])
            .compute_bound();
        match step.stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = [prep.checkpoint(&x), prep.checkpoint(&s)];
                prep.finish(state, B::scale_planes(x.primitive, s.primitive))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::scale_planes(x.primitive, s.primitive)),
        }
    }

    fn avg_pool2(x: FloatTensor<Self>) -> FloatTensor<Self> {
        match AvgPool2
            .prepare::<C>([x.node.clone()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(mut prep) => {
                let state = prep.checkpoint(&x);
                prep.finish(state, B::avg_pool2(x.primitive))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::avg_pool2(x.primitive)),
        }
    }
}
