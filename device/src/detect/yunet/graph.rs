//! The network as a tract graph. Values are `[1, H, W, C]`: with the channels innermost, all
//! convolutions fill whole vectors.

use mien_models::yunet::{LEVEL_UNITS, POOL_AFTER, STRIDES_PX};
use tract_core::internal::*;
use tract_core::ops::array::MultiBroadcastTo;
use tract_core::ops::cnn::{MaxPool, PaddingSpec, PoolSpec};
use tract_core::ops::math;
use tract_core::ops::nn::DataFormat;

use super::convolve::{Stem, Unit};
use super::fit::Fit;
use super::layers::{Layer, Layers, UnitLayers};
use crate::detect::DetectError;

/// The network for one input size, optimized.
pub(super) struct Runner {
    plan: Arc<TypedSimplePlan>,
    input_px: [usize; 2],
}

/// What the network says about the cells of one stride.
pub(super) struct Level {
    output: TValue,
    /// Cells in a row.
    pub(super) columns: usize,
    /// Pixels from one cell to the next.
    pub(super) stride_px: f32,
}

impl Runner {
    /// Builds and optimizes the network for an input of `[width, height]` pixels, multiples of
    /// 32.
    pub(super) fn new(layers: &Layers, input_px: [usize; 2]) -> Result<Self, DetectError> {
        let plan = build(layers, input_px)
            .and_then(TypedModel::into_optimized)
            .and_then(TypedModel::into_runnable)
            .map_err(engine)?;
        Ok(Self { plan, input_px })
    }

    /// Width and height of the input in pixels.
    pub(super) fn input_px(&self) -> [usize; 2] {
        self.input_px
    }

    /// Looks at a reduced picture.
    pub(super) fn run(
        &self,
        fit: &Fit,
        pixels: &[u8],
    ) -> Result<heapless::Vec<Level, { STRIDES_PX.len() }>, DetectError> {
        let [width, height] = self.input_px;
        let input = input(width, height, |values| fit.place(pixels, values)).map_err(engine)?;
        let outputs = self.plan.run(tvec!(input.into_tvalue())).map_err(engine)?;
        let levels = outputs.into_iter().zip(STRIDES_PX);
        Ok(levels
            .map(|(output, stride)| Level {
                output,
                columns: width / usize::from(stride),
                stride_px: f32::from(stride),
            })
            .collect())
    }
}

impl Level {
    /// `PER_CELL` numbers for each cell, row by row.
    pub(super) fn values(&self) -> TractResult<&[f32]> {
        self.output.try_as_plain_ram()?.as_slice::<f32>()
    }
}

/// The network's input, `[1, height, width, 1]`, filled in place.
fn input(width: usize, height: usize, fill: impl FnOnce(&mut [f32])) -> TractResult<Tensor> {
    let mut input = Tensor::zero::<f32>(&[1, height, width, 1])?;
    fill(input.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?);
    Ok(input)
}

/// The engine's error in our terms.
pub(super) fn engine(error: TractError) -> DetectError {
    DetectError::Engine(format!("{error:#}"))
}

fn build(layers: &Layers, [width, height]: [usize; 2]) -> TractResult<TypedModel> {
    let mut graph = Graph::default();
    let input = f32::fact([1, height, width, 1]);
    let input = graph.model.add_source("input", input)?;
    let [kernel, bias] = graph.weights("stem", &layers.stem)?;
    let mut wire = graph.wire("stem", Stem, &[input, kernel, bias])?;
    let mut levels = Vec::new();
    for (index, unit) in layers.backbone.iter().enumerate() {
        wire = graph.unit(&format!("backbone.{index}"), unit, wire, true)?;
        if LEVEL_UNITS.contains(&index) {
            levels.push(wire);
        }
        if POOL_AFTER.contains(&index) {
            wire = graph.pool(&format!("backbone.{index}"), wire)?;
        }
    }
    let mut outputs = Vec::new();
    let mut above = None;
    for (level, wire) in levels.into_iter().enumerate().rev() {
        let name = format!("lateral.{level}");
        let sum = match above {
            Some(above) => graph.add_enlarged(&name, wire, above)?,
            None => wire,
        };
        let lateral = graph.unit(&name, &layers.laterals[level], sum, true)?;
        above = Some(lateral);
        let (shared, predictions) = &layers.heads[level];
        let shared = graph.unit(&format!("head.{level}.shared"), shared, lateral, true)?;
        outputs.push(graph.unit(&format!("head.{level}"), predictions, shared, false)?);
    }
    outputs.reverse();
    graph.model.select_output_outlets(&outputs)?;
    Ok(graph.model)
}

