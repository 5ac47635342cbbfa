//! A detector as an exporter writes it, one node after the other.

use mien_models::network::{Values, Weights};
use mien_models::yunet::{LEVEL_UNITS, POOL_AFTER, STRIDES_PX, Unit, YunetModel};
use prost::Message;

use crate::import::yunet::onnx::{Attribute, F32, Graph, Model, Named, Node, OperatorSet, Tensor};

/// The file's bytes.
pub fn encode(model: &Model) -> Vec<u8> {
    model.encode_to_vec()
}

/// The ONNX model of a detector with f32 weights.
pub fn export(model: &YunetModel<'_>) -> Model {
    let network = &model.network;
    let mut graph = Graph {
        inputs: vec![named("input")],
        ..Graph::default()
    };
    graph
        .initializers
        .push(tensor("scales", &[4], &[1.0, 1.0, 2.0, 2.0]));
    let mut value = graph.convolution(&network.stem, 3, 2, "input", "stem");
    value = graph.add("Relu", &[&value], "stem.relu");
    let mut levels = Vec::new();
    for (index, unit) in network.backbone.iter().enumerate() {
        value = graph.active_unit(unit, &value, &format!("b{index}"));
        if LEVEL_UNITS.contains(&index) {
            levels.push(value.clone());
        }
        if POOL_AFTER.contains(&index) {
            value = graph.add("MaxPool", &[&value], &format!("pool{index}"));
            let pool = graph.nodes.last_mut().expect("just added");
            pool.attributes = vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
        }
    }
    let mut above: Option<String> = None;
    for level in (0..3).rev() {
        let mut sum = levels[level].clone();
        if let Some(above) = &above {
            let large = graph.add("Resize", &[above, "", "scales"], &format!("large{level}"));
            let resize = graph.nodes.last_mut().expect("just added");
            resize.attributes = vec![Attribute {
                name: "mode".into(),
                text: b"nearest".into(),
                ..Attribute::default()
            }];
            sum = graph.add("Add", &[&sum, &large], &format!("sum{level}"));
        }
        let lateral = graph.active_unit(&network.laterals[level], &sum, &format!("l{level}"));
        let head = &network.heads[level];
        let shared = graph.active_unit(&head.shared, &lateral, &format!("h{level}"));
        let names = ["cls", "obj", "bbox", "kps"];
        for ((unit, _), name) in head.predictions().into_iter().zip(names) {
            graph.prediction(unit, &shared, &format!("{name}_{}", STRIDES_PX[level]));
        }
        above = Some(lateral);
    }
    Model {
        ir_version: 6,
        graph: Some(graph),
        operator_sets: vec![OperatorSet { version: 11 }],
    }
}

impl Graph {
    fn add(&mut self, operator: &str, inputs: &[&str], output: &str) -> String {
        self.nodes.push(node(operator, inputs, output));
        output.to_owned()
    }

    fn convolution(
        &mut self,
        weights: &Weights<'_>,
        side: i64,
        stride: i64,
        input: &str,
        name: &str,
    ) -> String {
        let Values::F32(_) = weights.values else {
            panic!("f32 weights");
        };
        let [kernel, bias] = ["kernel", "bias"].map(|part| format!("{name}.{part}"));
        let [inputs, outputs] = [weights.inputs, weights.outputs].map(i64::from);
        let dims = [outputs, inputs, side, side];
        self.initializers
            .push(tensor(&kernel, &dims, &weights.to_f32()));
        self.initializers
            .push(tensor(&bias, &[outputs], &weights.bias_f32()));
        let value = self.add("Conv", &[input, &kernel, &bias], name);
        // All depthwise convolutions have stride 1 and a side of 3.
        let group = if (side, stride) == (3, 1) { outputs } else { 1 };
        let conv = self.nodes.last_mut().expect("just added");
        conv.attributes = vec![
            Attribute {
                name: "group".into(),
                int: group,
                ..Attribute::default()
            },
            ints("strides", &[stride; 2]),
            ints("pads", &[side / 2; 4]),
        ];
        value
    }

    fn unit(&mut self, unit: &Unit<'_>, input: &str, name: &str) -> String {
        let middle = self.convolution(&unit.pointwise, 1, 1, input, &format!("{name}.1x1"));
        self.convolution(&unit.depthwise, 3, 1, &middle, &format!("{name}.3x3"))
    }

    fn active_unit(&mut self, unit: &Unit<'_>, input: &str, name: &str) -> String {
        let value = self.unit(unit, input, name);
        self.add("Relu", &[&value], name)
    }

    fn prediction(&mut self, unit: &Unit<'_>, input: &str, name: &str) {
        let value = self.unit(unit, input, &format!("{name}.unit"));
        let value = self.add("Transpose", &[&value], &format!("{name}.t"));
        let transpose = self.nodes.last_mut().expect("just added");
        transpose.attributes = vec![ints("perm", &[0, 2, 3, 1])];
        if name.starts_with("cls") || name.starts_with("obj") {
            let value = self.add("Reshape", &[&value], &format!("{name}.r"));
            self.add("Sigmoid", &[&value], name);
        } else {
            self.add("Reshape", &[&value], name);
        }
        self.outputs.push(named(name));
    }
}

pub fn node(operator: &str, inputs: &[&str], output: &str) -> Node {
    Node {
        operator: operator.to_owned(),
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: Vec::new(),
    }
}

pub fn tensor(name: &str, dims: &[i64], values: &[f32]) -> Tensor {
    Tensor {
        dims: dims.to_vec(),
        data_type: F32,
        name: name.to_owned(),
        raw: values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
        floats: Vec::new(),
    }
}

fn named(name: &str) -> Named {
    Named {
        name: name.to_owned(),
    }
}

fn ints(name: &str, values: &[i64]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        ints: values.to_vec(),
        ..Attribute::default()
    }
}
