//! The checks of this machine: what a server of these settings needs, and whether one runs.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;

use cluster::redis::{RedisConnector, RedisUrl};
use config::{Config, DatabaseUrl, Host};
use domain::ids::Timestamp;
use http::Method;
use indicatif::HumanBytes;
use rustix::process::{Resource, getrlimit};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::{certificates, clock_check, quick};
use crate::cli::remote::rest;
use crate::cli::remote::server_url::ServerUrl;
use crate::cli::report::{Check, Outcome};
use crate::clock;

/// The free space below which a warning appears.
const LITTLE_SPACE: u64 = 1_000_000_000;

/// The limit of open files below which a warning appears: most systems start a service with 1,024 or more.
const FEW_DESCRIPTORS: u64 = 4096;

/// Makes all checks.
pub(super) async fn checks(config: Config) -> anyhow::Result<Vec<Check>> {
    let server = ServerUrl::of_settings(&config);
    let mut checks = Vec::new();
    for port in config.server.ports() {
        checks.push(port_check(&config, &server.with_port(port)).await);
    }
    checks.push(descriptors(&config));
    let url = config.storage.database_url.expose();
    let probed =
        tokio::task::spawn_blocking(move || store::probe(&url, &format!("process {} (roomcast doctor)", std::process::id()))).await?;
    checks.push(database(&config, &probed));
    checks.extend(disk(&config));
    let redis = redis(&config).await;
    checks.push(match &redis {
        None => Check::new("redis", Outcome::Skipped, "REDIS_URL is not set, and only several nodes need Redis"),
        Some(Ok((name, _))) => Check::new("redis", Outcome::Passed, format!("{name} answers, and is new enough")),
        Some(Err(error)) => Check::new("redis", Outcome::Failed, error),
    });
    let database_clock = probed.ok().and_then(|probe| probe.time);
    let redis_clock = redis.and_then(Result::ok).map(|(_, time)| time);
    let clocks = [("PostgreSQL", database_clock), ("Redis", redis_clock)];
    let mut clocks: Vec<_> = clocks.into_iter().filter_map(|(name, time)| Some(clock_check(name, time?))).collect();
    if clocks.is_empty() {
        clocks.push(Check::new(
            "clock",
            Outcome::Skipped,
            "there is no other clock to compare with; run NTP, because tokens expire by the clock",
        ));
    }
    checks.append(&mut clocks);
    checks.extend(config.server.tls_cert.as_ref().map(|path| certificate(path)));
    checks.push(readiness(&server).await);
    Ok(checks)
}

/// Whether a server can listen on a port, or already does.
async fn port_check(config: &Config, server: &ServerUrl) -> Check {
    let name = format!("port {}", server.port);
    let host = match config.host() {
        Host::Every => "0.0.0.0".to_owned(),
        Host::Localhost => "127.0.0.1".to_owned(),
        Host::Ip(ip) => ip.to_string(),
        Host::Name(name) => name,
    };
    match TcpListener::bind((host.as_str(), server.port)) {
        Ok(_) => Check::new(name, Outcome::Passed, format!("free on {host}; no server listens on it")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let answers = quick::check(server.clone(), Some(config)).await;
            let is_roomcast = answers.is_ok_and(|checks| checks.iter().all(|check| check.outcome == Outcome::Passed));
            if is_roomcast {
                return Check::new(name, Outcome::Passed, "a Roomcast listens on it");
            }
            Check::new(name, Outcome::Failed, "another program listens on it, or a Roomcast that does not answer; end it, or set PORT")
        }
        Err(error) => Check::new(name, Outcome::Failed, format!("{host} cannot be listened on ({error}); set HOST and PORT")),
    }
}

/// Whether the limit of open files suffices. It is the limit of this process: a service has its own.
fn descriptors(config: &Config) -> Check {
    let Some(limit) = getrlimit(Resource::Nofile).maximum else {
        return Check::new("descriptors", Outcome::Passed, "no limit of open files");
    };
    let wanted = config.limits.max_connections.limit().map(u64::from);
    let detail = format!("this shell may open {limit} files, one for each connection; a service has its own LimitNOFILE");
    match wanted {
        Some(connections) if connections >= limit => {
            Check::new("descriptors", Outcome::Failed, format!("{detail}. MAX_CONNECTIONS is {connections}; raise the hard limit"))
        }
        _ if limit < FEW_DESCRIPTORS => {
            Check::new("descriptors", Outcome::Warning, format!("{detail}; raise the hard limit with ulimit -Hn"))
        }
        _ => Check::new("descriptors", Outcome::Passed, detail),
    }
}

