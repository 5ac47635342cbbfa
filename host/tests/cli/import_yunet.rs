//! `mien import yunet`.

use std::fs;

use crate::failure;
use crate::made::write;

/// An ONNX file without weights: IR version 6, a graph with one ReLU from `input` to `output`,
/// operator set 11.
const FOREIGN: &[u8] = b"\x08\x06:*\x0a\x15\x0a\x05input\x12\x06output\"\x04Re\
    luZ\x07\x0a\x05inputb\x08\x0a\x06outputB\x02\x10\x0b";

#[test]
fn another_network_is_refused_and_the_old_model_kept() {
    let folder = tempfile::tempdir().unwrap();
    let out = write(folder.path(), "kept.postcard", "old");
    let fail = |content: &[u8]| {
        let onnx = write(folder.path(), "other.onnx", content);
        failure([
            "import".as_ref(),
            "yunet".as_ref(),
            onnx.as_os_str(),
            "--out".as_ref(),
            out.as_os_str(),
        ])
    };
    let message = fail(FOREIGN);
    assert!(
        message.contains("other.onnx: this is no YuNet face detector")
            && message.contains("expected cls, obj, bbox and kps")
            && message.contains("found output"),
        "{message}"
    );
    let message = fail(&FOREIGN[..20]);
    assert!(message.contains("damaged or cut off"), "{message}");
    let message = fail(&vec![0; 1 << 20]);
    assert!(
        message.contains("a YuNet has at most 524288 bytes"),
        "{message}"
    );
    assert_eq!(fs::read(&out).unwrap(), b"old");
}
