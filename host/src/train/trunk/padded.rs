//! Room around a picture, so that taps beside it read zeros.

/// A picture with a border of zeros, in words.
#[derive(Clone, Copy)]
pub struct Padded {
    /// Height and width without border.
    pub size: [usize; 2],
    /// Rows and columns of the border.
    pub padding: usize,
    /// Words of a position.
    pub words: usize,
}

impl Padded {
    /// Width with border.
    pub fn width(&self) -> usize {
        self.size[1] + 2 * self.padding
    }

    /// Words with border.
    pub fn len(&self) -> usize {
        (self.size[0] + 2 * self.padding) * self.width() * self.words
    }

    /// Where row `y` without border starts.
    pub fn row(&self, y: usize) -> usize {
        ((y + self.padding) * self.width() + self.padding) * self.words
    }

    /// Copies a picture inside the border.
    pub fn fill(&self, x: &[u32], to: &mut [u32]) {
        let len = self.size[1] * self.words;
        for (y, x) in x.chunks_exact(len).enumerate() {
            to[self.row(y)..][..len].copy_from_slice(x);
        }
    }
}
