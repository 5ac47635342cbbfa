//! What a hostile ONNX file costs. Alone in its binary, as it counts every allocation.

use mien_host::import::yunet::{MAX_FILE_BYTES, parse};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Whatever is in the largest file that is read.
const MOST_HEAP_BYTES: usize = 128 << 20;

/// A message of ONNX with a field that holds messages or bytes.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut message = vec![tag << 3 | 2];
    let mut length = content.len();
    while length > 127 {
        message.push(length as u8 | 128);
        length >>= 7;
    }
    message.push(length as u8);
    message.extend_from_slice(content);
    message
}

/// A file with this graph, of IR version 6 and operator set 11.
fn model(graph: &[u8]) -> Vec<u8> {
    [vec![8, 6], field(8, &[16, 11]), field(7, graph)].concat()
}

/// As many empty messages as fit into a file.
fn empty(tag: u8) -> Vec<u8> {
    [tag << 3 | 2, 0].repeat(MAX_FILE_BYTES as usize / 2 - 16)
}

#[test]
fn the_largest_files_are_refused_in_bounded_memory() {
    // A tensor of 2^63 - 1 values a side that holds none.
    let sides = [&[8][..], &[255; 8], &[127]].concat().repeat(4);
    let huge = field(5, &[sides, field(8, b"stem.kernel")].concat());
    let files = [
        ("nodes", model(&empty(1))),
        ("inputs of a node", model(&field(1, &empty(1)))),
        ("attributes of a node", model(&field(1, &empty(5)))),
        ("tensors", model(&empty(5))),
        ("outputs", model(&empty(12))),
        (
            "sides of a tensor",
            model(&field(5, &field(1, &vec![1; 1 << 18]))),
        ),
        ("a tensor's sides", model(&huge)),
        (
            "depth",
            (0..2000).fold(Vec::new(), |inner, _| field(5, &inner)),
        ),
    ];
    for (name, file) in files {
        assert!(file.len() as u64 <= MAX_FILE_BYTES, "{name}");
        HEAP.reset_peak_usage();
        let before = HEAP.current_usage();
        let error = parse(&file).err();
        let used = HEAP.peak_usage() - before;
        println!("{name}: {} KiB of heap, {error:?}", used >> 10);
        assert!(error.is_some(), "{name}");
        assert!(used <= MOST_HEAP_BYTES, "{name}: {used} bytes");
    }
}
