//! The listening sockets of a host and a port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use config::{ConfigError, Host};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// How many connections may wait to be accepted. The kernel caps it at `net.core.somaxconn`; std's 128 loses connects when many clients reconnect at once.
const BACKLOG: i32 = 4096;

/// How many bytes of a connection's output may wait in the kernel beyond the client's window (tcp(7), `TCP_NOTSENT_LOWAT`). Without a bound, the
/// kernel would take several megabytes for each client that does not read, and reset connections of other clients when its memory for TCP is
/// exhausted.
const MAX_UNSENT_BYTES: u32 = 64 * 1024;

/// Opens the sockets of a host: for `localhost` and for every interface one of IPv4 and one of IPv6, if this machine has both.
///
/// The inputs are the host, and the port; 0 lets the system choose one, the same for both. Errors: a line about the address that cannot be listened on.
pub async fn bind(host: &Host, port: u16) -> Result<Vec<TcpListener>, ConfigError> {
    let mut sockets: Vec<TcpListener> = Vec::new();
    let mut missing = None;
    for ip in addresses(host).await? {
        let chosen = sockets.first().and_then(|socket| socket.local_addr().ok()).map_or(port, |address| address.port());
        let address = SocketAddr::new(ip, chosen);
        match listen(address) {
            Ok(socket) => sockets.push(socket),
            Err(error) if is_absent(&error) => missing = Some((address, error)),
            // Another process has the other family's port. If any port is allowed, one family is enough.
            Err(_) if port == 0 && !sockets.is_empty() => {}
            Err(error) => return Err(bind_error(address, &error)),
        }
    }
    match missing {
        Some((address, error)) if sockets.is_empty() => Err(bind_error(address, &error)),
        _ => Ok(sockets),
    }
}

async fn addresses(host: &Host) -> Result<Vec<IpAddr>, ConfigError> {
    Ok(match host {
        Host::Every => vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        Host::Localhost => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        Host::Ip(ip) => vec![*ip],
        Host::Name(name) => {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map_err(|error| ConfigError::setting("HOST", name, format!("the name has no address ({error})")))?;
            let mut ips: Vec<_> = found.map(|address| address.ip()).collect();
            ips.dedup();
            ips
        }
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // IPv4 has its own socket; on this socket its addresses would have the form ::ffff:192.0.2.1.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    // Accepted sockets inherit the option.
    socket.set_tcp_notsent_lowat(MAX_UNSENT_BYTES)?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// True if this machine has no such address, or not even its family.
fn is_absent(error: &io::Error) -> bool {
    let no_family = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(no_family)
}

fn bind_error(address: SocketAddr, error: &io::Error) -> ConfigError {
    ConfigError::line(format!("cannot listen on {address} ({error}); set PORT and HOST to a free port and an address of this machine"))
}
