//! `roomcast doctor --quick`: one request for `/health/live`, for the health check of a container.

use std::sync::Arc;

use anyhow::ensure;
use config::Config;

use super::certificates::AcceptAny;
use crate::cli::remote::connection::{Connection, Trust, connect, connect_tcp, connect_tls};
use crate::cli::remote::rest;
use crate::cli::remote::server_url::ServerUrl;
use crate::cli::report::{Check, Outcome};

/// One check: the server is alive. A server of these settings on this machine may have a certificate for another name.
pub(super) async fn check(server: ServerUrl, config: Option<&Config>) -> anyhow::Result<Vec<Check>> {
    let alive = async {
        let connection = open(&server, config.is_some()).await?;
        let answer = rest::get_over(connection, &server, "/health/live").await?;
        let body = answer.json(&server)?;
        ensure!(body["status"] == "ok", "{server} has answered /health/live, and not in the form of Roomcast");
        anyhow::Ok(())
    };
    Ok(vec![match alive.await {
        Ok(()) => Check::new("server", Outcome::Passed, format!("{server} is alive")),
        Err(error) => Check::new("server", Outcome::Failed, format!("{error:#}")),
    }])
}

async fn open(server: &ServerUrl, is_own: bool) -> anyhow::Result<Connection> {
    if !(is_own && server.is_secure) {
        return connect(server).await;
    }
    // The request carries no secret, and the server is a process of this machine.
    let tcp = connect_tcp(server).await?;
    Ok(Box::new(connect_tls(server, tcp, Trust::Verifier(Arc::new(AcceptAny::new()))).await?))
}
