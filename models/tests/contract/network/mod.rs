//! Shape inference against shapes worked out by hand, and each network that must be refused.

mod weights;

use mien_models::network::{
    Activation, ActivationQuant, Conv2d, MAX_NODES, Network, NetworkError, Node, Op, Shape, Values,
    Weights, Window,
};

static BYTES: [u8; 1 << 16] = [1; 1 << 16];
static ONES: [u8; 4096] = ones();

const fn ones() -> [u8; 4096] {
    let one = 1.0_f32.to_le_bytes();
    let mut bytes = [0; 4096];
    let mut i = 0;
    while i < bytes.len() {
        bytes[i] = one[i % 4];
        i += 1;
    }
    bytes
}

fn weights(inputs: u16, outputs: u16, kernel: usize) -> Weights<'static> {
    let count = usize::from(inputs) * usize::from(outputs) * kernel;
    Weights {
        inputs,
        outputs,
        values: Values::I8 {
            values: &BYTES[..count],
            scales: &ONES[..4 * usize::from(outputs)],
        },
        bias: &ONES[..4 * usize::from(outputs)],
    }
}

fn node(op: Op<'static>, inputs: &[u16]) -> Node<'static> {
    Node {
        op,
        inputs: inputs.iter().copied().collect(),
        activation: Activation::Relu,
        output_quant: None,
    }
}

/// A 3x3 convolution that keeps the size.
fn conv(inputs: u16, outputs: u16) -> Conv2d<'static> {
    Conv2d {
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1; 4],
        groups: 1,
        weights: weights(inputs, outputs, 9),
    }
}

fn window(height: u8, width: u8, stride_y: u8, stride_x: u8) -> Window {
    Window {
        size: [height, width],
        stride: [stride_y, stride_x],
    }
}

/// Every operation once: 1x12x10 to seven numbers.
fn example() -> Network<'static> {
    let depthwise = Conv2d {
        kernel: [3, 5],
        stride: [2, 1],
        padding: [1, 0, 0, 2],
        groups: 4,
        weights: weights(1, 4, 15),
    };
    Network {
        input: [1, 12, 10],
        nodes: vec![
            node(Op::Conv2d(conv(1, 4)), &[0]),
            node(Op::Conv2d(conv(4, 4)), &[1]),
            node(Op::Add, &[1, 2]),
            node(Op::GlobalAvgPool, &[3]),
            node(Op::Dense(weights(4, 4, 1)), &[4]),
            node(Op::ScaleChannels, &[3, 5]),
            node(Op::Conv2d(depthwise), &[6]),
            node(Op::MaxPool2d(window(2, 3, 2, 2)), &[7]),
            node(Op::AvgPool2d(window(1, 2, 3, 1)), &[8]),
            node(Op::Flatten, &[9]),
            node(Op::Dense(weights(8, 7, 1)), &[10]),
        ],
    }
}

#[test]
fn shapes_and_costs_are_those_worked_out_by_hand() {
    let map = |channels, height, width| Shape::Map {
        channels,
        height,
        width,
    };
    let network = example();
    assert_eq!(
        network.shapes(),
        Ok(vec![
            map(1, 12, 10),
            map(4, 12, 10),
            map(4, 12, 10),
            map(4, 12, 10),
            Shape::Vector(4),
            Shape::Vector(4),
            map(4, 12, 10),
            map(4, 6, 8),
            map(4, 3, 3),
            map(4, 1, 2),
            Shape::Vector(8),
            Shape::Vector(7),
        ])
    );
    assert_eq!(network.validate(), Ok(()));
    assert_eq!(
        network.parameters(),
        (9 + 1) * 4 + (36 + 1) * 4 + (4 + 1) * 4 + (15 + 1) * 4 + (8 + 1) * 7
    );
    assert_eq!(
        network.macs(),
        Ok(9 * 480 + 36 * 480 + 16 + 15 * 4 * 48 + 56)
    );
}

/// A change to the example, and what validating it must say.
type Fault = (&'static str, fn(&mut Network<'static>), NetworkError);

fn change_conv(network: &mut Network<'static>, node: usize, change: impl Fn(&mut Conv2d<'static>)) {
    match &mut network.nodes[node].op {
        Op::Conv2d(conv) => change(conv),
        other => panic!("node {node} is {other:?}"),
    }
}

fn refused(faults: &[Fault]) {
    for (name, change, error) in faults {
        let mut network = example();
        change(&mut network);
        assert_eq!(network.validate(), Err(*error), "{name}");
    }
}

