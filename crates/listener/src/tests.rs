//! Real sockets on this machine. Where a limit is waited for, the clock is paused and jumps.

mod stop;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, Response, StatusCode};
use axum::Extension;
use axum::body::Body;
use axum::routing::get;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::*;

/// A listener on a free port of 127.0.0.1, with further settings.
async fn bound(more: &[(&str, &str)]) -> Listener {
    let pairs = [&[("HOST", "127.0.0.1"), ("PORT", "0")], more].concat();
    Listener::bind(&Config::of_pairs(pairs).unwrap()).await.unwrap()
}

/// The beginning of the response to a rejected connection.
fn status_line(reason: AcceptRejection) -> String {
    format!("HTTP/1.1 {} ", reason.status().as_u16())
}

/// A server, its address, how to stop it, and its end.
struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    end: JoinHandle<()>,
}

/// How long a stopping server waits for open requests.
const DRAIN_GRACE: Duration = Duration::from_secs(10);

fn serve(listener: Listener, handler: impl Handler) -> Served {
    let address = listener.addresses()[0];
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move {
        drop(stopped.await);
        Instant::now() + DRAIN_GRACE
    };
    let end = tokio::spawn(listener.serve(handler, shutdown));
    Served { address, stop, end }
}

async fn hello(_: Request<Incoming>, _: Peer) -> Response<Body> {
    Response::new(Body::from("hello"))
}

/// Upgrades every request to a protocol that sends the type of its stream, and then echoes all data.
async fn upgrade(mut request: Request<Incoming>, _: Peer) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let upgraded = upgrade.await.unwrap();
        let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => {
                let mut stream = parts.io.into_inner();
                let kind = if stream.nodelay().unwrap() { "plain" } else { "plain, delayed" };
                return echo(&mut stream, kind, &parts.read_buf).await;
            }
            Err(upgraded) => upgraded,
        };
        let parts = upgraded.downcast::<TokioIo<tokio_rustls::server::TlsStream<TcpStream>>>().unwrap();
        echo(&mut parts.io.into_inner(), "tls", &parts.read_buf).await;
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("connection", "upgrade".parse().unwrap());
    response.headers_mut().insert("upgrade", "echo".parse().unwrap());
    response
}

