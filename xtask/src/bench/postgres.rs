//! A PostgreSQL server for the bench: with default settings and durable commits, in a folder on a disk. It ends when this is dropped.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use test_postgres::{TestServer, USER, programs};

use super::process::ProcessUsage;
use super::temp_dir::disk;

const DATABASE: &str = "postgres";

pub struct Postgres(TestServer);

impl Postgres {
    pub fn version() -> Option<String> {
        let output = Command::new(programs().ok()?.join("postgres")).arg("--version").output().ok()?;
        String::from_utf8_lossy(&output.stdout).split_whitespace().nth(2).map(|version| format!("PostgreSQL {version}"))
    }

    /// Starts a new cluster, and waits until it is ready.
    pub fn start() -> Result<Self> {
        Ok(Self(TestServer::start_in(&disk()?, &[])))
    }

    /// The environment variables with which a client of libpq connects, on the server's socket or through a proxy on this port.
    pub fn settings(&self, proxy: Option<u16>) -> [(&'static str, String); 4] {
        let host = if proxy.is_some() { "127.0.0.1".to_owned() } else { self.0.folder().display().to_string() };
        let port = proxy.unwrap_or(self.0.port()).to_string();
        [("PGUSER", USER.to_owned()), ("PGDATABASE", DATABASE.to_owned()), ("PGHOST", host), ("PGPORT", port)]
    }

    /// The same as a URL.
    pub fn url(&self, proxy: Option<u16>) -> String {
        let [_, _, (_, host), (_, port)] = self.settings(proxy);
        // The path of the folder is the name of the host, in which a slash is encoded.
        format!("postgres://{USER}@{}:{port}/{DATABASE}", host.replace('/', "%2F"))
    }

    /// The path of the server's socket.
    pub fn socket(&self) -> PathBuf {
        self.0.socket()
    }

    /// The CPU time of the server's processes, including those that have ended.
    pub fn cpu(&self) -> Result<Duration> {
        ProcessUsage::new(self.0.process_id())?.cpu_with_children()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_connect_to_the_socket_with_variables_or_a_url() {
        let server = Postgres::start().unwrap();
        for (variables, url) in [(server.settings(None).to_vec(), None), (Vec::new(), Some(server.url(None)))] {
            let mut psql = Command::new(programs().unwrap().join("psql"));
            psql.args(["-X", "-t", "-A", "-c", "SHOW fsync"]).args(&url).envs(variables);
            let output = psql.output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), "on\n", "{url:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        assert!(server.socket().exists());
        assert!(server.cpu().unwrap() > Duration::ZERO);
    }
}
