//! Redis with TLS and a certificate of an authority of its own.

use std::fs;
use std::sync::Arc;

use cluster::node::{ClusterConfig, ClusterNode};
use cluster::redis::RedisUrl;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::support::{Observed, RedisServer, TestLog, TestNode, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_needs_its_authority() {
    let folder = TempDir::new().unwrap();
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    fs::write(path("ca.pem"), authority.pem()).unwrap();
    fs::write(path("cert.pem"), certificate.pem()).unwrap();
    fs::write(path("key.pem"), key.serialize_pem()).unwrap();
    let port = test_redis::free_port();
    let (port_text, [ca, cert, key]) = (port.to_string(), ["ca.pem", "cert.pem", "key.pem"].map(path));
    let arguments = ["--tls-port", &port_text, "--tls-ca-cert-file", &ca, "--tls-cert-file", &cert, "--tls-key-file", &key];
    let _redis = RedisServer::start_with(&[&arguments[..], &["--tls-auth-clients", "no"]].concat(), "");

    let url = RedisUrl::parse(&format!("rediss://localhost:{port}")).unwrap();
    let trusting = ClusterConfig { ca: Some(authority.pem().into_bytes()), ..config(url.clone(), "a") };
    let node = TestNode::start_with(trusting, &TestLog::default()).await;
    node.write(3);
    node.has_all().await;

    let start =
        async |config| ClusterNode::start(config, TestLog::default(), Arc::new(Observed::default())).await.err().map(|e| e.to_string());
    let plain = RedisUrl::parse(&format!("redis://localhost:{port}")).unwrap();
    let error = start(config(plain, "b")).await.expect("the server has TLS");
    assert!(error.contains("use rediss:// for a server with TLS"), "{error}");
    let error = start(config(url.clone(), "b")).await.expect("the authority is not known");
    assert!(error.contains("its certificate is not trusted") && error.contains("REDIS_CA") && !error.contains('\n'), "{error}");
    let error = start(ClusterConfig { ca: Some(b"no certificate".to_vec()), ..config(url, "b") }).await.expect("no certificates");
    assert!(error.contains("REDIS_CA"), "{error}");
}
