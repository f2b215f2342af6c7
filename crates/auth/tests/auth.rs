//! Tokens: which ones are accepted and rejected, and their sources. The time is a parameter.

// A test that cannot continue has failed.
#![allow(clippy::unwrap_used)]

use auth::sign::{NewTokenClaims, sign};
use auth::{AuthError, Authenticator, ConnectAuth, FailedCheck, Identity, Keys, Verifier};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use config::Config;
use http::{HeaderMap, HeaderName, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const SECRET: &str = "a-secret-that-is-long-enough-for-hs256";
const NOW: i64 = 1_700_000_000;

fn config(pairs: &[(&str, &str)]) -> Config {
    Config::of_pairs(pairs.iter().copied()).unwrap()
}

/// A verifier for the secret, with further settings.
fn verifier(more: &[(&str, &str)]) -> Verifier {
    let config = config(&[&[("JWT_SECRET", SECRET)], more].concat());
    Verifier::new(&Keys::load(&config).unwrap(), &config.auth)
}

fn signed(claims: &Value) -> String {
    signed_with(&Header::default(), claims, &EncodingKey::from_secret(SECRET.as_bytes()))
}

fn signed_with(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, claims, key).unwrap()
}

/// A correctly signed token of exactly these bytes, for headers and payloads that no library writes.
fn raw(header: &str, payload: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn accepted(claims: Value) -> Identity {
    verifier(&[]).verify(&signed(&claims), NOW).unwrap()
}

fn error(claims: Value) -> AuthError {
    verifier(&[]).verify(&signed(&claims), NOW).unwrap_err()
}

#[test]
fn a_valid_token_yields_the_identity() {
    let identity = accepted(json!({
        "sub": "user-1", "name": "Alice", "username": "alice", "email": "alice@example.com", "household_id": "h1",
        "role": "admin", "iat": NOW - 5, "exp": NOW + 60,
    }));
    assert_eq!(identity.user.as_str(), "user-1");
    assert_eq!(identity.name.as_deref(), Some("Alice"));
    assert_eq!(identity.username.as_deref(), Some("alice"));
    assert_eq!(identity.email.as_deref(), Some("alice@example.com"));
    assert_eq!(identity.household.as_deref(), Some("h1"));
    assert!(identity.admin && !identity.service);
    assert_eq!((identity.issued_at, identity.expires_at), (Some(NOW - 5), Some(NOW + 60)));
}

#[test]
fn the_first_of_the_four_subject_claims_is_used() {
    for claims in [json!({"sub": "a"}), json!({"user_id": "a"}), json!({"userId": "a"}), json!({"id": "a"})] {
        assert_eq!(accepted(claims).user.as_str(), "a");
    }
    assert_eq!(accepted(json!({"id": "d", "userId": "c", "user_id": "b", "sub": "a"})).user.as_str(), "a");
    assert_eq!(accepted(json!({"id": "d", "userId": "c", "user_id": "b"})).user.as_str(), "b");
    assert_eq!(accepted(json!({"sub": null, "id": "d"})).user.as_str(), "d");
    assert_eq!(error(json!({"sub": "", "id": "d"})), AuthError::Invalid(FailedCheck::Subject));
}

#[test]
fn a_subject_may_be_a_number() {
    assert_eq!(accepted(json!({"sub": 42})).user.as_str(), "42");
    assert_eq!(accepted(json!({"user_id": 18_446_744_073_709_551_615_u64})).user.as_str(), "18446744073709551615");
    assert_eq!(accepted(json!({"id": -7})).user.as_str(), "-7");
}

#[test]
fn a_token_without_a_valid_subject_is_rejected() {
    let long = "x".repeat(201);
    let bad = [json!({}), json!({"name": "A"}), json!({"sub": ""}), json!({"sub": null}), json!({"sub": long}), json!({"sub": "a\nb"})];
    for claims in bad {
        assert_eq!(error(claims), AuthError::Invalid(FailedCheck::Subject));
    }
    for claims in [json!({"sub": 1.5}), json!({"sub": true}), json!({"sub": ["a"]}), json!({"sub": {"id": 1}})] {
        assert_eq!(error(claims), AuthError::Invalid(FailedCheck::Subject));
    }
    for subject in [" ", "   ", "\t", "\u{a0}", "\u{2003}\u{3000}", "\u{0}", "a\u{0}", "\u{7f}", "a\u{85}b", "\u{1b}[31m"] {
        assert_eq!(error(json!({"sub": subject})), AuthError::Invalid(FailedCheck::Subject), "{subject:?}");
        assert_eq!(error(json!({"user_id": subject})), AuthError::Invalid(FailedCheck::Subject), "{subject:?}");
    }
    assert_eq!(accepted(json!({"sub": " a b "})).user.as_str(), " a b ", "what is not blank is as it is");
    assert_eq!(accepted(json!({"sub": "x".repeat(200)})).user.as_str().len(), 200, "as long as the id of a user who is added");
}

#[test]
fn other_claims_may_have_any_type() {
    let identity = accepted(json!({
        "sub": "a", "name": {"first": "A"}, "email": 5, "username": " ", "role": 3, "roles": {"admin": true}, "household_id": "",
        "permissions": [1, {"deep": [[[]]]}],
    }));
    assert_eq!((identity.name, identity.username, identity.household), (None, None, None));
    assert!(!identity.admin && !identity.service);
    assert_eq!(accepted(json!({"sub": "a", "household_id": 7})).household.as_deref(), Some("7"));
    assert_eq!(accepted(json!({"sub": "a", "householdId": "h"})).household.as_deref(), Some("h"));
    for household in ["x".repeat(500), " ".into(), "h\n".into()] {
        assert_eq!(accepted(json!({"sub": "a", "household_id": household})).household, None);
    }
}

#[test]
fn roles_may_be_a_string_or_a_list() {
    let roles = |claims| {
        let identity = accepted(claims);
        (identity.admin, identity.service)
    };
    assert_eq!(roles(json!({"sub": "a", "role": "admin"})), (true, false));
    assert_eq!(roles(json!({"sub": "a", "role": "service"})), (false, true));
    assert_eq!(roles(json!({"sub": "a", "roles": ["user", "admin", "service"]})), (true, true));
    assert_eq!(roles(json!({"sub": "a", "role": ["admin"], "roles": "service"})), (true, true));
    assert_eq!(roles(json!({"sub": "a", "role": "administrator", "roles": ["Admin"]})), (false, false));
}

#[test]
fn a_token_expires_exactly_after_its_time_and_the_leeway() {
    let at = |verifier: &Verifier, now| verifier.verify(&signed(&json!({"sub": "a", "exp": NOW})), now).map(|_| ());
    let strict = verifier(&[]);
    assert_eq!(at(&strict, NOW - 1), Ok(()));
    assert_eq!(at(&strict, NOW), Err(AuthError::Expired));
    assert_eq!(at(&strict, NOW + 1), Err(AuthError::Expired));
    let lenient = verifier(&[("JWT_LEEWAY", "5s")]);
    assert_eq!(at(&lenient, NOW + 4), Ok(()));
    assert_eq!(at(&lenient, NOW + 5), Err(AuthError::Expired));
}

#[test]
fn a_token_without_exp_never_expires() {
    assert_eq!(accepted(json!({"sub": "a"})).expires_at, None);
    assert_eq!(accepted(json!({"sub": "a", "exp": 1e300})).expires_at, Some(i64::MAX));
}

#[test]
fn a_time_may_have_a_fraction_but_must_be_a_number() {
    assert_eq!(accepted(json!({"sub": "a", "exp": NOW as f64 + 1.5, "iat": NOW as f64 - 0.5})).expires_at, Some(NOW + 1));
    assert_eq!(error(json!({"sub": "a", "exp": NOW as f64 - 0.5})), AuthError::Expired);
    for exp in [json!("tomorrow"), json!((NOW + 60).to_string()), json!(true), json!([NOW + 60])] {
        assert_eq!(error(json!({"sub": "a", "exp": exp})), AuthError::Invalid(FailedCheck::Form));
    }
}

#[test]
fn a_token_is_rejected_before_its_nbf() {
    assert_eq!(error(json!({"sub": "a", "nbf": NOW + 1})), AuthError::Invalid(FailedCheck::Time));
    assert_eq!(accepted(json!({"sub": "a", "nbf": NOW})).user.as_str(), "a");
    let lenient = verifier(&[("JWT_LEEWAY", "5s")]);
    assert!(lenient.verify(&signed(&json!({"sub": "a", "nbf": NOW + 5})), NOW).is_ok());
    assert!(lenient.verify(&signed(&json!({"sub": "a", "nbf": NOW + 6})), NOW).is_err());
}

#[test]
fn only_an_otherwise_valid_token_is_reported_as_expired() {
    let expired = json!({"sub": "a", "exp": NOW - 1});
    assert_eq!(error(expired.clone()), AuthError::Expired);
    let other = signed_with(&Header::default(), &expired, &EncodingKey::from_secret(b"another secret"));
    assert_eq!(verifier(&[]).verify(&other, NOW), Err(AuthError::Invalid(FailedCheck::Signature)));
    assert_eq!(error(json!({"exp": NOW - 1})), AuthError::Invalid(FailedCheck::Subject));
    let issuer = verifier(&[("JWT_ISSUER", "us")]);
    assert_eq!(issuer.verify(&signed(&expired), NOW), Err(AuthError::Invalid(FailedCheck::Issuer)));
}

#[test]
fn issuer_and_audience_are_checked_only_if_configured() {
    let claims = json!({"sub": "a", "iss": "group-planner-api", "aud": "group-planner-client"});
    assert!(verifier(&[]).verify(&signed(&claims), NOW).is_ok());
    assert!(verifier(&[("JWT_ISSUER", "group-planner-api")]).verify(&signed(&claims), NOW).is_ok());
    assert!(verifier(&[("JWT_AUDIENCE", "group-planner-client")]).verify(&signed(&claims), NOW).is_ok());
    assert!(verifier(&[("JWT_ISSUER", "another issuer")]).verify(&signed(&claims), NOW).is_err());
    assert!(verifier(&[("JWT_AUDIENCE", "another audience")]).verify(&signed(&claims), NOW).is_err());
    let bare = signed(&json!({"sub": "a"}));
    assert_eq!(verifier(&[("JWT_ISSUER", "x")]).verify(&bare, NOW), Err(AuthError::Invalid(FailedCheck::Issuer)));
    assert_eq!(verifier(&[("JWT_AUDIENCE", "x")]).verify(&bare, NOW), Err(AuthError::Invalid(FailedCheck::Audience)));
}

#[test]
fn audiences_may_be_lists_in_token_and_setting() {
    let list = signed(&json!({"sub": "a", "aud": ["web", "mobile"]}));
    assert!(verifier(&[("JWT_AUDIENCE", "mobile")]).verify(&list, NOW).is_ok());
    assert!(verifier(&[("JWT_AUDIENCE", "desktop, web")]).verify(&list, NOW).is_ok());
    assert!(verifier(&[("JWT_AUDIENCE", "desktop")]).verify(&list, NOW).is_err());
    assert!(verifier(&[("JWT_AUDIENCE", "5")]).verify(&signed(&json!({"sub": "a", "aud": 5})), NOW).is_err());
}

#[test]
fn a_token_of_another_secret_or_algorithm_is_rejected() {
    let claims = json!({"sub": "a"});
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let other = signed_with(&Header::default(), &claims, &EncodingKey::from_secret(b"another secret"));
    let longer = signed_with(&Header::new(Algorithm::HS512), &claims, &key);
    for (token, check) in [(other, FailedCheck::Signature), (longer, FailedCheck::Algorithm)] {
        assert_eq!(verifier(&[]).verify(&token, NOW), Err(AuthError::Invalid(check)));
    }
}

#[test]
fn a_token_without_a_signature_is_rejected() {
    let payload = URL_SAFE_NO_PAD.encode(r#"{"sub":"a"}"#);
    let signature = signed(&json!({"sub": "a"})).rsplit_once('.').unwrap().1.to_owned();
    for alg in ["none", "None", "NONE", "nOnE", "", "HS256"] {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#));
        let check = if alg == "HS256" { FailedCheck::Signature } else { FailedCheck::Algorithm };
        assert_eq!(verifier(&[]).verify(&format!("{header}.{payload}."), NOW), Err(AuthError::Invalid(check)), "{alg}");
        if alg != "HS256" {
            let token = format!("{header}.{payload}.{signature}");
            assert_eq!(verifier(&[]).verify(&token, NOW), Err(AuthError::Invalid(check)), "{alg}");
        }
    }
    // Correctly signed, but without the algorithm.
    assert_eq!(verifier(&[]).verify(&raw("{}", r#"{"sub":"a"}"#), NOW), Err(AuthError::Invalid(FailedCheck::Form)));
    assert_eq!(verifier(&[]).verify(&raw(r#"{"alg":"none"}"#, r#"{"sub":"a"}"#), NOW), Err(AuthError::Invalid(FailedCheck::Algorithm)));
}

#[test]
fn a_token_with_critical_extensions_is_rejected() {
    let header = r#"{"alg":"HS256","crit":["b64"],"b64":false}"#;
    assert_eq!(verifier(&[]).verify(&raw(header, r#"{"sub":"a"}"#), NOW), Err(AuthError::Invalid(FailedCheck::Form)));
    assert!(verifier(&[]).verify(&raw(r#"{"alg":"HS256","typ":"at+jwt","x":1}"#, r#"{"sub":"a"}"#), NOW).is_ok());
}

#[test]
fn a_token_with_a_duplicate_claim_is_rejected() {
    let token = raw(r#"{"alg":"HS256"}"#, r#"{"sub":"alice","sub":"admin"}"#);
    assert_eq!(verifier(&[]).verify(&token, NOW), Err(AuthError::Invalid(FailedCheck::Form)));
}

#[test]
fn a_payload_that_is_not_an_object_is_rejected() {
    for payload in ["", "null", "[]", "\"a\"", "1", "{\"sub\":\"a\"", "\u{0}", &"[".repeat(5000), "{\"sub\":\"a\"}x"] {
        assert_eq!(
            verifier(&[]).verify(&raw(r#"{"alg":"HS256"}"#, payload), NOW),
            Err(AuthError::Invalid(FailedCheck::Form)),
            "{payload:.20}"
        );
    }
}

#[test]
fn a_truncated_or_modified_token_is_rejected() {
    let token = signed(&json!({"sub": "a", "exp": NOW + 60}));
    for end in 0..token.len() {
        assert!(matches!(verifier(&[]).verify(&token[..end], NOW), Err(AuthError::Invalid(_))), "cut at {end}");
    }
    for place in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(matches!(verifier(&[]).verify(&changed, NOW), Err(AuthError::Invalid(_))), "changed at {place}");
    }
    for longer in [format!("{token}A"), format!("{token}."), format!(".{token}"), format!("{token}="), format!("{token}.{token}")] {
        assert!(matches!(verifier(&[]).verify(&longer, NOW), Err(AuthError::Invalid(_))));
    }
}

#[test]
fn garbage_tokens_are_rejected() {
    for garbage in ["", ".", "..", "...", "a.b.c", "null", "undefined", "\u{0}\u{0}.\u{0}", "é.é.é", "eyJhbGciOiJIUzI1NiJ9..", "{}"] {
        assert!(matches!(verifier(&[]).verify(garbage, NOW), Err(AuthError::Invalid(_))), "{garbage}");
    }
}

#[test]
fn a_huge_token_is_rejected_although_it_is_signed() {
    let fits = signed(&json!({"sub": "a", "name": "x".repeat(11_000)}));
    assert!(fits.len() <= 16 * 1024 && verifier(&[]).verify(&fits, NOW).is_ok());
    let huge = signed(&json!({"sub": "a", "name": "x".repeat(13_000)}));
    assert!(huge.len() > 16 * 1024);
    assert_eq!(verifier(&[]).verify(&huge, NOW), Err(AuthError::Invalid(FailedCheck::Form)));
    assert_eq!(verifier(&[]).verify(&"a.".repeat(1 << 20), NOW), Err(AuthError::Invalid(FailedCheck::Form)));
}

/// A key pair: its signing key, and its public key as PEM and as JWK members.
struct Pair {
    signing: EncodingKey,
    public: Vec<u8>,
    jwk: Value,
}

impl Pair {
    fn pem(&self) -> String {
        pem("PUBLIC KEY", &self.public)
    }

    fn token(&self, algorithm: Algorithm, kid: Option<&str>) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
        signed_with(&header, &json!({"sub": "a"}), &self.signing)
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn rsa() -> Pair {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
    let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let modulus = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
    let exponent = pair.public_key().exponent().big_endian_without_leading_zero().to_vec();
    Pair {
        signing: EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes()).unwrap(),
        public: public.as_ref().to_vec(),
        jwk: json!({"kty": "RSA", "n": number(&modulus), "e": number(&exponent)}),
    }
}

fn ec(curve: &str) -> Pair {
    let signing = if curve == "P-256" { &ECDSA_P256_SHA256_FIXED_SIGNING } else { &ECDSA_P384_SHA384_FIXED_SIGNING };
    let pair = EcdsaKeyPair::generate(signing).unwrap();
    let private = pair.to_pkcs8v1().unwrap();
    let point = pair.public_key().as_ref().to_vec();
    let (x, y) = point[1..].split_at(point.len() / 2);
    Pair {
        signing: EncodingKey::from_ec_der(private.as_ref()),
        public: AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap().as_ref().to_vec(),
        jwk: json!({"kty": "EC", "crv": curve, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)}),
    }
}

fn ed25519() -> Pair {
    let pair = Ed25519KeyPair::generate().unwrap();
    let private = pair.to_pkcs8v1().unwrap();
    Pair {
        signing: EncodingKey::from_ed_der(private.as_ref()),
        public: AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap().as_ref().to_vec(),
        jwk: json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair.public_key().as_ref())}),
    }
}

fn public_verifier(pem: &str) -> Result<Verifier, String> {
    let config = config(&[("JWT_PUBLIC_KEY", pem)]);
    Keys::load(&config).map(|keys| Verifier::new(&keys, &config.auth)).map_err(|error| error.to_string())
}

fn jwks_verifier(jwks: &Value) -> Result<Verifier, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, jwks.to_string()).unwrap();
    let config = config(&[("JWT_JWKS", path.to_str().unwrap())]);
    Keys::load(&config).map(|keys| Verifier::new(&keys, &config.auth)).map_err(|error| error.to_string())
}

fn with(jwk: &Value, more: Value) -> Value {
    let mut jwk = jwk.clone();
    jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    jwk
}

#[test]
fn each_public_key_verifies_only_its_own_algorithm() {
    let all = [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512];
    let pairs: [(Pair, &[Algorithm]); 4] =
        [(rsa(), &all), (ec("P-256"), &[Algorithm::ES256]), (ec("P-384"), &[Algorithm::ES384]), (ed25519(), &[Algorithm::EdDSA])];
    for (pair, algorithms) in &pairs {
        let by_pem = public_verifier(&pair.pem()).unwrap();
        let by_jwk = jwks_verifier(&json!({"keys": [pair.jwk]})).unwrap();
        for algorithm in *algorithms {
            let token = pair.token(*algorithm, None);
            assert_eq!(by_pem.verify(&token, NOW).unwrap().user.as_str(), "a", "{algorithm:?}");
            assert_eq!(by_jwk.verify(&token, NOW).unwrap().user.as_str(), "a", "{algorithm:?}");
        }
        // Tokens of the other pairs, and of a secret.
        for (other, algorithms) in pairs.iter().filter(|(other, _)| other.public != pair.public) {
            assert!(by_pem.verify(&other.token(algorithms[0], None), NOW).is_err());
        }
        assert!(by_pem.verify(&signed(&json!({"sub": "a"})), NOW).is_err());
    }
    // Of the same key, with an algorithm of another family.
    assert!(public_verifier(&pairs[0].0.pem()).unwrap().verify(&pairs[0].0.token(Algorithm::PS256, None), NOW).is_err());
}

#[test]
fn a_public_key_does_not_work_as_a_secret() {
    // Algorithm confusion: the attacker signs with HS256 and the public key, in each of its forms.
    let pair = rsa();
    let verifier = public_verifier(&pair.pem()).unwrap();
    for known in [pair.pem().into_bytes(), pair.pem().trim().as_bytes().to_vec(), pair.public.clone()] {
        let token = signed_with(&Header::default(), &json!({"sub": "a", "role": "admin"}), &EncodingKey::from_secret(&known));
        assert_eq!(verifier.verify(&token, NOW), Err(AuthError::Invalid(FailedCheck::Algorithm)));
    }
}

#[test]
fn a_public_key_may_be_a_file_or_text_without_line_ends() {
    let pair = ec("P-256");
    let token = pair.token(Algorithm::ES256, None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("public.pem");
    std::fs::write(&path, pair.pem()).unwrap();
    assert!(public_verifier(path.to_str().unwrap()).unwrap().verify(&token, NOW).is_ok());
    assert!(public_verifier(&pair.pem().replace('\n', "\\n")).unwrap().verify(&token, NOW).is_ok());
}

#[test]
fn a_key_of_a_set_is_selected_by_its_kid() {
    let (first, second) = (ec("P-256"), ec("P-256"));
    let set = json!({"keys": [
        {"kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET), "kid": "symmetric", "alg": "HS256"},
        {"kty": "future", "kid": "unknown"},
        with(&ec("P-256").jwk, json!({"kid": "encryption", "use": "enc"})),
        with(&first.jwk, json!({"kid": "first", "use": "sig", "alg": "ES256"})),
        with(&second.jwk, json!({"kid": "second"})),
    ]});
    let verifier = jwks_verifier(&set).unwrap();
    assert!(verifier.verify(&first.token(Algorithm::ES256, Some("first")), NOW).is_ok());
    assert!(verifier.verify(&second.token(Algorithm::ES256, Some("second")), NOW).is_ok());
    assert!(verifier.verify(&second.token(Algorithm::ES256, None), NOW).is_ok(), "without a kid every key is tried");
    assert!(verifier.verify(&second.token(Algorithm::ES256, Some("first")), NOW).is_err());
    assert!(verifier.verify(&second.token(Algorithm::ES256, Some("third")), NOW).is_err());
    assert!(verifier.verify(&signed(&json!({"sub": "a"})), NOW).is_err(), "a symmetric key in a set verifies nothing");
}

#[test]
fn a_key_with_an_algorithm_verifies_only_that_algorithm() {
    let pair = rsa();
    let verifier = jwks_verifier(&json!({"keys": [with(&pair.jwk, json!({"alg": "RS256"}))]})).unwrap();
    assert!(verifier.verify(&pair.token(Algorithm::RS256, None), NOW).is_ok());
    assert!(verifier.verify(&pair.token(Algorithm::RS512, None), NOW).is_err());
    let pss = jwks_verifier(&json!({"keys": [with(&pair.jwk, json!({"alg": "PS256"}))]})).unwrap();
    assert!(pss.verify(&pair.token(Algorithm::PS256, None), NOW).is_ok());
    assert!(pss.verify(&pair.token(Algorithm::RS256, None), NOW).is_err());
    let contradiction = jwks_verifier(&json!({"keys": [with(&pair.jwk, json!({"alg": "HS256"}))]}));
    assert!(contradiction.unwrap_err().contains("JWKS"));
}

#[test]
fn unusable_keys_prevent_the_start_with_one_line() {
    let file = public_verifier("/nowhere/public.pem").unwrap_err();
    assert!(file.starts_with("JWT_PUBLIC_KEY=/nowhere/public.pem: the file cannot be read ("), "{file}");
    let private = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let private = pem("PRIVATE KEY", AsDer::<Pkcs8V1Der<'_>>::as_der(&private).unwrap().as_ref());
    let line = public_verifier(&private).unwrap_err();
    assert_eq!(line, "JWT_PUBLIC_KEY=(PEM text): this is a private key, which does not belong here; expected its public key");
    for broken in [pem("PUBLIC KEY", b"nonsense"), pem("PUBLIC KEY", &[0x30, 0x82, 0xff, 0xff]), pem("CERTIFICATE", &rsa().public)] {
        let line = public_verifier(&broken).unwrap_err();
        assert!(line.starts_with("JWT_PUBLIC_KEY=(PEM text): expected one PEM block") && !line.contains('\n'), "{line}");
    }
    for broken in [json!({}), json!({"keys": []}), json!([]), json!({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]})] {
        let line = jwks_verifier(&broken).unwrap_err();
        assert!(line.contains("expected a JWKS file") && !line.contains('\n'), "{line}");
    }
}

fn authenticator(more: &[(&str, &str)]) -> Authenticator {
    let config = config(&[&[("JWT_SECRET", SECRET)], more].concat());
    Authenticator::new(&Keys::load(&config).unwrap(), &config)
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    pairs.iter().map(pair).collect()
}

/// The user of a request, as text, or the code of the error.
fn identify(auth: Option<Value>, headers: &HeaderMap, query: Option<&str>) -> String {
    let auth = auth.map(|auth| ConnectAuth::read(&auth.to_string()));
    let identity = authenticator(&[("FRONTEND_URL", "https://app.example.com")]).identify(auth, headers, query, NOW);
    identity.map_or_else(|error| error.code().to_owned(), |identity| identity.user.to_string())
}

fn token_of(user: &str) -> String {
    signed(&json!({"sub": user}))
}

#[test]
fn each_token_source_works_with_and_without_bearer() {
    let token = token_of("a");
    let none = HeaderMap::new();
    for prefix in ["", "Bearer ", "bearer ", "BEARER   ", " "] {
        let text = format!("{prefix}{token}");
        assert_eq!(identify(Some(json!({"token": text})), &none, None), "a");
        assert_eq!(identify(None, &headers(&[("authorization", &text)]), None), "a");
        let cookie = format!("theme=dark; token={text}; x=y");
        assert_eq!(identify(None, &headers(&[("origin", "https://app.example.com"), ("cookie", &cookie)]), None), "a");
        for space in ["%20", "+"] {
            let query = format!("EIO=4&token={}&transport=polling", text.replace(' ', space));
            assert_eq!(identify(None, &none, Some(&query)), "a");
        }
    }
}

#[test]
fn token_sources_are_tried_in_order() {
    let (first, second, third, fourth) = (token_of("1"), token_of("2"), token_of("3"), token_of("4"));
    let cookie = format!("token={fourth}");
    let origin = ("origin", "https://app.example.com");
    let query = format!("token={third}");
    let all = headers(&[("authorization", &second), ("cookie", &cookie), origin]);
    let rest = headers(&[("cookie", &cookie), origin]);
    assert_eq!(identify(Some(json!({"token": first})), &all, Some(&query)), "1");
    assert_eq!(identify(Some(json!({})), &all, Some(&query)), "2");
    assert_eq!(identify(None, &rest, Some(&query)), "3");
    assert_eq!(identify(None, &rest, Some("x=1")), "4");
    // The first one that is present decides, even if it is invalid.
    assert_eq!(identify(Some(json!({"token": "garbage"})), &all, Some(&query)), "token_invalid");
}

#[test]
fn an_empty_token_source_is_skipped() {
    let token = token_of("a");
    let query = format!("token={token}");
    for empty in
        [json!({"token": ""}), json!({"token": null}), json!({"token": "Bearer "}), json!({"token": "  "}), json!(null), json!("x")]
    {
        assert_eq!(identify(Some(empty.clone()), &HeaderMap::new(), Some(&query)), "a", "{empty}");
    }
    assert_eq!(identify(None, &headers(&[("authorization", "Bearer")]), Some(&query)), "a");
    assert_eq!(identify(None, &headers(&[("authorization", "Basic dXNlcjpwYXNz")]), Some(&query)), "a");
    assert_eq!(identify(None, &HeaderMap::new(), Some(&format!("token=&token={token}"))), "a");
}

#[test]
fn a_request_without_a_token_is_reported_as_missing() {
    assert_eq!(identify(None, &HeaderMap::new(), None), "token_missing");
    assert_eq!(identify(Some(json!({"token": ""})), &headers(&[("authorization", "Bearer ")]), Some("token=")), "token_missing");
    assert_eq!(identify(Some(json!({"Token": "x"})), &HeaderMap::new(), Some("tokens=x")), "token_missing");
}

#[test]
fn an_auth_token_that_is_not_a_string_is_invalid() {
    for token in [json!(5), json!(true), json!(["x"]), json!({"x": 1})] {
        assert_eq!(identify(Some(json!({"token": token})), &HeaderMap::new(), None), "token_invalid");
    }
}

#[test]
fn a_cookie_is_accepted_only_from_an_allowed_origin() {
    let cookie = format!("token={}", token_of("a"));
    let from = |more: &[(&'static str, &str)]| identify(None, &headers(&[more, &[("cookie", cookie.as_str())]].concat()), None);
    assert_eq!(from(&[("origin", "https://app.example.com")]), "a");
    assert_eq!(from(&[("origin", "http://10.0.0.1:3000"), ("host", "10.0.0.1:3000")]), "a");
    assert_eq!(from(&[("sec-fetch-site", "same-origin")]), "a");
    assert_eq!(from(&[]), "token_missing");
    assert_eq!(from(&[("origin", "https://evil.example")]), "token_missing");
    assert_eq!(from(&[("origin", "null")]), "token_missing");
    assert_eq!(from(&[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")]), "token_missing");
    assert_eq!(from(&[("sec-fetch-site", "cross-site")]), "token_missing");
}

#[test]
fn the_name_and_form_of_a_cookie_may_vary() {
    let token = token_of("a");
    let from = |settings: &[(&str, &str)], cookie: String| {
        let headers = headers(&[("origin", "http://localhost:3000"), ("cookie", &cookie)]);
        authenticator(settings).identify(None, &headers, None, NOW).map(|_| ())
    };
    assert_eq!(from(&[("JWT_COOKIE", "session")], format!("session={token}")), Ok(()));
    assert_eq!(from(&[("JWT_COOKIE", "session")], format!("token={token}")), Err(AuthError::Missing));
    assert_eq!(from(&[], format!("token=\"{token}\"")), Ok(()));
    assert_eq!(from(&[], format!("token=Bearer%20{token}")), Ok(()));
    assert_eq!(from(&[], format!("xtoken={token}; token")), Err(AuthError::Missing));
}

#[test]
fn a_claimed_user_id_must_match_the_token() {
    let with = |user: Value| identify(Some(json!({"token": signed(&json!({"sub": 42})), "userId": user})), &HeaderMap::new(), None);
    assert_eq!(with(json!("42")), "42");
    assert_eq!(with(json!(42)), "42");
    assert_eq!(with(json!(null)), "42");
    for wrong in [json!("43"), json!(43), json!(""), json!("042"), json!(["42"]), json!({"id": 42}), json!(42.0)] {
        assert_eq!(with(wrong.clone()), "subject_mismatch", "{wrong}");
    }
    // The token is checked first, so a claimed id reveals nothing.
    assert_eq!(identify(Some(json!({"token": "garbage", "userId": "1"})), &HeaderMap::new(), None), "token_invalid");
}

#[test]
fn each_auth_error_has_its_code() {
    let codes = [
        (AuthError::Missing, "token_missing"),
        (AuthError::Invalid(FailedCheck::Signature), "token_invalid"),
        (AuthError::Expired, "token_expired"),
        (AuthError::SubjectMismatch, "subject_mismatch"),
        (AuthError::TooManyConnections, "too_many_connections"),
    ];
    for (error, code) in codes {
        assert_eq!(error.code(), code);
    }
}

#[test]
fn the_api_key_is_compared_completely() {
    let backend = |settings: &[(&str, &str)], value: &str| authenticator(settings).is_backend(&headers(&[("authorization", value)]));
    let key = [("ROOMCAST_API_KEY", "the-key")];
    assert!(backend(&key, "Bearer the-key"));
    assert!(backend(&key, "the-key"));
    for wrong in ["Bearer the-ke", "Bearer the-key2", "Bearer THE-KEY", "Bearer", "Bearer ", "Basic the-key", ""] {
        assert!(!backend(&key, wrong), "{wrong}");
    }
    // Without a configured key no request is a backend's, also with an empty key.
    assert!(!backend(&[], "Bearer "));
    assert!(!backend(&[("ROOMCAST_API_KEY", "")], "Bearer "));
    assert!(!authenticator(&key).is_backend(&HeaderMap::new()));
}

#[test]
fn a_signed_token_is_accepted_by_the_same_configuration() {
    let config = config(&[("JWT_SECRET", SECRET), ("JWT_ISSUER", "us"), ("JWT_AUDIENCE", "web,mobile")]);
    let keys = Keys::load(&config).unwrap();
    let token = NewTokenClaims {
        sub: "alice".into(),
        name: Some("Alice".into()),
        username: Some("al".into()),
        email: Some("a@example.com".into()),
        household_id: Some("h1".into()),
        role: Some("admin".into()),
        iat: NOW,
        exp: Some(NOW + 60),
    };
    let text = sign(&keys, &token, &config.auth).unwrap();
    let identity = Verifier::new(&keys, &config.auth).verify(&text, NOW).unwrap();
    assert_eq!((identity.user.as_str(), identity.household.as_deref(), identity.admin), ("alice", Some("h1"), true));
    assert_eq!((identity.issued_at, identity.expires_at), (Some(NOW), Some(NOW + 60)));
    for bad in ["", "a\u{0}b", &"x".repeat(201)] {
        assert!(sign(&keys, &NewTokenClaims { sub: bad.into(), ..token.clone() }, &config.auth).is_err());
    }
}

#[test]
fn a_server_with_public_keys_signs_no_token() {
    let config = config(&[("JWT_PUBLIC_KEY", &ed25519().pem())]);
    let keys = Keys::load(&config).unwrap();
    let error = sign(&keys, &NewTokenClaims { sub: "a".into(), ..NewTokenClaims::default() }, &config.auth).unwrap_err();
    assert!(error.to_string().contains("this server can only verify tokens"));
}

#[test]
fn the_dev_secret_is_created_once_and_readable_by_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/data/roomcast.db", folder.path().display());
    let config = config(&[("DATABASE_URL", &url)]);
    let secret = || match Keys::load(&config).unwrap() {
        Keys::Secret { secret, dev: true } => secret,
        other => panic!("{other:?}"),
    };
    let first = secret();
    assert_eq!(first.expose().len(), 43, "32 bytes in base64");
    assert_eq!(secret(), first);
    let path = folder.path().join("data/dev-secret");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    assert_eq!(std::fs::read_dir(folder.path().join("data")).unwrap().count(), 1, "no draft is left behind");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(secret(), first);
    assert_eq!(mode(), 0o600);
    std::fs::write(&path, "short").unwrap();
    let error = Keys::load(&config).unwrap_err().to_string();
    assert!(error.contains("dev-secret") && error.contains("it contains no secret; delete it"), "{error}");
}

#[test]
fn concurrent_starts_create_one_dev_secret() {
    let folder = tempfile::tempdir().unwrap();
    let secrets: Vec<_> = std::thread::scope(|scope| {
        let load = || auth::dev_secret::load_or_make(Some(folder.path())).unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(secrets.iter().all(|secret| *secret == secrets[0]));
}

#[test]
fn an_in_memory_database_has_a_temporary_dev_secret() {
    let config = config(&[("DATABASE_URL", "sqlite::memory:")]);
    assert!(Keys::load(&config).unwrap().is_dev());
}

#[test]
fn only_the_log_names_the_failed_token_check() {
    let claims = json!({"sub": "a", "iss": "us", "aud": "web"});
    let verifier = verifier(&[("JWT_ISSUER", "us"), ("JWT_AUDIENCE", "web")]);
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        signed(&claims)
    };
    let table = [
        ("nonsense".to_owned(), "token_invalid: form"),
        (signed_with(&Header::new(Algorithm::HS512), &claims, &EncodingKey::from_secret(SECRET.as_bytes())), "token_invalid: algorithm"),
        (signed_with(&Header::default(), &claims, &EncodingKey::from_secret(b"another secret")), "token_invalid: signature"),
        (with("iss", json!("them")), "token_invalid: issuer"),
        (with("aud", json!("desktop")), "token_invalid: audience"),
        (with("nbf", json!(NOW + 1)), "token_invalid: time (nbf)"),
        (with("sub", json!("")), "token_invalid: subject"),
        (with("exp", json!(NOW)), "token_expired"),
    ];
    for (token, logged) in table {
        let why = verifier.verify(&token, NOW).unwrap_err();
        assert_eq!(why.log_text(), logged);
        assert_eq!(why.code(), logged.split(':').next().unwrap());
        assert!(["The token is not valid", "The token has expired"].contains(&why.to_string().as_str()));
    }
}

/// The name of the check that an error stands for, in a report.
fn check_name(error: AuthError) -> &'static str {
    match error {
        AuthError::Expired => "expiry",
        AuthError::Invalid(FailedCheck::Form) => "form",
        AuthError::Invalid(FailedCheck::Algorithm) => "algorithm",
        AuthError::Invalid(FailedCheck::Signature) => "signature",
        AuthError::Invalid(FailedCheck::Issuer) => "issuer",
        AuthError::Invalid(FailedCheck::Audience) => "audience",
        AuthError::Invalid(FailedCheck::Time) => "not before",
        AuthError::Invalid(FailedCheck::Subject) => "subject",
        other => panic!("{other:?} is no check of a token"),
    }
}

#[test]
fn report_has_each_check_and_fails_first_what_verify_rejects() {
    let verifier = verifier(&[("JWT_ISSUER", "https://id.example.com"), ("JWT_AUDIENCE", "roomcast")]);
    let good = json!({"sub": "anna", "iss": "https://id.example.com", "aud": "roomcast", "exp": NOW + 60});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let other_key = EncodingKey::from_secret(b"another secret, which the server does not have");
    let hs512 = signed_with(&Header::new(Algorithm::HS512), &good, &EncodingKey::from_secret(SECRET.as_bytes()));
    let text = good.to_string();
    let duplicate = text.replacen('{', r#"{"sub":"ben","#, 1);
    let tokens = [
        (signed(&good), &[][..]),
        (signed(&with("exp", json!(NOW - 60))), &["expiry"]),
        (signed(&with("nbf", json!(NOW + 60))), &["not before"]),
        (signed(&with("iss", json!("https://evil.example.com"))), &["issuer"]),
        (signed(&with("aud", json!(["chat", "mail"]))), &["audience"]),
        (signed(&with("sub", json!(""))), &["subject"]),
        (signed(&json!({"sub": "anna", "exp": NOW - 1})), &["issuer", "audience", "expiry"]),
        (signed_with(&Header::default(), &good, &other_key), &["signature"]),
        (signed_with(&Header::default(), &with("exp", json!(NOW - 60)), &other_key), &["signature", "expiry"]),
        (hs512, &["algorithm"]),
        (raw(r#"{"alg":"HS256","crit":["x"]}"#, &text), &["form"]),
        (raw(r#"{"alg":7}"#, &text), &["form"]),
        (raw("[]", &text), &["form"]),
        (raw(r#"{"alg":"HS256"}"#, &duplicate), &["form"]),
        (raw(r#"{"alg":"HS256"}"#, r#"{"sub":"a","exp":"tomorrow"}"#), &["form"]),
        ("anna".to_owned(), &["form"]),
        ("a.b.c.d".to_owned(), &["form"]),
        (format!("{}x", signed(&good)), &["signature"]),
        ("a".repeat(20_000), &["form"]),
    ];
    for (token, failed) in tokens {
        let report = verifier.report(&token, NOW);
        let names: Vec<_> = report.checks.iter().map(|check| check.name).collect();
        assert_eq!(names, ["form", "algorithm", "signature", "issuer", "audience", "not before", "subject", "expiry"], "{token}");
        let found: Vec<_> = report.checks.iter().filter(|check| check.passed == Some(false)).map(|check| check.name).collect();
        assert_eq!(found, failed, "{token}: {report:?}");
        let verdict = verifier.verify(&token, NOW);
        assert_eq!(verdict.clone().err().map(check_name), failed.first().copied(), "{token}");
        assert_eq!(report.verdict, verdict, "{token}");
        assert!(report.checks.iter().all(|check| !check.detail.is_empty() && !check.detail.contains(SECRET)), "{report:?}");
    }
}

#[test]
fn report_shows_claims_without_control_characters() {
    let token = signed(&json!({"sub": "anna", "iss": "evil\u{1b}[2Jissuer"}));
    let report = verifier(&[]).report(&token, NOW);
    let issuer = report.checks.iter().find(|check| check.name == "issuer").unwrap();
    assert!(issuer.detail.starts_with("iss is evil\u{fffd}[2Jissuer;"), "{}", issuer.detail);
}
