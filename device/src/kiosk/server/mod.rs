//! The thread that serves: listening addresses, connections, and what is shut when the run ends.

mod api;
mod events;
mod export;
mod guard;
mod headers;
pub mod limits;
mod login;
mod metrics;
mod owner;
mod pages;
mod routes;

use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::KioskError;
use super::language::Languages;
use super::options::{KioskOptions, is_local};
use super::token::Token;
use crate::counter::today::Today;
use crate::publish::Hub;
use crate::update::status::Latest;
use limits::Limits;

/// Time between two attempts to listen on an address.
const RETRY: Duration = Duration::from_secs(5);
/// How long the last state may take to the clients when the run ends.
const LAST_WORDS: Duration = Duration::from_millis(150);
/// How long a request that reads files may still take then.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// Threads for requests that read files.
const BLOCKING_THREADS: usize = export::AT_ONCE + 2;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The run.
    pub hub: Hub,
    /// Today's counts, where something counts.
    pub today: Option<Today>,
    /// How things are with installed models.
    pub updates: Latest,
    /// The counter's database, whether or not something counts at the moment.
    pub database: Option<PathBuf>,
}

/// The running server. Dropping it ends it.
#[derive(Debug)]
pub struct Kiosk {
    addresses: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// What every request may look at.
#[derive(Debug)]
struct Site {
    parts: Parts,
    options: KioskOptions,
    languages: Languages,
    visitor_token: Option<Token>,
    owner_token: Option<Token>,
    counts: watch::Sender<api::Counts>,
    exports: Arc<Semaphore>,
    limits: Limits,
    stop: watch::Receiver<bool>,
    started: std::time::Instant,
}

/// The connection that a request came by.
#[derive(Clone, Copy, Debug)]
struct Connection {
    /// The device's end.
    local: SocketAddr,
    /// Whether only this machine reaches the listening address.
    is_local: bool,
}

impl Kiosk {
    /// Starts the server.
    ///
    /// # Errors
    /// If the configuration is not allowed, a token or a language cannot be read, or an address
    /// cannot be listened on; with `patient`, such an address is tried again and again instead:
    /// a network may come later than the program.
    pub fn start(
        options: &KioskOptions,
        parts: Parts,
        limits: Limits,
        patient: bool,
    ) -> Result<Self, KioskError> {
        options.validate().map_err(KioskError::Options)?;
        let token = |path: &Option<PathBuf>| path.as_deref().map(Token::read);
        let (stop, stopped) = watch::channel(false);
        let site = Arc::new(Site {
            languages: Languages::load(options.language_dir.as_deref(), &options.language)?,
            visitor_token: token(&options.token_file).transpose()?,
            owner_token: token(&options.owner_token_file).transpose()?,
            counts: watch::Sender::new(api::Counts::of(parts.today.as_ref())),
            exports: Arc::new(Semaphore::new(export::AT_ONCE)),
            limits,
            parts,
            options: options.clone(),
            stop: stopped.clone(),
            started: std::time::Instant::now(),
        });
        let mut open = Vec::new();
        let mut later = Vec::new();
        for &address in &options.bind {
            match listen(address) {
                Ok(listener) => open.push((address, listener)),
                Err(error) if patient => {
                    tracing::warn!("{error}; trying again every {} s", RETRY.as_secs());
                    later.push(address);
                }
                Err(error) => return Err(error),
            }
        }
        let local = open.iter().filter_map(|(_, l)| l.local_addr().ok());
        let addresses = local.collect();
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()?;
        let thread = thread::Builder::new().name("kiosk".to_owned());
        let thread = thread.spawn(move || {
            runtime.block_on(serve(site, open, later, limits, stopped));
            runtime.shutdown_timeout(LAST_WAIT);
        })?;
        Ok(Self {
            addresses,
            stop,
            thread: Some(thread),
        })
    }

    /// The addresses that it listens on from the start.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

impl Drop for Kiosk {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(address: SocketAddr) -> Result<StdListener, KioskError> {
    let listener = StdListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(|error| KioskError::Bind { address, error })
}

/// Serves until told to stop.
async fn serve(
    site: Arc<Site>,
    open: Vec<(SocketAddr, StdListener)>,
    later: Vec<SocketAddr>,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    let router = routes::router(&site);
    for (address, listener) in open {
        tokio::spawn(accept(listener, is_local(&address), router.clone(), limits));
    }
    for address in later {
        let router = router.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RETRY).await;
                if let Ok(listener) = listen(address) {
                    tracing::info!("the page is at http://{address}/ now");
                    return accept(listener, is_local(&address), router, limits).await;
                }
            }
        });
    }
    tokio::spawn(events::follow_counts(Arc::clone(&site)));
    // An error is the other end gone, which is as good a reason.
    let _ = stopped.wait_for(|stop| *stop).await;
    tokio::time::sleep(LAST_WORDS).await;
}

async fn accept(listener: StdListener, is_local: bool, router: Router, limits: Limits) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("the page cannot be served: {error}"),
    };
    // Of its own: a crowd in the network does not shut out the screen beside the camera.
    let slots = Arc::new(Semaphore::new(limits.connections));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => match Arc::clone(&slots).try_acquire_owned() {
                Ok(slot) => {
                    let served = connection(stream, is_local, router.clone(), limits, slot);
                    tokio::spawn(served);
                }
                Err(_) => refuse(&stream),
            },
            // Out of file descriptors, most likely: some will come back.
            Err(error) => {
                tracing::warn!("the page cannot take a connection: {error}");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

/// Tells a client that there is no room, if that goes without waiting.
fn refuse(stream: &TcpStream) {
    let answer = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\n\
        connection: close\r\n\r\n";
    let _ = stream.try_write(answer);
}

async fn connection(
    stream: TcpStream,
    is_local: bool,
    router: Router,
    limits: Limits,
    _slot: OwnedSemaphorePermit,
) {
    limits::tune(&stream, &limits);
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let connection = Connection { local, is_local };
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(connection);
        let answer = router.call(request);
        async move {
            match tokio::time::timeout(limits.request_timeout, answer).await {
                Ok(answer) => answer,
                Err(_) => {
                    let mut response = Response::new(Body::from("too slow\n"));
                    *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
                    headers::set(response.headers_mut());
                    Ok(response)
                }
            }
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits::HEADER_BYTES)
        .max_headers(limits::HEADER_LINES)
        .serve_connection(TokioIo::new(stream), service);
    // A client that goes away, or talks nonsense, is none of our errors.
    if let Err(error) = served.await {
        tracing::debug!("a connection ended: {error}");
    }
}
