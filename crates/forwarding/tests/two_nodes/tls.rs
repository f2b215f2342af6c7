//! Nodes that reach each other over TLS.

use engine::NodeTag;
use rustls::RootCertStore;

use crate::support::client::{WebSocket, get, is_unknown};
use crate::support::cluster::{Node, SECRET};

#[tokio::test]
async fn requests_are_forwarded_over_tls_to_a_trusted_node_only() {
    let folder = tempfile::tempdir().unwrap();
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, certified.cert.pem()).unwrap();
    std::fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let mut authorities = RootCertStore::empty();
    authorities.add(certified.cert.der().clone()).unwrap();

    let tls = [("TLS_CERT", certificate.to_str().unwrap()), ("TLS_KEY", key.to_str().unwrap())];
    let owner = Node::start_with("owner", SECRET, &tls, None).await;
    let url = format!("https://localhost:{}", owner.address.port());
    // A session that does not exist: the owner says so, and its counter shows that the request has reached it.
    let sid = session_id(&owner);
    let target = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    for (id, authorities, received) in [("trusting", authorities, 2), ("suspicious", RootCertStore::empty(), 2)] {
        let other = Node::start_with(id, SECRET, &[], Some(authorities)).await;
        other.set_url(&owner, &url);
        assert!(is_unknown(&get(other.address, &target).await));
        assert!(WebSocket::upgrade(other.address, &target).await.is_err());
        assert_eq!(owner.forwarder.stats().received, received, "{id}");
        assert_eq!(other.forwarder.stats().unreachable, if id == "trusting" { 0 } else { 2 });
    }
}

/// The id of a session that the node could have made.
fn session_id(node: &Node) -> String {
    let [_, high, middle, low] = NodeTag::of(node.id).number().to_be_bytes();
    let bytes = [0, 0, 0, 0, high, middle, low, 1, 2, 3, 4, 5, 6, 7, 8];
    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes)
}