#[test]
fn each_impossible_graph_has_its_error() {
    refused(&[
        ("no node", |n| n.nodes.clear(), NetworkError::NoNode),
        (
            "257 nodes",
            |n| n.nodes = vec![node(Op::GlobalAvgPool, &[0]); MAX_NODES + 1],
            NetworkError::TooManyNodes,
        ),
        (
            "no input row",
            |n| n.input[1] = 0,
            NetworkError::EmptyInput([1, 0, 10]),
        ),
        (
            "one summand",
            |n| n.nodes[2].inputs = [1].into_iter().collect(),
            NetworkError::InputCount {
                node: 2,
                expected: 2,
                actual: 1,
            },
        ),
        (
            "no input",
            |n| n.nodes[0].inputs.clear(),
            NetworkError::InputCount {
                node: 0,
                expected: 1,
                actual: 0,
            },
        ),
        (
            "its own output",
            |n| n.nodes[1].inputs = [2].into_iter().collect(),
            NetworkError::InputOrder { node: 1, value: 2 },
        ),
        (
            "no such value",
            |n| n.nodes[10].inputs = [u16::MAX].into_iter().collect(),
            NetworkError::InputOrder {
                node: 10,
                value: u16::MAX,
            },
        ),
        (
            "unequal summands",
            |n| n.nodes[2].inputs = [0, 1].into_iter().collect(),
            NetworkError::ShapeMismatch { node: 2 },
        ),
        (
            "scale of another length",
            |n| n.nodes[5].inputs = [0, 5].into_iter().collect(),
            NetworkError::ShapeMismatch { node: 5 },
        ),
        (
            "dense over a map",
            |n| n.nodes[10].inputs = [9].into_iter().collect(),
            NetworkError::ShapeMismatch { node: 10 },
        ),
        (
            "dense of another width",
            |n| n.nodes[4].op = Op::Dense(weights(5, 4, 1)),
            NetworkError::ShapeMismatch { node: 4 },
        ),
        (
            "dense without outputs",
            |n| n.nodes[10].op = Op::Dense(weights(8, 0, 1)),
            NetworkError::ShapeMismatch { node: 10 },
        ),
        (
            "pool of a vector",
            |n| n.nodes[3].inputs = [0].into_iter().collect(),
            NetworkError::ShapeMismatch { node: 4 },
        ),
        (
            "activation scale",
            |n| {
                n.nodes[3].output_quant = Some(ActivationQuant {
                    scale: -0.5,
                    zero_point: 0,
                });
            },
            NetworkError::ActivationScale { node: 3 },
        ),
    ]);
}

#[test]
fn each_impossible_geometry_has_its_error() {
    refused(&[
        (
            "kernel of zero",
            |n| change_conv(n, 0, |c| c.kernel = [3, 0]),
            NetworkError::ZeroGeometry { node: 0 },
        ),
        (
            "stride of zero",
            |n| change_conv(n, 0, |c| c.stride = [0, 1]),
            NetworkError::ZeroGeometry { node: 0 },
        ),
        (
            "no groups",
            |n| change_conv(n, 1, |c| c.groups = 0),
            NetworkError::ZeroGeometry { node: 1 },
        ),
        (
            "no output channel",
            |n| change_conv(n, 0, |c| c.weights.outputs = 0),
            NetworkError::ZeroGeometry { node: 0 },
        ),
        (
            "window of zero",
            |n| n.nodes[7].op = Op::MaxPool2d(window(0, 1, 1, 1)),
            NetworkError::ZeroGeometry { node: 7 },
        ),
        (
            "padding of a kernel",
            |n| {
                change_conv(n, 0, |c| {
                    c.padding = [1, 1, 3, 1];
                    c.stride = [2, 1];
                });
            },
            NetworkError::Padding { node: 0 },
        ),
        (
            "groups that do not divide",
            |n| change_conv(n, 1, |c| c.groups = 3),
            NetworkError::Groups { node: 1 },
        ),
        (
            "groups that do not divide the outputs",
            |n| change_conv(n, 6, |c| c.weights.outputs = 6),
            NetworkError::Groups { node: 6 },
        ),
        (
            "channels of other weights",
            |n| change_conv(n, 1, |c| c.groups = 2),
            NetworkError::ShapeMismatch { node: 1 },
        ),
        (
            "window beyond its input",
            |n| n.nodes[8].op = Op::AvgPool2d(window(1, 4, 1, 1)),
            NetworkError::WindowTooLarge { node: 8 },
        ),
    ]);
}

#[test]
fn limits_stop_oversized_networks() {
    let nodes = |count: u16, inputs: u16, outputs: u16| -> Vec<Node<'static>> {
        let declared = |inputs| Conv2d {
            kernel: [255, 255],
            padding: [127; 4],
            weights: Weights {
                inputs,
                outputs,
                ..weights(1, 1, 1)
            },
            ..conv(1, 1)
        };
        (0..count)
            .map(|i| {
                let inputs = if i == 0 { inputs } else { outputs };
                node(Op::Conv2d(declared(inputs)), &[i])
            })
            .collect()
    };
    let network = |input, nodes| Network { input, nodes };
    assert_eq!(
        network([2, 1024, 1024], nodes(1, 2, 1)).validate(),
        Err(NetworkError::ValueTooLarge {
            value: 0,
            len: 2 << 20
        })
    );
    assert_eq!(
        network([1, 1024, 1024], nodes(1, 1, 2)).validate(),
        Err(NetworkError::ValueTooLarge {
            value: 1,
            len: 2 << 20
        })
    );
    assert_eq!(
        network([u16::MAX; 3], nodes(1, u16::MAX, 1)).validate(),
        Err(NetworkError::ValueTooLarge {
            value: 0,
            len: u64::from(u16::MAX).pow(3)
        })
    );
    let many = network([64, 1, 1], nodes(2, 64, 64));
    assert_eq!(many.parameters(), 2 * 64 * (64 * 255 * 255 + 1));
    assert_eq!(
        many.validate(),
        Err(NetworkError::TooManyParameters(many.parameters()))
    );
    let busy = network([1, 512, 512], nodes(1, 1, 1));
    assert_eq!(
        busy.validate(),
        Err(NetworkError::TooManyMacs(255 * 255 * 512 * 512))
    );
    // Declared costs add up without overflow.
    let most = network([1, 1, 1], nodes(256, u16::MAX, u16::MAX));
    assert!(most.parameters() > 1 << 50);
}
