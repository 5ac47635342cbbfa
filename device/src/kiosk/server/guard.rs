//! Who may ask for what.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::{Connection, Site};
use crate::kiosk::token::Token;

/// Cookies of the two kinds of pages.
pub const VISITOR_COOKIE: &str = "mien_visitor";
pub const OWNER_COOKIE: &str = "mien_owner";

/// Answers only to the device's own names. A page of another site can let its name point to this
/// device (DNS rebinding) and would then be of the same origin.
pub async fn own_name(
    State(site): State<Arc<Site>>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        _ => return (StatusCode::BAD_REQUEST, "one Host header, please\n").into_response(),
    };
    // An absolute address names the host, too.
    let in_address = request.uri().authority().map(Authority::as_str);
    let is_own = |host: &str| is_own_name(host, connection.local, &site.options.hosts);
    if !is_own(host) || in_address.is_some_and(|host| !is_own(host)) {
        let text = "this device has another name (hint: [kiosk] hosts)\n";
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    // Commands come from our own pages alone; browsers say where they come from.
    let site = request.headers().get("sec-fetch-site");
    let is_foreign = site.is_some_and(|site| site != "same-origin" && site != "none");
    if is_foreign && !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::FORBIDDEN, "not from another site\n").into_response();
    }
    next.run(request).await
}

/// Whether `host`, a name or address with or without a port, is the connection's own end or
/// listed.
fn is_own_name(host: &str, local: SocketAddr, listed: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    if host.contains('@') {
        return false;
    }
    let name = authority.host();
    if listed
        .iter()
        .any(|own| own.eq_ignore_ascii_case(host) || own.eq_ignore_ascii_case(name))
    {
        return true;
    }
    if authority.port_u16().unwrap_or(80) != local.port() {
        return false;
    }
    let ip = local.ip().to_canonical();
    if name.eq_ignore_ascii_case("localhost") {
        return ip.is_loopback();
    }
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>()
        .is_ok_and(|named| named.to_canonical() == ip)
}

/// What visitors see: on this machine anyone, elsewhere who knows a token.
pub async fn visitors(
    State(site): State<Arc<Site>>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let may = connection.is_local || knows(&site, request.headers());
    if may {
        next.run(request).await
    } else {
        ask(&request, "/login")
    }
}

/// What the owner sees: who knows the owner's token or, where there is none, who is at this
/// machine.
pub async fn owner(
    State(site): State<Arc<Site>>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    match &site.owner_token {
        Some(token) if knows_token(token, OWNER_COOKIE, request.headers()) => {
            next.run(request).await
        }
        Some(_) => ask(&request, "/login?for=owner"),
        None if connection.is_local => next.run(request).await,
        None => {
            let text = "beyond this machine the owner's page needs [kiosk] owner_token_file\n";
            (StatusCode::FORBIDDEN, text).into_response()
        }
    }
}

/// Either token will do.
fn knows(site: &Site, headers: &HeaderMap) -> bool {
    let is_known = |token: &Option<Token>, cookie| {
        token
            .as_ref()
            .is_some_and(|token| knows_token(token, cookie, headers))
    };
    is_known(&site.visitor_token, VISITOR_COOKIE) || is_known(&site.owner_token, OWNER_COOKIE)
}

fn knows_token(token: &Token, cookie: &str, headers: &HeaderMap) -> bool {
    let bearer = headers.get(header::AUTHORIZATION);
    let bearer = bearer.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if bearer.is_some_and(|text| token.is(text)) {
        return true;
    }
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.filter_map(|line| line.to_str().ok());
    let mut pairs = pairs.flat_map(|line| line.split(';'));
    pairs.any(|pair| {
        let named = pair.trim().strip_prefix(cookie);
        let value = named.and_then(|rest| rest.strip_prefix('='));
        value.is_some_and(|value| token.is_cookie(value))
    })
}

/// Sends people to the form and tells programs what is missing.
fn ask(request: &Request, form: &str) -> Response {
    let accept = request.headers().get(header::ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok());
    let is_person = accept.is_some_and(|accept| accept.contains("text/html"));
    if is_person && request.method() == Method::GET {
        return Redirect::to(form).into_response();
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, challenge, "a token is needed\n").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_names_are_answered() {
        let own = |host: &str, local: &str| {
            let listed = ["mien.local".to_owned(), "proxy.example:443".to_owned()];
            is_own_name(host, local.parse().unwrap(), &listed)
        };
        for (host, local) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("localhost:8080", "127.0.0.1:8080"),
            ("LocalHost:8080", "[::1]:8080"),
            ("[::1]:8080", "[::1]:8080"),
            ("127.0.0.1", "127.0.0.1:80"),
            ("192.168.1.5:8080", "192.168.1.5:8080"),
            ("192.168.1.5:8080", "[::ffff:192.168.1.5]:8080"),
            ("mien.local", "192.168.1.5:8080"),
            ("Mien.local:8080", "192.168.1.5:8080"),
            ("proxy.example:443", "127.0.0.1:8080"),
        ] {
            assert!(own(host, local), "{host} at {local}");
        }
        for (host, local) in [
            ("evil.example", "127.0.0.1:8080"),
            ("evil.example:8080", "127.0.0.1:8080"),
            ("localhost:8080", "192.168.1.5:8080"),
            ("localhost", "127.0.0.1:8080"),
            ("127.0.0.1:9090", "127.0.0.1:8080"),
            ("127.0.0.1.evil.example:8080", "127.0.0.1:8080"),
            ("localhost.evil.example:8080", "127.0.0.1:8080"),
            ("user@127.0.0.1:8080", "127.0.0.1:8080"),
            ("192.168.1.6:8080", "192.168.1.5:8080"),
            ("proxy.example", "127.0.0.1:8080"),
            ("", "127.0.0.1:8080"),
            ("127.0.0.1:8080/", "127.0.0.1:8080"),
        ] {
            assert!(!own(host, local), "{host} at {local}");
        }
    }
}
