//! `roomcast doctor`: the checks of this machine, of a URL, and the health check of a container.

use std::net::TcpListener;
use std::path::Path;

use test_postgres::TestServer as Postgres;
use test_redis::TestServer as Redis;

use crate::running::Running;
use crate::{SECRET, folder, outcome, outcomes, run};

/// The outcome of the check with this name.
fn of(report: &str, name: &str) -> String {
    let found = outcomes(report).into_iter().find(|(check, _)| check == name);
    found.unwrap_or_else(|| panic!("no check {name} in {report}")).1
}

/// A certificate for `localhost` that ends in some days, in the files `c.pem` and `k.pem`.
fn certificate(folder: &Path, days: i64) -> [(&'static str, String); 2] {
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let now = time::OffsetDateTime::now_utc();
    parameters.not_before = now - time::Duration::days(400);
    parameters.not_after = now + time::Duration::days(days);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = parameters.self_signed(&key).unwrap();
    std::fs::write(folder.join("c.pem"), made.pem()).unwrap();
    std::fs::write(folder.join("k.pem"), key.serialize_pem()).unwrap();
    [("TLS_CERT", "c.pem"), ("TLS_KEY", "k.pem")].map(|(name, file)| (name, folder.join(file).display().to_string()))
}

#[test]
fn doctor_passes_on_a_running_server_and_from_outside() {
    let server = Running::start(&[]);
    let environment = [("PORT", server.port.as_str())];
    let (code, text) = outcome(&run(server.path(), &environment, &["doctor", "--json"]));
    assert_eq!(code, 0, "{text}");
    for name in ["settings", &format!("port {}", server.port), "database", "server"] {
        assert_eq!(of(&text, name), "passed", "{text}");
    }
    assert_eq!(of(&text, "redis"), "skipped");
    let (code, text) = outcome(&run(server.path(), &[], &["doctor", "--json", &server.url()]));
    assert_eq!(code, 0, "{text}");
    for name in ["address", "health", "clock", "long-polling", "websocket", "upgrade", "raw websocket", "metrics"] {
        assert_eq!(of(&text, name), "passed", "{text}");
    }
    let (code, text) = outcome(&run(server.path(), &environment, &["doctor", "--quick"]));
    assert_eq!((code, text.as_str()), (0, format!("passed   server  http://localhost:{} is alive\n", server.port).as_str()));
}

#[test]
fn doctor_names_what_is_missing_before_a_first_start() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    // It accepts a connection and never answers a request; a closed one answers at once.
    drop(std::thread::spawn(move || taken.incoming().for_each(drop)));
    let (code, text) = outcome(&run(folder.path(), &[("PORT", &port)], &["doctor", "--json"]));
    assert_eq!(code, 1);
    assert_eq!(of(&text, &format!("port {port}")), "failed", "{text}");
    assert!(text.contains("another program listens on it"), "{text}");
    assert_eq!((of(&text, "database"), of(&text, "server")), ("passed".to_owned(), "skipped".to_owned()), "{text}");
    assert!(text.contains("is empty; the start creates its tables"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is created");
    let (code, text) = outcome(&run(folder.path(), &[("PORT", "high")], &["doctor", "--json"]));
    assert_eq!((code, outcomes(&text)), (1, vec![("settings".to_owned(), "failed".to_owned())]), "{text}");
    let (code, text) = outcome(&run(folder.path(), &[("PORT", &port)], &["doctor", "--quick", "--json"]));
    assert_eq!((code, of(&text, "server").as_str()), (1, "failed"), "{text}");
}

#[test]
fn doctor_checks_postgres_and_redis_with_their_clocks() {
    let folder = folder();
    let database = Postgres::shared().create_database();
    let mut redis = Redis::start(&["--requirepass", "sesame"]);
    let url = |password: &str, redis: &Redis| format!("redis://:{password}@127.0.0.1:{}", redis.port());
    let right = url("sesame", &redis);
    let cluster = [
        SECRET,
        ("CLUSTER_SECRET", "0123456789abcdef0123456789abcdef"),
        ("NODE_ID", "node1"),
        ("NODE_URL", "http://127.0.0.1:3000"),
        ("DATABASE_URL", database.as_str()),
    ];
    let doctor =
        |redis: &str| outcome(&run(folder.path(), &[&cluster[..], &[("REDIS_URL", redis), ("PORT", "0")]].concat(), &["doctor", "--json"]));
    let (code, text) = doctor(&right);
    assert_eq!(code, 0, "{text}");
    let clocks = outcomes(&text).into_iter().filter(|(name, outcome)| name == "clock" && outcome == "passed").count();
    assert_eq!((of(&text, "database"), of(&text, "redis"), clocks), ("passed".to_owned(), "passed".to_owned(), 2), "{text}");
    let (code, text) = doctor(&url("wrong", &redis));
    assert_eq!((code, of(&text, "redis").as_str()), (1, "failed"), "{text}");
    assert!(!text.contains("wrong"), "no password: {text}");
    redis.kill();
    let (code, text) = doctor(&right);
    assert_eq!((code, of(&text, "redis").as_str()), (1, "failed"), "{text}");
}

#[test]
fn doctor_checks_the_end_and_the_trust_of_a_certificate() {
    for (days, end) in [(100, "passed"), (5, "warning"), (-1, "failed")] {
        let folder = folder();
        let files = certificate(folder.path(), days);
        let environment: Vec<_> = files.iter().map(|(name, path)| (*name, path.as_str())).chain([SECRET, ("HOST", "127.0.0.1")]).collect();
        let server = Running::start(&environment);
        let url = format!("https://localhost:{}", server.port);
        let (code, text) = outcome(&run(server.path(), &[], &["doctor", "--json", &url]));
        assert_eq!((code, of(&text, "certificate").as_str(), of(&text, "trust").as_str()), (1, end, "failed"), "{text}");

        // The certificate itself as an authority of the machine.
        let authority = [("SSL_CERT_FILE", files[0].1.as_str())];
        let (code, text) = outcome(&run(server.path(), &authority, &["doctor", "--json", &url]));
        let trusted = if days > 0 { "passed" } else { "failed" };
        assert_eq!((code == 0, of(&text, "certificate").as_str(), of(&text, "trust").as_str()), (days > 0, end, trusted), "{text}");
        if days > 0 {
            assert_eq!(of(&text, "upgrade"), "passed", "{text}");
        }

        // The health check of the server's own machine needs no authority.
        let own = [&environment[..], &[("PORT", server.port.as_str())]].concat();
        assert_eq!(outcome(&run(server.path(), &own, &["doctor", "--quick"])).0, 0);
        let (_, text) = outcome(&run(server.path(), &own, &["doctor", "--json"]));
        assert_eq!(of(&text, "certificate"), end, "{text}");
    }
}

#[test]
fn doctor_from_outside_names_what_a_wrong_server_answers() {
    let folder = folder();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
        }
    });
    let (code, text) = outcome(&run(folder.path(), &[], &["doctor", "--json", &url]));
    assert_eq!(code, 1);
    for name in ["health", "long-polling", "websocket", "upgrade", "raw websocket"] {
        assert_eq!(of(&text, name), "failed", "{text}");
    }
    assert_eq!(of(&text, "metrics"), "warning", "{text}");
    assert!(text.contains("a proxy must pass the headers Upgrade and Connection on"), "{text}");
    let (code, text) = outcome(&run(folder.path(), &[], &["doctor", "--json", "http://127.0.0.1:1"]));
    assert_eq!((code, outcomes(&text)), (1, vec![("address".to_owned(), "failed".to_owned())]), "{text}");
}
