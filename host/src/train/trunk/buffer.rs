//! Memory that is used again from step to step: maps of a training step are large, and fresh memory
//! would be cleared by the system every time.

use std::sync::{Mutex, PoisonError};

static FREE: Mutex<Vec<Vec<u32>>> = Mutex::new(Vec::new());

/// Values of 16 bits, an even number of them, aligned to 32 bits. Dropping it keeps the memory for
/// the next one.
#[derive(Debug)]
pub struct Buffer {
    words: Vec<u32>,
    /// Words in use.
    len: usize,
}

impl Buffer {
    /// Room for `values` values of unspecified content.
    ///
    /// # Panics
    /// When `values` is odd.
    pub fn new(values: usize) -> Self {
        assert!(values.is_multiple_of(2));
        let len = values / 2;
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |i: &usize| free[*i].len() >= len;
        let smallest = (0..free.len()).filter(fits).min_by_key(|i| free[*i].len());
        let words = match smallest {
            // More than twice as long: somebody else needs it.
            Some(i) if free[i].len() <= 2 * len + 1024 => free.swap_remove(i),
            _ => {
                // What is too small for this will hardly be used again: sizes only grow.
                if let Some(i) = (0..free.len()).max_by_key(|i| free[*i].len())
                    && free[i].len() < len
                {
                    free.swap_remove(i);
                }
                drop(free);
                vec![0; len]
            }
        };
        Self { words, len }
    }

    /// The values.
    pub fn values(&self) -> &[u16] {
        bytemuck::cast_slice(&self.words[..self.len])
    }

    /// The values.
    pub fn values_mut(&mut self) -> &mut [u16] {
        bytemuck::cast_slice_mut(&mut self.words[..self.len])
    }

    /// Neighbouring values as pairs, the first in the low half on little-endian machines.
    pub fn pairs(&self) -> &[u32] {
        &self.words[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let words = std::mem::take(&mut self.words);
        FREE.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_what_was_asked_for() {
        for values in [2, 4096, 6, 5000, 4096] {
            let mut buffer = Buffer::new(values);
            buffer.values_mut().fill(values as u16);
            assert_eq!(buffer.values().len(), values);
            assert_eq!(buffer.pairs().len(), values / 2);
            assert!(buffer.values().iter().all(|v| *v == values as u16));
        }
    }
}
