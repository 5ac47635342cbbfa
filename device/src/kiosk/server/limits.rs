//! What clients may use, so that no number of them costs the device its memory or its pace.

use std::time::Duration;

use tokio::net::TcpStream;

/// Limits per listening address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; one more is answered 503.
    pub connections: usize,
    /// Time for a request's header, also the time a connection may be idle.
    pub header_timeout: Duration,
    /// Time from a request's header to its answer's.
    pub request_timeout: Duration,
    /// Time that an export may take. While it reads, the database cannot be tidied, and no client
    /// that takes a byte now and then may keep it from that for ever.
    pub export_timeout: Duration,
    /// Time after which a client that takes nothing of what it is sent is given up.
    pub stall_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(15),
            export_timeout: Duration::from_secs(300),
            stall_timeout: Duration::from_secs(60),
        }
    }
}

/// Largest header, bytes: what is read at once.
pub const HEADER_BYTES: usize = 16 << 10;
/// Most header lines.
pub const HEADER_LINES: usize = 64;
/// Largest body, bytes: a token in a form.
pub const BODY_BYTES: usize = 1 << 10;
/// What the system keeps for a client that is slow, bytes. Its own default grows to megabytes.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// Applies the limits that the system keeps. Without them the connection works all the same.
pub fn tune(stream: &TcpStream, limits: &Limits) {
    use rustix::net::sockopt;
    let _ = stream.set_nodelay(true);
    let _ = sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER_BYTES);
    #[cfg(target_os = "linux")]
    {
        let stall_ms = u32::try_from(limits.stall_timeout.as_millis()).unwrap_or(u32::MAX);
        let _ = sockopt::set_tcp_user_timeout(stream, stall_ms);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = limits;
}
