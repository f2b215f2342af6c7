//! TLS to PostgreSQL, as `sslmode` demands it.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What of the server's certificate is verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verification {
    /// Nothing: TLS keeps others from reading, and does not show who the server is. This is `prefer` and `require` of libpq.
    None,
    /// That a known authority has signed it (`verify-ca`).
    Authority,
    /// That a known authority has signed it for this host (`verify-full`).
    Full,
}

/// The authorities that may sign the server's certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Roots {
    /// Those of the operating system.
    System,
    /// Those in a file of PEM certificates. The server's own certificate may be one of them.
    File(PathBuf),
}

/// How connections to PostgreSQL are encrypted.
#[derive(Clone, Debug)]
pub(crate) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Reads the authorities, if they are needed.
    ///
    /// # Errors
    /// One line; it names the file.
    pub(crate) fn new(verification: Verification, roots: Roots) -> Result<Self, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Verifier::new(verification, &roots, &provider)?;
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| error.to_string())?;
        let config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    pub(crate) fn connector(&self) -> MakeRustlsConnect {
        MakeRustlsConnect::new(ClientConfig::clone(&self.0))
    }
}

#[derive(Debug)]
struct Verifier {
    verification: Verification,
    /// The check against the authorities; `None` if nothing is verified.
    chain: Option<Arc<WebPkiServerVerifier>>,
    known: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(verification: Verification, roots: &Roots, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let mut known = Vec::new();
        let mut chain = None;
        if verification != Verification::None {
            known = certificates(roots)?;
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(known.iter().cloned());
            let built = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider)).build();
            chain = Some(built.map_err(|error| error.to_string())?);
        }
        if *roots == Roots::System {
            // Only a file lists the certificate of a single server.
            known.clear();
        }
        Ok(Self { verification, chain, known, provider: Arc::clone(provider) })
    }
}

fn certificates(roots: &Roots) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = match roots {
        Roots::System => rustls_native_certs::load_native_certs().certs,
        Roots::File(path) => {
            let failed = |error| format!("sslrootcert {}: {error}", path.display());
            CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<_, _>>).map_err(failed)?
        }
    };
    match certificates.is_empty() {
        true => Err(match roots {
            Roots::System => "the system has no certificates of authorities; name a file with sslrootcert".to_owned(),
            Roots::File(path) => format!("sslrootcert {} has no certificate", path.display()),
        }),
        false => Ok(certificates),
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        if self.known.iter().any(|known| known == certificate) {
            // A self-signed certificate is its own authority, which a chain of certificates does not allow.
            if self.verification == Verification::Full {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        match chain.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The chain is checked before the name.
            Err(Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }))
                if self.verification == Verification::Authority =>
            {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