fn database(config: &Config, probed: &Result<store::DatabaseProbe, store::OpenError>) -> Check {
    use config::value::SettingValue;
    let url = config.storage.database_url.show();
    match probed {
        Err(error) => Check::new("database", Outcome::Failed, error.to_string()),
        Ok(store::DatabaseProbe { schema: None, .. }) => {
            Check::new("database", Outcome::Passed, format!("{url} is empty; the start creates its tables"))
        }
        Ok(store::DatabaseProbe { schema: Some(schema), newest_schema, .. }) if schema < newest_schema => {
            let detail = format!("{url} has the schema {schema}; the start updates it to {newest_schema}, so make a backup first");
            Check::new("database", Outcome::Warning, detail)
        }
        Ok(store::DatabaseProbe { schema: Some(schema), .. }) => {
            Check::new("database", Outcome::Passed, format!("{url} has the schema {schema}"))
        }
    }
}

/// The free space of the database's file system. `None` if the database is elsewhere.
fn disk(config: &Config) -> Option<Check> {
    let DatabaseUrl::Sqlite(_) = &config.storage.database_url else { return None };
    let folder = config.storage.database_url.folder()?;
    // The start creates the folder, so its nearest parent that exists counts.
    let existing = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let space = match rustix::fs::statvfs(existing) {
        Ok(space) => space,
        Err(error) => return Some(Check::new("disk", Outcome::Failed, format!("{}: {error}", existing.display()))),
    };
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let detail = format!("{} are free in {}", HumanBytes(free), existing.display());
    if rustix::fs::access(existing, rustix::fs::Access::WRITE_OK).is_err() {
        let detail = format!("{detail}, and this user may not write there; run the command as the user of the server");
        return Some(Check::new("disk", Outcome::Warning, detail));
    }
    Some(match free {
        ..LITTLE_SPACE => Check::new("disk", Outcome::Warning, format!("{detail}; a full disk rejects every change")),
        _ => Check::new("disk", Outcome::Passed, detail),
    })
}

/// The name of Redis and the time of its clock, or one line with the remedy. `None` without `REDIS_URL`.
async fn redis(config: &Config) -> Option<Result<(String, Timestamp), String>> {
    let url = config.storage.redis_url.as_ref()?;
    let reached = async {
        let url = RedisUrl::parse(url.expose()).map_err(|error| error.to_string())?;
        let ca = config
            .storage
            .redis_ca
            .as_ref()
            .map(std::fs::read)
            .transpose()
            .map_err(|error| format!("REDIS_CA cannot be read ({error})"))?;
        let connector = RedisConnector::new(&url, ca.as_deref())?;
        let time = connector.probe().await?;
        Ok((format!("Redis at {}", connector.display()), Timestamp(time)))
    };
    Some(reached.await)
}

/// The certificate that the server itself presents.
fn certificate(path: &Path) -> Check {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match chain {
        Ok(chain) => certificates::expiry(&chain, clock::seconds()),
        Err(error) => Check::new("certificate", Outcome::Failed, format!("TLS_CERT={}: {error}", path.display())),
    }
}

/// Whether the server of these settings is ready, if it runs.
async fn readiness(server: &ServerUrl) -> Check {
    if !quick::check(server.clone(), None).await.is_ok_and(|checks| checks.iter().all(|check| check.outcome == Outcome::Passed)) {
        return Check::new("server", Outcome::Skipped, format!("no server answers at {server}"));
    }
    match rest::send(server, Method::GET, "/health/ready", None, None).await.and_then(|answer| answer.json(server)) {
        Ok(_) => Check::new("server", Outcome::Passed, format!("{server} runs, and is ready")),
        Err(error) => Check::new("server", Outcome::Failed, format!("{error:#}")),
    }
}
