//! The configuration of the load balancer: `deploy/nginx.conf` with the addresses of this cluster.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// The lines of the file that name an address.
const LISTEN: &str = "listen 8080 ";
const NODE: &str = "server node";

/// Reads the file, and puts the address to listen on and the addresses of the nodes into it.
///
/// # Errors
/// If the file does not have these lines.
pub fn configuration(root: &Path, listen: &str, nodes: &[String]) -> Result<String> {
    let path = root.join("deploy/nginx.conf");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    with_addresses(&text, listen, nodes)
}

fn with_addresses(text: &str, listen: &str, nodes: &[String]) -> Result<String> {
    let is_node = |line: &&str| line.trim_start().starts_with(NODE);
    let first = text.lines().position(|line| is_node(&line)).context("deploy/nginx.conf names no node")?;
    ensure!(text.contains(LISTEN), "deploy/nginx.conf does not listen on port 8080");
    let mut lines: Vec<_> = text.lines().filter(|line| !is_node(line)).map(str::to_owned).collect();
    for node in nodes.iter().rev() {
        lines.insert(first, format!("        server {node} max_fails=0;"));
    }
    Ok(lines.join("\n").replace(LISTEN, &format!("listen {listen} ")) + "\n")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::requirements::nginx;
    use crate::test::root;

    #[test]
    fn nginx_accepts_the_configuration_with_other_addresses() {
        let folder = std::env::temp_dir().join(format!("roomcast-nginx-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let nodes = ["127.0.0.1:3001", "127.0.0.1:3002", "127.0.0.1:3003"].map(str::to_owned);
        let text = configuration(&root().unwrap(), "127.0.0.1:8099", &nodes).unwrap();
        assert_eq!(text.matches("max_fails=0;").count(), 3, "{text}");
        let file = folder.join("nginx.conf");
        std::fs::write(&file, text).unwrap();
        let program = nginx().expect("nginx is not installed: cargo xtask setup as root, or apt-get install nginx");
        let mut check = Command::new(program);
        let pid = format!("pid {}/nginx.pid;", folder.display());
        let output = check.arg("-t").arg("-p").arg(&folder).arg("-c").arg(&file).args(["-g", &pid]).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !printed.contains("[warn]"), "{printed}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn file_without_nodes_is_rejected() {
        for text in ["listen 8080 ;\n", "server node1:3000;\n"] {
            assert!(with_addresses(text, "127.0.0.1:1", &[]).is_err(), "{text}");
        }
    }
}
