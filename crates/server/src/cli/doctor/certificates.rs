//! Certificates: until when they are valid, and whether a client trusts them.

use std::sync::Arc;

use client_json::timestamps::Milliseconds;
use domain::ids::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::parse_x509_certificate;

use crate::cli::remote::connection::system_authorities;
use crate::cli::report::{Check, Outcome};

/// From how many days before its end on a certificate is worth a warning: an automatic renewal has failed by then.
const WARN_DAYS: i64 = 14;

/// Checks the end of each certificate of a chain. `now` is in seconds since 1970.
pub(super) fn expiry(chain: &[CertificateDer<'_>], now: i64) -> Check {
    let mut ends = Vec::new();
    for certificate in chain {
        match parse_x509_certificate(certificate) {
            Ok((_, parsed)) => ends.push((parsed.validity().not_after.timestamp(), parsed.subject().to_string())),
            Err(error) => {
                return Check::new("certificate", Outcome::Failed, format!("a certificate of the chain cannot be read ({error})"));
            }
        }
    }
    let Some((end, subject)) = ends.into_iter().min() else {
        return Check::new("certificate", Outcome::Failed, "the chain is empty");
    };
    let days = (end - now).div_euclid(24 * 3600);
    let until = Milliseconds(Timestamp(end.saturating_mul(1_000_000)));
    let of_all = format!("{} certificates, the first to end is {subject}", chain.len());
    match days {
        _ if end <= now => Check::new("certificate", Outcome::Failed, format!("{of_all}: it ended at {until}; renew it")),
        ..WARN_DAYS => {
            let detail = format!("{of_all}: it ends at {until}, in {days} days; renew it, and restart a server that reads it itself");
            Check::new("certificate", Outcome::Warning, detail)
        }
        _ => Check::new("certificate", Outcome::Passed, format!("{of_all}: it ends at {until}, in {days} days")),
    }
}

/// Checks whether clients that know the authorities of this machine trust a chain for a name. `now` is in seconds since 1970.
pub(super) fn trust(chain: &[CertificateDer<'_>], host: &str, now: i64) -> Check {
    let failed = |reason: String| Check::new("trust", Outcome::Failed, reason);
    let Some((own, intermediates)) = chain.split_first() else { return failed("the server has sent no certificate".to_owned()) };
    let Ok(name) = ServerName::try_from(host.to_owned()) else { return failed(format!("{host} is no name of a server")) };
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(system_authorities()), provider()).build();
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now.unsigned_abs()));
    let verifier = match verifier {
        Ok(verifier) => verifier,
        Err(error) => {
            return failed(format!(
                "the authorities of this machine cannot be used ({error}); install ca-certificates, or set SSL_CERT_FILE"
            ));
        }
    };
    match verifier.verify_server_cert(own, intermediates, &name, &[], time) {
        Ok(_) => Check::new("trust", Outcome::Passed, format!("a chain of the authorities of this machine, for {host}")),
        Err(error) => failed(distrust(&error, host)),
    }
}

/// Why a chain is not trusted, and the remedy.
fn distrust(error: &Error, host: &str) -> String {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer};
    let unusable = || {
        let mut text = error.to_string();
        text.truncate(text.char_indices().nth(MAX_ERROR_CHARACTERS).map_or(text.len(), |(at, _)| at));
        text
    };
    let Error::InvalidCertificate(reason) = error else { return unusable() };
    match reason {
        UnknownIssuer => {
            "no authority of this machine has signed the chain; the server must send its own certificate first, and then those of the \
                          intermediate authorities"
                .to_owned()
        }
        NotValidForName | NotValidForNameContext { .. } => format!("the certificate is not for {host}; request one with this name"),
        Expired | ExpiredContext { .. } => "the certificate has ended; renew it".to_owned(),
        _ => unusable(),
    }
}

/// Errors of the library may list every supported algorithm.
const MAX_ERROR_CHARACTERS: usize = 160;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Accepts every certificate, to look at it. Only requests without a secret may use it.
#[derive(Debug)]
pub(super) struct AcceptAny(Arc<CryptoProvider>);

impl AcceptAny {
    pub fn new() -> Self {
        Self(provider())
    }
}

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
