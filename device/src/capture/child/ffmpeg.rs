//! Video files and network streams, decoded by a child `ffmpeg`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// The program.
const PROGRAM: &str = "ffmpeg";

/// `ffmpeg` that writes the gray frames of `input`, a file or an address, as YUV4MPEG2. Pictures
/// wider than `max_width` pixels are reduced to it.
pub fn command(input: &Path, max_width: u32) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["-hide_banner", "-loglevel", "error", "-nostdin"]);
    if is_rtsp(input) {
        // Lost packets tear pictures; a kiosk's network has room for the few more bytes.
        command.args(["-rtsp_transport", "tcp"]);
    }
    let scale = format!("scale='min({max_width},iw)':-2");
    command
        .arg("-i")
        .arg(argument(input))
        .args(["-map", "0:v:0", "-vf", &scale, "-pix_fmt", "gray"])
        .args(["-f", "yuv4mpegpipe", "-strict", "-1", "pipe:1"]);
    command
}

/// Whether `input` is an address and not a file: it then goes on for ever.
pub fn is_address(input: &Path) -> bool {
    let text = input.to_string_lossy();
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

fn is_rtsp(input: &Path) -> bool {
    is_address(input) && input.to_string_lossy().starts_with("rtsp")
}

/// A file's name must not be taken for a protocol (`a:b.mp4`) or an option (`-x.mp4`).
fn argument(input: &Path) -> OsString {
    if is_address(input) {
        return input.as_os_str().to_owned();
    }
    let mut argument = OsString::from("file:");
    argument.push(input);
    argument
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input_of(text: &str) -> String {
        let command = command(Path::new(text), 640);
        let arguments: Vec<_> = command.get_args().collect();
        let at = arguments.iter().position(|a| *a == "-i").unwrap();
        arguments[at + 1].to_string_lossy().into_owned()
    }

    #[test]
    fn files_are_files_whatever_their_name() {
        assert_eq!(input_of("a.mp4"), "file:a.mp4");
        assert_eq!(input_of("-y.mp4"), "file:-y.mp4");
        assert_eq!(input_of("concat:a.mp4"), "file:concat:a.mp4");
        assert_eq!(input_of("rtsp://camera/1"), "rtsp://camera/1");
        assert!(!is_address(Path::new("/a://b")));
        assert!(is_address(Path::new("http://host/stream")));
    }

    #[test]
    fn rtsp_goes_over_tcp() {
        let has_tcp = |input| {
            let command = command(Path::new(input), 640);
            command.get_args().any(|argument| argument == "tcp")
        };
        assert!(has_tcp("rtsp://camera/1") && !has_tcp("http://camera/1") && !has_tcp("rtsp.mp4x"));
    }
}
