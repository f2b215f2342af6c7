//! The server's certificate.

use std::path::Path;
use std::sync::Arc;

use config::ConfigError;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// TLS 1.2 and 1.3 with this certificate, for HTTP/1.1.
///
/// The inputs are PEM files with the chain, the server's own certificate first, and with its key. Errors: a line about a file that cannot be read, contains
/// no certificate or key, or about a key of another certificate.
pub fn load(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, ConfigError> {
    let invalid = |name: &str, path: &Path, right: String| ConfigError::setting(name, &path.display().to_string(), right);
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| invalid("TLS_CERT", certificate, format!("the certificate chain cannot be read ({error})")))?;
    if chain.is_empty() {
        return Err(invalid("TLS_CERT", certificate, "expected a PEM file with -----BEGIN CERTIFICATE-----".into()));
    }
    let private_key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| invalid("TLS_KEY", key, format!("expected a PEM file with a private key without a password ({error})")))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private_key))
        .map_err(|error| invalid("TLS_KEY", key, format!("certificate and key cannot be used together ({error})")))?;
    // WebSockets over HTTP/2 are another protocol, so the server offers HTTP/1.1 only.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
