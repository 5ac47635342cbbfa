//! Feature maps in bfloat16, channels last.

use super::buffer::Buffer;

/// `f32` of a bfloat16.
#[inline(always)]
pub fn widen(value: u16) -> f32 {
    f32::from_bits(u32::from(value) << 16)
}

/// Nearest bfloat16, ties to even; NaN stays NaN.
#[inline(always)]
pub fn narrow(value: f32) -> u16 {
    // Without branches, so that it is vectorized.
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
    ((if value.is_nan() {
        bits | 0x40_0000
    } else {
        rounded
    }) >> 16) as u16
}

/// Two values as one pair, the first in the low half.
#[inline(always)]
pub fn pair(first: u16, second: u16) -> u32 {
    u32::from(first) | (u32::from(second) << 16)
}

/// Size of the maps of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pictures.
    pub n: usize,
    /// Height and width.
    pub size: [usize; 2],
    /// Channels, an even number.
    pub channels: usize,
}

impl Shape {
    /// Positions of one picture.
    pub fn positions(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Values of one picture.
    pub fn picture(&self) -> usize {
        self.positions() * self.channels
    }
}

/// Maps of a batch: `[N, H, W, C]` bfloat16, row-major.
#[derive(Debug)]
pub struct Map {
    /// Its size.
    pub shape: Shape,
    /// Its values.
    pub data: Buffer,
}

impl Map {
    /// Maps of unspecified content.
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            data: Buffer::new(shape.n * shape.picture()),
        }
    }

    /// From `[N, C, H, W]`; with an odd number of channels a zero channel is appended.
    pub fn from_planes(x: &[f32], [n, channels, height, width]: [usize; 4]) -> Self {
        let mut map = Self::new(Shape {
            n,
            size: [height, width],
            channels: channels.next_multiple_of(2),
        });
        let (shape, plane) = (map.shape, height * width);
        let pictures = map.data.values_mut().chunks_exact_mut(shape.picture());
        for (to, x) in pictures.zip(x.chunks_exact(channels * plane)) {
            for (position, to) in to.chunks_exact_mut(shape.channels).enumerate() {
                for (c, to) in to.iter_mut().enumerate() {
                    *to = if c < channels {
                        narrow(x[c * plane + position])
                    } else {
                        0
                    };
                }
            }
        }
        map
    }

    /// To `[N, C, H, W]`.
    pub fn to_planes(&self) -> Vec<f32> {
        let (shape, plane) = (self.shape, self.shape.positions());
        let mut x = vec![0f32; shape.n * shape.picture()];
        let pictures = x.chunks_exact_mut(shape.picture());
        for (to, from) in pictures.zip(self.data.values().chunks_exact(shape.picture())) {
            for (position, from) in from.chunks_exact(shape.channels).enumerate() {
                for (c, from) in from.iter().enumerate() {
                    to[c * plane + position] = widen(*from);
                }
            }
        }
        x
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
            assert_eq!(narrow(value), bits, "{value}");
        }
        assert!(widen(narrow(f32::NAN)).is_nan());
        assert!(widen(narrow(f32::from_bits(0x7fff_ffff))).is_nan());
    }

    #[test]
    fn planes_come_back_and_an_odd_channel_gets_a_zero_beside_it() {
        let x: Vec<f32> = (0..2 * 3 * 2 * 2).map(|v| v as f32).collect();
        let map = Map::from_planes(&x, [2, 3, 2, 2]);
        assert_eq!(map.shape.channels, 4);
        let first: Vec<f32> = map.data.values()[..8].iter().map(|v| widen(*v)).collect();
        assert_eq!(first, [0.0, 4.0, 8.0, 0.0, 1.0, 5.0, 9.0, 0.0]);
        let even = Map::from_planes(&x, [3, 2, 2, 2]);
        assert_eq!(even.to_planes(), x);
    }
}
