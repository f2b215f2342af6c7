//! Public keys from PEM and JWKS files, each with the algorithms that it is for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::alg_id;
use rustls_pki_types::pem::PemObject;

use super::verifying_key::VerifyingKey;

const RSA: &[Algorithm] = &[Algorithm::RS256, Algorithm::RS384, Algorithm::RS512];
/// An RSA modulus of 2048 bits; the library refuses shorter ones at every token, so they are refused here once.
const MIN_MODULUS_BYTES: usize = 256;

const EXPECTED_PEM: &str = "expected one PEM block -----BEGIN PUBLIC KEY----- with an RSA key of at least 2048 bits, an EC key on P-256 or P-384, or an Ed25519 key";
const EXPECTED_JWKS: &str =
    "expected a JWKS file {\"keys\": […]} with at least one RSA (2048 bits or more), EC (P-256, P-384) or Ed25519 key for signatures";

/// The key of a PEM text. Errors: the expected form.
pub fn from_pem(pem: &str) -> Result<VerifyingKey, &'static str> {
    if pem.contains("PRIVATE KEY-----") {
        return Err("this is a private key, which does not belong here; expected its public key");
    }
    let info = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).map_err(|_| EXPECTED_PEM)?;
    let identifier = algorithm_identifier(&info).ok_or(EXPECTED_PEM)?;
    let (algorithms, key) = if identifier == alg_id::RSA_ENCRYPTION.as_ref() {
        // Everything around the modulus is about 38 bytes.
        let long_enough = info.len() > MIN_MODULUS_BYTES;
        (RSA, DecodingKey::from_rsa_pem(pem.as_bytes()).ok().filter(|_| long_enough))
    } else if identifier == alg_id::ECDSA_P256.as_ref() {
        (&[Algorithm::ES256] as &[_], DecodingKey::from_ec_pem(pem.as_bytes()).ok())
    } else if identifier == alg_id::ECDSA_P384.as_ref() {
        (&[Algorithm::ES384] as &[_], DecodingKey::from_ec_pem(pem.as_bytes()).ok())
    } else if identifier == alg_id::ED25519.as_ref() {
        (&[Algorithm::EdDSA] as &[_], DecodingKey::from_ed_pem(pem.as_bytes()).ok())
    } else {
        return Err(EXPECTED_PEM);
    };
    Ok(VerifyingKey { kid: None, algorithms, key: key.ok_or(EXPECTED_PEM)? })
}

/// The keys of a JWKS text that can verify signatures; others (for encryption, of unknown types, symmetric) are skipped.
/// Errors: the expected form.
pub fn from_jwks(json: &str) -> Result<Vec<VerifyingKey>, &'static str> {
    #[derive(serde::Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_str(json).map_err(|_| EXPECTED_JWKS)?;
    // Keys are parsed one by one: a set may hold a type of key that is not known yet, and the others must work.
    let keys: Vec<_> =
        set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok()).filter_map(|jwk| from_jwk(&jwk)).collect();
    if keys.is_empty() { Err(EXPECTED_JWKS) } else { Ok(keys) }
}

fn from_jwk(jwk: &Jwk) -> Option<VerifyingKey> {
    if matches!(&jwk.common.public_key_use, Some(usage) if *usage != PublicKeyUse::Signature) {
        return None;
    }
    let possible = algorithms_of(&jwk.algorithm)?;
    let algorithms = match jwk.common.key_algorithm {
        None => possible,
        Some(named) => match single(named) {
            Some(single) if possible.contains(&single[0]) || (possible == RSA && is_pss(single[0])) => single,
            _ => return None,
        },
    };
    Some(VerifyingKey { kid: jwk.common.key_id.clone(), algorithms, key: DecodingKey::from_jwk(jwk).ok()? })
}

/// The algorithms of a type of key. A symmetric key has none: a process that can read the file could sign tokens.
fn algorithms_of(parameters: &AlgorithmParameters) -> Option<&'static [Algorithm]> {
    match parameters {
        AlgorithmParameters::RSA(rsa) => {
            let modulus = URL_SAFE_NO_PAD.decode(rsa.n.trim_end_matches('=')).ok()?;
            (modulus.len() >= MIN_MODULUS_BYTES).then_some(RSA)
        }
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => Some(&[Algorithm::ES256]),
            EllipticCurve::P384 => Some(&[Algorithm::ES384]),
            EllipticCurve::P521 | EllipticCurve::Ed25519 => None,
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Some(&[Algorithm::EdDSA]),
        AlgorithmParameters::OctetKeyPair(_) | AlgorithmParameters::OctetKey(_) => None,
    }
}

fn single(named: KeyAlgorithm) -> Option<&'static [Algorithm]> {
    Some(match named {
        KeyAlgorithm::RS256 => &[Algorithm::RS256],
        KeyAlgorithm::RS384 => &[Algorithm::RS384],
        KeyAlgorithm::RS512 => &[Algorithm::RS512],
        KeyAlgorithm::PS256 => &[Algorithm::PS256],
        KeyAlgorithm::PS384 => &[Algorithm::PS384],
        KeyAlgorithm::PS512 => &[Algorithm::PS512],
        KeyAlgorithm::ES256 => &[Algorithm::ES256],
        KeyAlgorithm::ES384 => &[Algorithm::ES384],
        KeyAlgorithm::EdDSA => &[Algorithm::EdDSA],
        _ => return None,
    })
}

fn is_pss(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512)
}

/// The content of the first sequence inside the outer one: `SubjectPublicKeyInfo ::= SEQUENCE { AlgorithmIdentifier, BIT STRING }`.
fn algorithm_identifier(der: &[u8]) -> Option<&[u8]> {
    sequence(sequence(der)?)
}

/// The content of the DER sequence that the bytes begin with; lengths of up to two bytes, which is enough for any public key.
fn sequence(der: &[u8]) -> Option<&[u8]> {
    let (length, content) = match der {
        [0x30, 0x82, high, low, content @ ..] => (usize::from(*high) << 8 | usize::from(*low), content),
        [0x30, 0x81, length, content @ ..] => (usize::from(*length), content),
        [0x30, length @ 0..=0x7f, content @ ..] => (usize::from(*length), content),
        _ => return None,
    };
    content.get(..length)
}
