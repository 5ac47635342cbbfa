//! Against the `f32` kernels, which are checked against the stock operations.

use super::super::conv as exact;
use super::image::pair;
use super::tile::{self, Left, ROWS, Size};
use super::*;
use crate::train::ops::ConvGeometry;

/// Repeatable values that bfloat16 holds exactly, so that only the order of sums differs.
fn values(len: usize, seed: usize) -> Vec<f32> {
    (0..len)
        .map(|i| ((i * 37 + seed * 101) % 61) as f32 / 32.0 - 0.9375)
        .collect()
}

fn close(name: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{name}");
    let scale = want.iter().fold(0f32, |m, v| m.max(v.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!(
            (got - want).abs() <= 1e-5 * scale,
            "{name} {i}: {got} {want}"
        );
    }
}

#[test]
fn equals_the_f32_convolution() {
    for (n, inputs, outputs, size, kernel, stride, padding) in [
        (3, 4, 8, [6, 6], 3, 1, 1),
        (9, 6, 10, [12, 12], 3, 2, 1),
        (2, 2, 17, [7, 9], 3, 2, 1),
        (1, 16, 50, [24, 24], 3, 1, 1),
        (5, 8, 16, [12, 12], 1, 2, 0),
        (2, 4, 4, [11, 11], 5, 2, 2),
        (2, 3, 4, [8, 8], 3, 1, 0),
        (1, 2, 3, [48, 48], 3, 1, 1),
        (33, 2, 65, [3, 3], 3, 1, 1),
    ] {
        let geometry = ConvGeometry { stride, padding };
        let q = ConvShape::new(
            [n, inputs, size[0], size[1]],
            [outputs, inputs, kernel, kernel],
            geometry,
        );
        let name = format!("{q:?}");
        let x = values(n * inputs * size[0] * size[1], 1);
        let w = values(outputs * inputs * kernel * kernel, 2);
        let dy = values(n * outputs * q.out[0] * q.out[1], 3);
        close(&name, &conv(&x, &w, &q), &exact::conv(&x, &w, q));
        let [dx, dw] = exact::conv_backward(&x, &w, &dy, q, [true, true]);
        close(
            &name,
            &conv_backward_x(&w, &dy, &q),
            &dx.unwrap_or_default(),
        );
        close(
            &name,
            &conv_backward_w(&x, &dy, &q),
            &dw.unwrap_or_default(),
        );
    }
}

#[test]
fn vectors_equal_the_scalar_twin() {
    let pairs = |len: usize, seed| -> Vec<u32> {
        values(2 * len, seed)
            .chunks(2)
            .map(|v| pair(v[0] * 1.01, v[1]))
            .collect()
    };
    for (rows, columns, depth) in [(8, 16, 1), (16, 48, 7), (8, 80, 33), (24, 112, 5)] {
        let size = Size {
            rows,
            columns,
            pairs: depth,
        };
        let (a, b) = (pairs(rows * depth, 4), pairs(columns * depth, 5));
        for left in [
            Left {
                data: &a,
                block: ROWS * depth,
                row: 1,
                pair: ROWS,
            },
            Left {
                data: &a,
                block: ROWS * depth,
                row: depth,
                pair: 1,
            },
        ] {
            let (mut got, mut want) = (vec![1f32; rows * columns], vec![1f32; rows * columns]);
            for accumulate in [false, true] {
                tile::product(size, left, &b, &mut got, columns, accumulate);
                tile::scalar(size, left, &b, &mut want, columns, accumulate);
                close("tile", &got, &want);
            }
        }
    }
}

#[test]
fn a_stray_nan_is_not_hidden() {
    let q = ConvShape::new(
        [1, 2, 4, 4],
        [2, 2, 3, 3],
        ConvGeometry {
            stride: 1,
            padding: 1,
        },
    );
    let mut x = values(32, 1);
    x[5] = f32::NAN;
    assert!(conv(&x, &values(36, 2), &q).iter().any(|v| v.is_nan()));
}