async fn echo(stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin), kind: &str, early: &[u8]) {
    stream.write_all(kind.as_bytes()).await.unwrap();
    stream.write_all(early).await.unwrap();
    let mut data = [0; 64];
    while let Ok(length @ 1..) = stream.read(&mut data).await {
        stream.write_all(&data[..length]).await.unwrap();
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly";

async fn connect(address: SocketAddr, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    stream
}

/// Reads until the text ends so.
async fn read_to(stream: &mut (impl tokio::io::AsyncRead + Unpin), end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        text.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(text).unwrap()
}

/// Everything until the other side closes; a reset is a close, too.
async fn rest(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_connection_is_reused_after_a_response() {
    let served = serve(bound(&[]).await, hello);
    let mut stream = connect(served.address, GET).await;
    for _ in 0..3 {
        assert!(read_to(&mut stream, "hello").await.starts_with("HTTP/1.1 200 "));
        stream.write_all(GET).await.unwrap();
    }
}

#[tokio::test]
async fn a_router_receives_the_peer() {
    async fn peer(Extension(peer): Extension<Peer>) -> String {
        format!("{} {}!", peer.address, peer.secure)
    }
    let served = serve(bound(&[]).await, router(axum::Router::new().route("/", get(peer))));
    let mut stream = connect(served.address, GET).await;
    let expected = format!("\r\n\r\n{} false!", stream.local_addr().unwrap());
    assert!(read_to(&mut stream, "!").await.contains(&expected));
}

#[tokio::test]
async fn an_upgrade_returns_the_tcp_stream_and_the_bytes_read_ahead() {
    let served = serve(bound(&[]).await, upgrade);
    let mut stream = connect(served.address, UPGRADE).await;
    assert!(read_to(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 101 "));
    assert_eq!(read_to(&mut stream, "early").await, "plainearly");
    stream.write_all(b"more").await.unwrap();
    assert_eq!(read_to(&mut stream, "more").await, "more");
}

#[tokio::test(start_paused = true)]
async fn incomplete_headers_time_out() {
    let served = serve(bound(&[]).await, hello);
    let start = Instant::now();
    for started in [&b""[..], b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        rest(&mut connect(served.address, started).await).await;
    }
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    let served = serve(bound(&[]).await, hello);
    let mut stream = connect(served.address, GET).await;
    read_to(&mut stream, "hello").await;
    let start = Instant::now();
    assert_eq!(rest(&mut stream).await, "");
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
}

#[tokio::test]
async fn headers_beyond_the_limit_are_rejected() {
    let served = serve(bound(&[]).await, hello);
    let fits = format!("GET / HTTP/1.1\r\nAuthorization: Bearer {}\r\n\r\n", "x".repeat(15_000));
    assert!(read_to(&mut connect(served.address, fits.as_bytes()).await, "hello").await.starts_with("HTTP/1.1 200 "));
    let mut long = connect(served.address, b"GET / HTTP/1.1\r\nX: ").await;
    // The server may close before all of it is written.
    let _ = long.write_all(&[b'x'; 40_000]).await;
    let answer = rest(&mut long).await;
    assert!(answer.starts_with("HTTP/1.1 431 ") || answer.is_empty(), "{answer}");
    assert!(rest(&mut connect(served.address, b"\x16\x03\x01\x02\x00\x01\xff\r\n\r\n").await).await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn localhost_is_bound_in_both_address_families() {
    let listener = Listener::bind(&Config::of_pairs([("HOST", "localhost"), ("PORT", "0")]).unwrap()).await.unwrap();
    let addresses = listener.addresses();
    let served = serve(listener, hello);
    assert!(addresses[0].is_ipv4());
    // A machine without IPv6 has one.
    assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == addresses[0].port()));
    for address in addresses {
        assert!(read_to(&mut connect(address, GET).await, "hello").await.starts_with("HTTP/1.1 200 "));
    }
    drop(served);
}

#[tokio::test]
async fn a_port_in_use_is_an_error_of_one_line() {
    let first = bound(&[]).await;
    let port = first.addresses()[0].port().to_string();
    let config = Config::of_pairs([("HOST", "127.0.0.1"), ("PORT", port.as_str())]).unwrap();
    let line = Listener::bind(&config).await.unwrap_err().to_string();
    let expected = format!("cannot listen on 127.0.0.1:{port} (Address already in use (os error 98)); set PORT and HOST to a free port");
    assert!(line.starts_with(&expected), "{line}");
    let config = Config::of_pairs([("HOST", "no-such-name.invalid")]).unwrap();
    let line = Listener::bind(&config).await.unwrap_err().to_string();
    assert!(line.starts_with("HOST=no-such-name.invalid: the name has no address ("), "{line}");
}

/// Answers as [`upgrade`] does, and `/health` as a health check.
#[derive(Clone)]
struct HealthChecked;

impl Handler for HealthChecked {
    async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        if self.is_health_check(request.uri().path()) { Response::new(Body::from("healthy")) } else { upgrade(request, peer).await }
    }

    fn is_health_check(&self, path: &str) -> bool {
        path == "/health"
    }
}

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn auto_connection_slots_follow_the_memory_limit() {
    let listener = bound(&[("MEMORY_LIMIT", "300MB")]).await;
    assert!(format!("{listener:?}").contains("SlotLimits { total: 2777, "), "{listener:?}");
}

#[tokio::test]
async fn health_checks_work_without_slots_and_an_upgrade_frees_one() {
    let served = serve(bound(&[("MAX_HTTP_CONNECTIONS", "16"), ("MAX_HTTP_CONNECTIONS_PER_ADDRESS", "0")]).await, HealthChecked);
    let mut upgraded = connect(served.address, UPGRADE).await;
    read_to(&mut upgraded, "plainearly").await;
    let mut waiting = Vec::new();
    for _ in 0..16 {
        waiting.push(connect(served.address, b"GET / HTTP/1.1\r\n").await);
    }
    // Connections are accepted in order, so these are behind all others.
    let error = rest(&mut connect(served.address, UPGRADE).await).await;
    assert!(error.starts_with(&status_line(AcceptRejection::Server)) && error.contains("\r\nretry-after: 1\r\n"), "{error}");
    // A health check is answered although other connections fill the places for health checks.
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(connect(served.address, b"").await);
    }
    let health = rest(&mut connect(served.address, HEALTH).await).await;
    assert!(health.starts_with("HTTP/1.1 200 ") && health.ends_with("healthy"), "{health}");
    drop(waiting.pop());
    // The place is free as soon as the server has processed the end of its connection.
    while rest(&mut connect(served.address, HEALTH).await).await.contains("\r\nconnection: close\r\n") {
        if let Some(mut next) = open_upgraded(served.address).await {
            next.write_all(b"more").await.unwrap();
            assert_eq!(read_to(&mut next, "more").await, "more");
            break;
        }
    }
    upgraded.write_all(b"more").await.unwrap();
    assert_eq!(read_to(&mut upgraded, "more").await, "more", "the upgraded one lives on");
}

/// A connection that was upgraded; none if the server had no place for it.
async fn open_upgraded(address: SocketAddr) -> Option<TcpStream> {
    let mut stream = connect(address, UPGRADE).await;
    let head = read_to(&mut stream, "\r\n\r\n").await;
    if !head.starts_with("HTTP/1.1 101 ") {
        return None;
    }
    read_to(&mut stream, "plainearly").await;
    Some(stream)
}

#[tokio::test]
async fn the_connections_of_one_address_are_limited() {
    let served = serve(bound(&[("MAX_HTTP_CONNECTIONS_PER_ADDRESS", "3")]).await, hello);
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(served.address, GET).await;
        read_to(&mut stream, "hello").await;
        open.push(stream);
    }
    let error = rest(&mut connect(served.address, GET).await).await;
    assert!(error.starts_with(&status_line(AcceptRejection::Address)) && error.contains("\r\nretry-after: 10\r\n"), "{error}");
    let mut other = from([127, 0, 0, 2], served.address, GET).await;
    read_to(&mut other, "hello").await;
    drop(open.pop());
    while !rest(&mut connect(served.address, b"GET / HTTP/1.0\r\n\r\n").await).await.ends_with("hello") {}
}

#[tokio::test]
async fn connections_of_a_trusted_proxy_are_not_counted() {
    let more = [("MAX_HTTP_CONNECTIONS_PER_ADDRESS", "1"), ("TRUSTED_PROXIES", "127.0.0.1")];
    let served = serve(bound(&more).await, hello);
    let mut first = connect(served.address, GET).await;
    read_to(&mut first, "hello").await;
    let mut second = connect(served.address, GET).await;
    read_to(&mut second, "hello").await;
}

/// A connection from another address of this machine.
async fn from(ip: [u8; 4], address: SocketAddr, request: &[u8]) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((ip, 0))).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    stream
}

