//! Memory for intermediate values, kept per thread.

use std::cell::RefCell;

use bytemuck::Pod;

thread_local! {
    static SCRATCH: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f` on a per-thread buffer of `len` values of 32 bits with unspecified content.
pub fn with_scratch<T: Pod, R>(len: usize, f: impl FnOnce(&mut [T]) -> R) -> R {
    const { assert!(size_of::<T>() == 4) };
    let mut buffer = SCRATCH.take();
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
    let result = f(bytemuck::cast_slice_mut(&mut buffer[..len]));
    SCRATCH.set(buffer);
    result
}
