//! Pictures, kernels and gradients as bfloat16.

/// Nearest bfloat16, ties to even; NaN stays NaN.
pub fn bf16(value: f32) -> u32 {
    // Without branches, so that it is vectorized.
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
    (if value.is_nan() {
        bits | 0x40_0000
    } else {
        rounded
    }) >> 16
}

/// Two values as one pair, the first in the low half.
pub fn pair(first: f32, second: f32) -> u32 {
    bf16(first) | (bf16(second) << 16)
}

/// Size of zero-padded pictures.
#[derive(Clone, Copy, Debug)]
pub struct Padded {
    /// Channels.
    pub channels: usize,
    /// Height and width without padding.
    pub size: [usize; 2],
    /// Zero rows and columns on every side.
    pub padding: usize,
}

impl Padded {
    /// Width with padding.
    pub fn width(&self) -> usize {
        self.size[1] + 2 * self.padding
    }

    /// Elements of one plane with padding.
    pub fn plane(&self) -> usize {
        self.width() * (self.size[0] + 2 * self.padding)
    }

    /// Planes of pairs of channels.
    pub fn pair_planes(&self) -> usize {
        self.channels.div_ceil(2)
    }

    /// Writes one picture `[C, H, W]` as `[C / 2, H + 2 P, W + 2 P]` pairs of channels.
    pub fn write_pairs(&self, x: &[f32], to: &mut [u32]) {
        let ([height, width], padding) = (self.size, self.padding);
        let zero = vec![0f32; if self.channels % 2 == 1 { width } else { 0 }];
        to.fill(0);
        for (p, plane) in to.chunks_exact_mut(self.plane()).enumerate() {
            for y in 0..height {
                let row = |c: usize| &x[(c * height + y) * width..][..width];
                let second = if 2 * p + 1 < self.channels {
                    row(2 * p + 1)
                } else {
                    &zero
                };
                let to = &mut plane[(y + padding) * self.width() + padding..][..width];
                for ((to, a), b) in to.iter_mut().zip(row(2 * p)).zip(second) {
                    *to = pair(*a, *b);
                }
            }
        }
    }

    /// Writes one picture `[C, H, W]` as `[C, H + 2 P, W + 2 P]` single values.
    pub fn write_singles(&self, x: &[f32], to: &mut [u16]) {
        let ([height, width], padding) = (self.size, self.padding);
        to.fill(0);
        for (plane, x) in to
            .chunks_exact_mut(self.plane())
            .zip(x.chunks_exact(height * width))
        {
            for (y, x) in x.chunks_exact(width).enumerate() {
                let to = &mut plane[(y + padding) * self.width() + padding..][..width];
                for (to, x) in to.iter_mut().zip(x) {
                    *to = bf16(*x) as u16;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_nearest_even() {
        for (value, bits) in [
            (1.0, 0x3f80),
            (1.0 + 1.0 / 256.0, 0x3f80),
            (1.0 + 3.0 / 256.0, 0x3f82),
            (-2.0, 0xc000),
            (f32::INFINITY, 0x7f80),
            (0.0, 0),
        ] {
            assert_eq!(bf16(value), bits, "{value}");
        }
        assert!(f32::from_bits(bf16(f32::NAN) << 16).is_nan());
        assert!(f32::from_bits(bf16(f32::from_bits(0x7fff_ffff)) << 16).is_nan());
    }

    #[test]
    fn padding_is_zero_and_pairs_hold_neighbouring_channels() {
        let padded = Padded {
            channels: 3,
            size: [1, 2],
            padding: 1,
        };
        let mut to = vec![7; 2 * padded.plane()];
        padded.write_pairs(&[1.0, 2.0, -1.0, -2.0, 4.0, 8.0], &mut to);
        let one = [
            0,
            0,
            0,
            0,
            0,
            pair(1.0, -1.0),
            pair(2.0, -2.0),
            0,
            0,
            0,
            0,
            0,
        ];
        let two = [0, 0, 0, 0, 0, pair(4.0, 0.0), pair(8.0, 0.0), 0, 0, 0, 0, 0];
        assert_eq!(to, [one, two].concat());
    }
}
