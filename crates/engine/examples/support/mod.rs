//! A bare HTTP server in front of the engine, for the examples.

use std::net::{SocketAddr, TcpListener};
use std::pin::pin;

use engine::http::HttpConnection;
use engine::{App, Handle};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

/// Serves the engine's paths only, on these listeners, until the process ends.
pub fn serve<A: App>(handle: Handle<A>, listeners: Vec<TcpListener>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = listeners.into_iter().map(|listener| accept(handle.clone(), listener));
    runtime.block_on(async {
        let mut tasks: Vec<_> = local.map(tokio::spawn).collect();
        println!("ready");
        while let Some(task) = tasks.pop() {
            let _ = task.await;
        }
    });
    Ok(())
}

async fn accept<A: App>(handle: Handle<A>, listener: TcpListener) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let handle = handle.clone();
        tokio::spawn(async move {
            let Some(stream) = handle.take(stream, peer).await else { return };
            let http = HttpConnection::default();
            let service = service_fn(|mut request| {
                http.attach(&mut request);
                let handle = handle.clone();
                async move { Ok::<_, std::convert::Infallible>(handle.serve(request, peer).await) }
            });
            let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades());
            let _open = http.open();
            let _ = connection.as_mut().await;
        });
    }
}

/// Reads a number from the environment.
pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Listens on both loopback addresses: `localhost` may mean either.
pub fn loopback(port: u16) -> std::io::Result<Vec<TcpListener>> {
    let v4 = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    let v6 = TcpListener::bind(SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, v4.local_addr()?.port())));
    Ok([Some(v4), v6.ok()].into_iter().flatten().collect())
}