#[derive(Default)]
struct Graph {
    model: TypedModel,
}

impl Graph {
    fn unit(
        &mut self,
        name: &str,
        unit: &UnitLayers,
        wire: OutletId,
        relu: bool,
    ) -> TractResult<OutletId> {
        let [first, first_bias] = self.weights(&format!("{name}.1x1"), &unit.pointwise)?;
        let [second, second_bias] = self.weights(&format!("{name}.3x3"), &unit.depthwise)?;
        let inputs = [wire, first, first_bias, second, second_bias];
        self.wire(name, Unit { relu }, &inputs)
    }

    fn weights(&mut self, name: &str, layer: &Layer) -> TractResult<[OutletId; 2]> {
        let kernel = Arc::clone(&layer.kernel);
        let bias = Arc::clone(&layer.bias);
        Ok([
            self.model.add_const(format!("{name}.kernel"), kernel)?,
            self.model.add_const(format!("{name}.bias"), bias)?,
        ])
    }

    /// The maximum over 2x2 pixels.
    fn pool(&mut self, name: &str, wire: OutletId) -> TractResult<OutletId> {
        let channels = self.shape(wire)?[3];
        let pool_spec = PoolSpec {
            data_format: DataFormat::NHWC,
            kernel_shape: tvec!(2; 2),
            padding: PaddingSpec::Valid,
            dilations: None,
            strides: Some(tvec!(2; 2)),
            input_channels: channels,
            output_channels: channels,
        };
        let op = MaxPool {
            pool_spec,
            with_index_outputs: None,
        };
        self.wire(&format!("{name}.pool"), op, &[wire])
    }

    /// A level plus the one above it, whose pixels are repeated twice along both axes.
    fn add_enlarged(
        &mut self,
        name: &str,
        wire: OutletId,
        above: OutletId,
    ) -> TractResult<OutletId> {
        let shape = self.shape(above)?;
        let &[_, height, width, channels] = &shape[..] else {
            bail!("a level has four axes");
        };
        let mut enlarged = self.wire(&format!("{name}.columns"), AxisOp::Add(3), &[above])?;
        enlarged = self.wire(&format!("{name}.rows"), AxisOp::Add(2), &[enlarged])?;
        let repeat = MultiBroadcastTo {
            shape: ShapeFact::from_dims([1, height, 2, width, 2, channels]),
        };
        enlarged = self.wire(&format!("{name}.repeat"), repeat, &[enlarged])?;
        for (axis, side) in [(1, height), (2, width)] {
            let pairs = tvec!(side.to_dim(), 2.to_dim());
            let reshape = AxisOp::Reshape(axis, pairs, tvec!((2 * side).to_dim()));
            enlarged = self.wire(&format!("{name}.join.{axis}"), reshape, &[enlarged])?;
        }
        self.wire(&format!("{name}.sum"), math::add(), &[wire, enlarged])
    }

    fn shape(&self, outlet: OutletId) -> TractResult<Vec<usize>> {
        let shape = &self.model.outlet_fact(outlet)?.shape;
        Ok(shape.as_concrete().context("shapes are concrete")?.into())
    }

    fn wire(
        &mut self,
        name: &str,
        op: impl Into<Box<dyn TypedOp>>,
        inputs: &[OutletId],
    ) -> TractResult<OutletId> {
        Ok(self.model.wire_node(name, op, inputs)?[0])
    }
}
