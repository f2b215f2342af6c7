//! `roomcast check` and `roomcast checktoken`.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::{SECRET, command, error, folder, outcome, outcomes, printed, run};

#[test]
fn check_accepts_a_file_and_writes_nothing() {
    let folder = folder();
    std::fs::write(folder.path().join("r.toml"), "[server]\nport = 8080\n[auth]\njwt_secret = '0123456789abcdef0123456789abcdef'\n")
        .unwrap();
    let text = printed(folder.path(), &[("NODE_ENV", "production")], &["check", "r.toml"]);
    assert!(text.starts_with("passed   settings  3 of ") && text.ends_with(" settings are set; a server can start with them\n"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn check_names_each_invalid_setting_and_exits_with_one() {
    let folder = folder();
    std::fs::write(folder.path().join("r.toml"), "[server]\nport = 'high'\n[log]\nlevel = 'loud'\n[presence]\ngrase = 5\n").unwrap();
    let output = run(folder.path(), &[], &["check", "r.toml", "--json"]);
    let (code, text) = outcome(&output);
    assert_eq!((code, output.stderr.len()), (1, 0), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["ok"], false);
    let details: Vec<_> = report["checks"].as_array().unwrap().iter().map(|check| check["detail"].as_str().unwrap()).collect();
    assert_eq!(details.len(), 3, "{text}");
    for name in ["server.port=high", "log.level=loud", "presence.grase"] {
        assert!(details.iter().any(|detail| detail.contains(name)), "{name}: {text}");
    }
    assert_eq!(outcome(&run(folder.path(), &[], &["check", "none.toml"])).0, 1);
}

#[test]
fn check_warns_about_probable_mistakes_and_succeeds() {
    let folder = folder();
    let text = printed(folder.path(), &[("JWT_SECRET", "\"0123456789abcdef0123456789abcdef\"")], &["check", "--json"]);
    assert_eq!(outcomes(&text), [("settings".into(), "passed".into()), ("settings".into(), "warning".into())]);
}

#[test]
fn checktoken_names_the_checks_that_a_token_fails() {
    let folder = folder();
    let token = printed(folder.path(), &[SECRET], &["token", "--sub", "anna"]);
    let text = printed(folder.path(), &[SECRET], &["checktoken", token.trim()]);
    assert!(text.starts_with("passed   form "), "{text}");
    assert!(text.contains("accepted    as the user anna until 20") && text.ends_with("; verified with JWT_SECRET\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colors in a pipe");

    let settings = [SECRET, ("JWT_ISSUER", "https://id.example.com")];
    let (code, text) = outcome(&run(folder.path(), &settings, &["checktoken", token.trim(), "--json"]));
    assert_eq!(code, 1);
    let failed: Vec<_> = outcomes(&text).into_iter().filter(|(_, outcome)| outcome == "failed").map(|(name, _)| name).collect();
    assert_eq!(failed, ["issuer", "accepted"]);
    assert!(text.contains("iss is missing; JWT_ISSUER is https://id.example.com"), "{text}");

    let (code, text) = outcome(&run(folder.path(), &[SECRET], &["checktoken", "nonsense"]));
    assert_eq!(code, 1);
    assert!(text.contains("FAILED   form ") && text.contains("skipped  expiry ") && text.contains("the code token_invalid;"), "{text}");
}

#[test]
fn checktoken_reads_the_token_from_standard_input() {
    let folder = folder();
    let token = printed(folder.path(), &[SECRET], &["token", "--sub", "anna", "--role", "admin"]);
    let mut child = command(folder.path(), &[SECRET], &["checktoken", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("Bearer {token}").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let (code, text) = outcome(&output);
    assert!(code == 0 && text.contains("as the admin anna until "), "{text}");
    assert_eq!(
        error(folder.path(), &[SECRET], &["checktoken", "Bearer "]),
        "the token is empty; name it, or write it to standard input with -"
    );
    let missing = error(folder.path(), &[], &["checktoken", "x"]);
    assert!(missing.starts_with("no secret found in data"), "the secret of dev mode is not created: {missing}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
