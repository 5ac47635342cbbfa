//! Weights as numbers, and the faults they can have.

use mien_models::network::{Network, NetworkError, Op, Values, Weights, WeightsError};

use super::{BYTES, ONES, change_conv, refused, weights};

#[test]
fn weights_are_dequantized_per_output() {
    let scales: Vec<u8> = [0.5_f32, 2.0]
        .iter()
        .flat_map(|s| s.to_le_bytes())
        .collect();
    let bias: Vec<u8> = [1.5_f32, -3.0]
        .iter()
        .flat_map(|s| s.to_le_bytes())
        .collect();
    let mut weights = Weights {
        inputs: 3,
        outputs: 2,
        values: Values::I8 {
            values: &[1, 2, 0xFF, 127, 0x80, 0],
            scales: &scales,
        },
        bias: &bias,
    };
    assert_eq!(weights.to_f32(), [0.5, 1.0, -0.5, 254.0, -256.0, 0.0]);
    assert_eq!(weights.bias_f32(), [1.5, -3.0]);
    weights.values = Values::F32(&bias);
    assert_eq!(weights.to_f32(), [1.5, -3.0]);
}

#[test]
fn unvalidated_weights_come_out_short_not_wrong() {
    let mut odd = weights(3, 4, 1);
    odd.values = Values::I8 {
        values: &BYTES[..3],
        scales: &[],
    };
    assert!(odd.to_f32().is_empty());
    odd.outputs = 0;
    odd.bias = &ONES[..7];
    assert!(odd.to_f32().is_empty());
    assert_eq!(odd.bias_f32().len(), 1);
}

#[test]
fn each_fault_of_the_weights_has_its_error() {
    fn weights_of<'n>(network: &'n mut Network<'static>, node: usize) -> &'n mut Weights<'static> {
        match &mut network.nodes[node].op {
            Op::Conv2d(conv) => &mut conv.weights,
            Op::Dense(weights) => weights,
            other => panic!("node {node} is {other:?}"),
        }
    }
    let fault = |node, source| NetworkError::Weights { node, source };
    static NAN: [u8; 16] = [0xFF; 16];
    static ZERO: [u8; 16] = [0; 16];
    refused(&[
        (
            "one coefficient short",
            |n| {
                weights_of(n, 1).values = Values::I8 {
                    values: &BYTES[..143],
                    scales: &ONES[..16],
                }
            },
            fault(
                1,
                WeightsError::ValuesLength {
                    expected: 144,
                    actual: 143,
                },
            ),
        ),
        (
            "f32 coefficients too many",
            |n| weights_of(n, 4).values = Values::F32(&ONES[..68]),
            fault(
                4,
                WeightsError::ValuesLength {
                    expected: 64,
                    actual: 68,
                },
            ),
        ),
        (
            "NaN coefficient",
            |n| {
                change_conv(n, 0, |c| {
                    c.kernel = [1, 1];
                    c.padding = [0; 4];
                    c.weights.values = Values::F32(&NAN);
                });
            },
            fault(0, WeightsError::Value { index: 0 }),
        ),
        (
            "scales short",
            |n| {
                weights_of(n, 4).values = Values::I8 {
                    values: &BYTES[..16],
                    scales: &ONES[..12],
                }
            },
            fault(
                4,
                WeightsError::ScalesLength {
                    expected: 16,
                    actual: 12,
                },
            ),
        ),
        (
            "scale of zero",
            |n| {
                weights_of(n, 4).values = Values::I8 {
                    values: &BYTES[..16],
                    scales: &ZERO,
                }
            },
            fault(4, WeightsError::Scale { output: 0 }),
        ),
        (
            "scale NaN",
            |n| {
                weights_of(n, 4).values = Values::I8 {
                    values: &BYTES[..16],
                    scales: &NAN,
                }
            },
            fault(4, WeightsError::Scale { output: 0 }),
        ),
        (
            "bias long",
            |n| weights_of(n, 6).bias = &ONES[..17],
            fault(
                6,
                WeightsError::BiasLength {
                    expected: 16,
                    actual: 17,
                },
            ),
        ),
        (
            "bias NaN",
            |n| weights_of(n, 6).bias = &NAN,
            fault(6, WeightsError::Bias { output: 0 }),
        ),
    ]);
}
