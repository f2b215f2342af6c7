//! TLS to PostgreSQL, as `sslmode` demands it.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use store::{Database, Options};
use test_postgres::TestServer;

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

#[test]
fn sslmode_decides_what_is_encrypted_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let (known, other) = (authority("known"), authority("other"));
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &known).unwrap();
    let (known, other) = (file("known.pem", &known.pem()), file("other.pem", &other.pem()));
    let itself = file("itself.pem", &certificate.pem());

    let server = TestServer::start(&["fsync=off"]);
    server.write_file("server.crt", &certificate.pem());
    server.write_file("server.key", &key.serialize_pem());
    server.sql("postgres", "ALTER SYSTEM SET ssl = on");
    // Databases of the name `plain` take no TLS, all others nothing else.
    server.write_file("pg_hba.conf", "host postgres all all trust\nhostnossl plain all all trust\nhostssl secret all all trust\n");
    for database in ["plain", "secret"] {
        server.sql("postgres", &format!("CREATE DATABASE {database} TEMPLATE template0"));
    }
    server.sql("postgres", "SELECT pg_reload_conf()");
    let open = |host: &str, database: &str, options: &str| {
        let url = format!("postgres://roomcast@{host}:{}/{database}?{options}", server.port());
        Database::open(Options::new(url)).map(drop).map_err(|error| error.to_string())
    };

    for (host, options) in [
        ("127.0.0.1", "sslmode=prefer".to_owned()),
        ("127.0.0.1", String::new()),
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={known}")),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={known}")),
        ("localhost", format!("sslmode=verify-full&sslrootcert={known}")),
        ("localhost", format!("sslmode=verify-full&sslrootcert={itself}")),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={itself}")),
    ] {
        assert_eq!(open(host, "secret", &options), Ok(()), "{host} {options}");
    }
    for (host, options) in [
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={known}")),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={itself}")),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={other}")),
        ("localhost", format!("sslmode=verify-ca&sslrootcert={other}")),
        ("localhost", format!("sslmode=verify-full&sslrootcert={other}")),
        ("localhost", "sslmode=verify-full&sslrootcert=%2Fno%2Fsuch.pem".to_owned()),
    ] {
        let line = open(host, "secret", &options).unwrap_err();
        assert!(line.contains("TLS failed (") && line.contains("check sslmode and sslrootcert"), "{host} {options}: {line}");
    }
    assert_eq!(open("127.0.0.1", "plain", "sslmode=disable"), Ok(()));
    assert!(open("127.0.0.1", "secret", "sslmode=disable").is_err());
    assert!(open("127.0.0.1", "plain", "sslmode=require").is_err());
}
