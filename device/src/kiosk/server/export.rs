//! The counts as a file, for the owner: streamed as they are read, never all in memory.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use jiff::tz::TimeZone;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Site;
use crate::counter::export::{self, By, ExportError, Format};
use crate::counter::range::{self, End};
use crate::counter::store::{Span, StoreError};

/// What is read ahead of a client, in pieces of [`PIECE_BYTES`].
const PIECES: usize = 4;
const PIECE_BYTES: usize = 16 << 10;
/// A client that takes nothing for so long is given up; until then the database cannot be tidied.
const PATIENCE: Duration = Duration::from_secs(20);
/// When one that found no room may come again, seconds: one that takes nothing is given up by then.
const RETRY_S: &str = "20";
/// Exports at the same time; more wait for none.
pub const AT_ONCE: usize = 2;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    format: Option<String>,
    by: Option<String>,
    from: Option<String>,
    to: Option<String>,
    min_cell: Option<u64>,
}

impl Asked {
    /// As the exporter understands it; else one line that says what is wrong.
    fn query(&self) -> Result<(export::Query, Format), String> {
        let zone = TimeZone::system();
        let time = |text: &Option<String>, end| {
            let text = text.as_deref().filter(|text| !text.is_empty());
            text.map(|text| range::parse(text, end, &zone)).transpose()
        };
        let named = |key: &str, error: String| format!("{key}: {error}");
        let by: By = self.by.as_deref().unwrap_or("hour").parse()?;
        let format = self.format.as_deref().unwrap_or("json");
        let query = export::Query {
            span: Span {
                from: time(&self.from, End::From).map_err(|e| named("from", e))?,
                to: time(&self.to, End::To).map_err(|e| named("to", e))?,
            },
            by,
            min_cell: self.min_cell.unwrap_or(0),
            zone,
        };
        Ok((query, format.parse().map_err(|e| named("format", e))?))
    }
}

/// `mien-device export` over HTTP.
pub async fn export(State(site): State<Arc<Site>>, Query(asked): Query<Asked>) -> Response {
    let (query, format) = match asked.query() {
        Ok(query) => query,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let Some(database) = site.parts.database.clone() else {
        return (StatusCode::NOT_FOUND, "nothing is counted\n").into_response();
    };
    let Ok(slot) = Arc::clone(&site.exports).try_acquire_owned() else {
        let text = "other exports are still going on\n";
        let later = [(header::RETRY_AFTER, RETRY_S)];
        return (StatusCode::SERVICE_UNAVAILABLE, later, text).into_response();
    };
    let (to_client, mut pieces) = mpsc::channel(PIECES);
    let by = query.by;
    let end = Instant::now() + site.limits.export_timeout;
    let is_whole = Arc::new(AtomicBool::new(false));
    let to = Pieces {
        to_client,
        runtime: Handle::current(),
        end,
    };
    let told = Arc::clone(&is_whole);
    tokio::task::spawn_blocking(move || {
        let _slot = slot;
        work(database, query, format, to, &told);
    });
    // Until the first piece is there, what goes wrong still has a status of its own.
    match pieces.recv().await {
        Some(Ok(first)) => {
            let state = (Some(Ok(first)), pieces, is_whole);
            let body = unfold(state, |(first, mut pieces, is_whole)| async move {
                let piece = match first {
                    Some(first) => Some(first),
                    None => pieces.recv().await,
                };
                // Nobody takes half of the counts for all: without its end the transfer breaks off.
                let broken = || Err(io::Error::other("the export was not finished"));
                let piece = match piece {
                    None if !is_whole.swap(true, Ordering::Acquire) => broken(),
                    piece => piece?,
                };
                Some((piece, (None, pieces, is_whole)))
            });
            file(Body::from_stream(body), by, format)
        }
        Some(Err(error)) => refuse(&error),
        None => refuse(&io::Error::other("nothing was read")),
    }
}

fn file(body: Body, by: By, format: Format) -> Response {
    let by = match by {
        By::Hour => "hours",
        By::Day => "days",
        By::Visit => "visits",
    };
    let name = format!("attachment; filename=\"mien-{by}.{}\"", format.name());
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static(format.media_type());
    headers.insert(header::CONTENT_TYPE, kind);
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    response
}

fn refuse(error: &io::Error) -> Response {
    let status = match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NOT_FOUND,
        io::ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, format!("{error}\n")).into_response()
}

/// Reads and writes on a thread that may wait, and says in `is_whole` whether all was written.
fn work(
    database: PathBuf,
    query: export::Query,
    format: Format,
    pieces: Pieces,
    is_whole: &AtomicBool,
) {
    let sender = pieces.to_client.clone();
    let mut to = BufWriter::with_capacity(PIECE_BYTES, pieces);
    let written = export::write(&database, &query, format, &mut to);
    let written = written.and_then(|_| Ok(to.flush()?));
    if written.is_ok() {
        is_whole.store(true, Ordering::Release);
    }
    if let Err(error) = written {
        tracing::warn!("export: {error}");
        // What is still in the buffer must not go out after the error.
        let (_, _) = to.into_parts();
        let kind = match &error {
            ExportError::SmallCells { .. } => io::ErrorKind::InvalidInput,
            ExportError::Store(StoreError::Missing { .. }) => io::ErrorKind::NotFound,
            _ => io::ErrorKind::Other,
        };
        // A client that takes nothing is not waited for: it notices that there is no end.
        let _ = sender.try_send(Err(io::Error::new(kind, error.to_string())));
    }
}

/// Writes into a bounded channel, and waits for a client only so long: for each piece and for all.
struct Pieces {
    to_client: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    end: Instant,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.to_client.send(Ok(Bytes::copy_from_slice(bytes)));
        let wait = PATIENCE.min(self.end.saturating_duration_since(Instant::now()));
        match self.runtime.block_on(async { timeout(wait, sent).await }) {
            Ok(Ok(())) => Ok(bytes.len()),
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client left")),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client is too slow",
            )),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
