//! What `cargo xtask cluster` prints after the start: the addresses, tokens, and what to try.

use std::fmt::Write as _;

use anyhow::Result;

use super::command::HELP;
use super::servers::Servers;

/// The text, with a token for each of two users.
pub fn text(servers: &Servers) -> Result<String> {
    let balancer = format!("http://localhost:{}", servers.balancer.port);
    let (anna, ben) = (servers.token("anna")?, servers.token("ben")?);
    let nodes = servers.nodes();
    let noun = if nodes == 1 { "node" } else { "nodes" };
    let mut text = format!("Roomcast runs on {nodes} {noun} behind a load balancer: {balancer}\n");
    for node in &servers.members {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:10} http://localhost:{}", node.name, node.port);
    }
    let _ = write!(
        text,
        "  PostgreSQL {}
  Redis      redis://127.0.0.1:{}
  logs       {}

Tokens, valid for one day:
  anna  {anna}
  ben   {ben}

Try:
  curl -H \"Authorization: Bearer {anna}\" {balancer}/households
  open {balancer}/docs in a browser: all REST paths, to read and to try
  python3 -m http.server 8000 --bind localhost --directory examples/vanilla-js
    open http://localhost:8000/?server={balancer} with the token of anna, and the invitation link of the page with the token of ben;
    end parts of the cluster, start them again, and add tasks: both pages show each task once

{HELP}",
        servers.postgres.url,
        servers.redis.port,
        servers.folder.display(),
    );
    Ok(text)
}
