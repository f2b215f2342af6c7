//! Redis with TLS, and a certificate of an authority of its own.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use socketio_adapter::{Adapter, Broadcast, Event, Namespaces, Selection, Settings, StartError};

use super::memory_namespace::{Acknowledges, MemoryNamespace};
use super::redis_server::RedisServer;

#[tokio::test]
async fn certificate_of_redis_needs_a_trusted_authority() {
    let folder = tempfile::tempdir().unwrap();
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name).to_string_lossy().into_owned();
        std::fs::write(&path, text).unwrap();
        path
    };
    let (certificate, key) = (file("cert.pem", certificate.pem()), file("key.pem", key.serialize_pem()));
    let port = test_redis::free_port();
    let port_text = port.to_string();
    let options = ["--tls-port", &port_text, "--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-auth-clients", "no"];
    let redis = RedisServer::start_with(&options);

    let start = async |ca: Option<Vec<u8>>| {
        let local = Arc::new(MemoryNamespace::new());
        local.add_socket("socket", &[], "null", Acknowledges::Never);
        let namespaces = Namespaces::from([("/".to_owned(), local.clone() as _)]);
        let settings = Settings { ca, ..Settings::new(format!("rediss://localhost:{port}")) };
        Adapter::start(&settings, namespaces).await.map(|adapter| (adapter, local))
    };
    let (sender, _) = start(Some(authority.pem().into_bytes())).await.unwrap();
    let (_receiver, local) = start(Some(authority.pem().into_bytes())).await.unwrap();
    sender.peers("/").unwrap().broadcast(&Broadcast::new(Event::new("end", ""), Selection::all())).unwrap();
    local.events_until("socket", "end").await;

    let error = start(None).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, StartError::Untrusted { .. }) && !error.to_string().contains('\n'), "{error}");
    let error = start(Some(b"no certificate".to_vec())).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, StartError::Ca(_)), "{error}");
    drop(redis);
}
