//! What reading a hostile file costs. Alone in its binary, as it counts every allocation.

#[path = "contract/file.rs"]
mod file;

use file::seal;
use mien_models::ExpressionModel;
use mien_models::container::{FormatError, Payload, decode};
use mien_models::expression_model::ExpressionModelError;
use mien_models::network::NetworkError;
use mien_models::procedural::test_model;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Bounds the lists that decoding builds, whatever the file's size.
const MOST_HEAP_BYTES: usize = 256 * 1024;

fn heap_used(file: &[u8]) -> (usize, Option<FormatError>) {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let error = decode::<ExpressionModel>(file).err();
    (HEAP.peak_usage() - before, error)
}

#[test]
fn decoding_is_cheap_whatever_the_file_says() {
    let largest = ExpressionModel::MAX_PAYLOAD_BYTES;
    let model = test_model();

    // Everything up to the number of nodes as in a valid file, then nodes without end: four
    // bytes each in the file, thirty times that in memory.
    let mut front = postcard::to_allocvec(&model.preprocessing).expect("memory suffices");
    front.extend(postcard::to_allocvec(&model.labels).expect("memory suffices"));
    front.extend([1, 48, 48]);
    let pool = postcard::to_allocvec(&model.network.nodes[1]).expect("memory suffices");
    let count = (largest - front.len() - 100) / pool.len();
    let mut nodes = front.clone();
    nodes.extend(postcard::to_allocvec(&count).expect("memory suffices"));
    nodes.extend(pool.iter().cycle().take(count * pool.len()));
    let network_end = nodes.len();
    // Temperature, no golden inputs, an empty card.
    nodes.extend([0, 0, 0x80, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(network_end > 8_000_000);
    let mut declared_only = front;
    declared_only.extend([0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);

    // Reading it once tells the id that the network has.
    let id = postcard::from_bytes::<ExpressionModel>(&nodes)
        .expect("well-formed")
        .model_id();
    let (used, error) = heap_used(&seal::<ExpressionModel>(&nodes, id));
    assert_eq!(
        error,
        Some(ExpressionModelError::Network(NetworkError::TooManyNodes).into())
    );
    assert!(used <= MOST_HEAP_BYTES, "{used} bytes for endless nodes");

    for (name, payload) in [
        ("nothing but a length", declared_only),
        ("zeros", vec![0; largest]),
        ("ones", vec![1; largest]),
        ("0xFF", vec![0xFF; largest]),
    ] {
        let (used, error) = heap_used(&seal::<ExpressionModel>(&payload, [0; 16]));
        assert!(error.is_some(), "{name}");
        assert!(used <= MOST_HEAP_BYTES, "{used} bytes for {name}");
    }

    // Damage that the header shows costs nothing but the hash of the schema.
    let mut too_long = seal::<ExpressionModel>(&nodes, id);
    too_long.push(0);
    let (used, error) = heap_used(&too_long);
    assert_eq!(error, Some(FormatError::TrailingBytes { extra: 1 }));
    assert_eq!(used, 0);
}
