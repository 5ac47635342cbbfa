//! A client that sends what it is told, byte by byte, and reads what comes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case, as they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A connection with a deadline: no test waits for ever.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

/// Sends `request` as it is and reads one answer.
pub fn send(address: SocketAddr, request: &str) -> Answer {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    read(&mut BufReader::new(stream))
}

/// Reads the head of an answer.
pub fn read_head(from: &mut BufReader<TcpStream>) -> Answer {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no answer: {line:?}"));
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    Answer {
        status,
        headers,
        body: Vec::new(),
    }
}

/// Asks and reads the head of the answer alone.
pub fn get_head(address: SocketAddr, path: &str) -> Answer {
    let mut stream = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    read_head(&mut BufReader::new(stream))
}

fn read(from: &mut BufReader<TcpStream>) -> Answer {
    let mut answer = read_head(from);
    if let Some(length) = answer.header("content-length") {
        answer.body = vec![0; length.parse().unwrap()];
        from.read_exact(&mut answer.body).unwrap();
    }
    answer
}

/// `GET path` with more header lines.
pub fn get_with(address: SocketAddr, path: &str, headers: &[&str]) -> Answer {
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    send(address, &format!("{request}\r\n"))
}

/// `GET path`.
pub fn get(address: SocketAddr, path: &str) -> Answer {
    get_with(address, path, &[])
}

/// `POST path` with a form.
pub fn post(address: SocketAddr, path: &str, form: &str, headers: &[&str]) -> Answer {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n",
        form.len()
    );
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    send(address, &format!("{request}\r\n{form}"))
}

/// Server-sent events as they come.
pub struct Events(BufReader<TcpStream>);

impl Events {
    pub fn open(address: SocketAddr) -> Self {
        let mut stream = connect(address);
        let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let head = read_head(&mut reader);
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        Self(reader)
    }

    /// Name and data of the next event; `None` when the server has closed.
    pub fn next(&mut self) -> Option<(String, Value)> {
        let (mut name, mut data) = (None, None);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // Chunk sizes and blank lines are none of a field.
            match line.trim_end().split_once(": ") {
                Some(("event", value)) => name = Some(value.to_owned()),
                Some(("data", value)) => data = Some(serde_json::from_str(value).unwrap()),
                _ => {}
            }
            if let (Some(name), Some(data)) = (&name, &data) {
                return Some((name.clone(), Value::clone(data)));
            }
        }
    }

    /// The next event with this name.
    pub fn wait(&mut self, wanted: &str) -> Value {
        loop {
            let (name, data) = self.next().expect("the server closed");
            if name == wanted {
                return data;
            }
        }
    }
}