/// More than all buffers between the server and a client that does not read.
const TOO_MUCH: usize = 64 << 20;

/// The bytes of an answer; dropping them drops the sender.
struct Large(Vec<u8>, #[expect(dead_code, reason = "its end is what counts")] Option<oneshot::Sender<()>>);

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Answers at once with [`TOO_MUCH`] bytes, or `/late` with a word when the test allows it.
fn large_or_late(body_alive: oneshot::Sender<()>, late: watch::Receiver<()>) -> impl Handler {
    let body_alive = Arc::new(std::sync::Mutex::new(Some(body_alive)));
    move |request: Request<Incoming>, _: Peer| {
        let (body_alive, mut late) = (body_alive.clone(), late.clone());
        async move {
            if request.uri().path() == "/late" {
                late.changed().await.unwrap();
                return Response::new(Body::from("late"));
            }
            let body_alive = body_alive.lock().unwrap().take();
            Response::new(Body::from(axum::body::Bytes::from_owner(Large(vec![b'x'; TOO_MUCH], body_alive))))
        }
    }
}

/// Sends a request, reads only the head of the answer, and waits until the server abandons the answer, which is then not complete.
async fn expect_abandoned(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, body_dropped: oneshot::Receiver<()>) {
    stream.write_all(GET).await.unwrap();
    read_to(&mut stream, "\r\n\r\n").await;
    assert!(body_dropped.await.is_err());
    let got = rest(&mut stream).await.len();
    assert!(got < TOO_MUCH, "{got}");
}

#[tokio::test]
async fn a_stalled_response_is_abandoned_and_a_late_one_is_not() {
    let (body_alive, body_dropped) = oneshot::channel();
    let (proceed, late) = watch::channel(());
    let served = serve(bound(&[("ANSWER_TIMEOUT", "1s")]).await, large_or_late(body_alive, late));
    let mut waiting = connect(served.address, b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n").await;
    expect_abandoned(TcpStream::connect(served.address).await.unwrap(), body_dropped).await;
    proceed.send(()).unwrap();
    assert!(read_to(&mut waiting, "late").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_stalled_response_over_tls_is_abandoned() {
    let (_folder, certificate, key, trusted) = certificate();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let (body_alive, body_dropped) = oneshot::channel();
    let more = [("ANSWER_TIMEOUT", "1s"), ("TLS_CERT", certificate), ("TLS_KEY", key)];
    let served = serve(bound(&more).await, large_or_late(body_alive, watch::channel(()).1));
    expect_abandoned(connect_tls(served.address, trusted).await, body_dropped).await;
}

/// A TLS connection of a client that trusts this certificate.
async fn connect_tls(address: SocketAddr, trusted: CertificateDer<'static>) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// A certificate for localhost that signs itself, in files, and what a client needs to believe it.
fn certificate() -> (TempDir, PathBuf, PathBuf, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (folder, certificate, key, made.cert.der().clone())
}

async fn bound_with_tls(certificate: &std::path::Path, key: &std::path::Path) -> Listener {
    bound(&[("TLS_CERT", certificate.to_str().unwrap()), ("TLS_KEY", key.to_str().unwrap())]).await
}

#[tokio::test]
async fn an_upgrade_over_tls_returns_the_tls_stream() {
    let (_folder, certificate, key, trusted) = certificate();
    let listener = bound_with_tls(&certificate, &key).await;
    assert!(listener.is_secure());
    let served = serve(listener, upgrade);
    let mut stream = connect_tls(served.address, trusted).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream.write_all(UPGRADE).await.unwrap();
    assert!(read_to(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 101 "));
    assert_eq!(read_to(&mut stream, "early").await, "tlsearly");
    stream.write_all(b"more").await.unwrap();
    assert_eq!(read_to(&mut stream, "more").await, "more");
}

#[tokio::test(start_paused = true)]
async fn a_client_without_tls_is_disconnected() {
    let (_folder, certificate, key, _) = certificate();
    let served = serve(bound_with_tls(&certificate, &key).await, hello);
    let answer = rest(&mut connect(served.address, GET).await).await;
    assert!(!answer.contains("HTTP"), "{answer}");
    let start = Instant::now();
    rest(&mut connect(served.address, b"").await).await;
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
}

#[tokio::test]
async fn invalid_certificate_and_key_files_prevent_the_start() {
    let (_folder, good_certificate, key, _) = certificate();
    let (_other_folder, _, other_key, _) = certificate();
    let error = |certificate: &std::path::Path, key: &std::path::Path| tls::load(certificate, key).unwrap_err().to_string();
    let line_start = |name: &str, path: &std::path::Path| format!("{name}={}: ", path.display());
    let line = error(&good_certificate, &other_key);
    assert!(line.starts_with(&line_start("TLS_KEY", &other_key)) && line.contains("cannot be used together"), "{line}");
    let line = error(&key, &key);
    assert!(line.starts_with(&line_start("TLS_CERT", &key)) && line.contains("-----BEGIN CERTIFICATE-----"), "{line}");
    let line = error(&good_certificate, &good_certificate);
    assert!(line.starts_with(&line_start("TLS_KEY", &good_certificate)) && line.contains("private key"), "{line}");
}
