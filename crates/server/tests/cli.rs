//! The binary: each test runs it in its own folder and environment.

// A test that cannot continue has failed.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use auth::{Keys, Verifier};
use config::{Config, TABLE, render};
use contracts::{ContractOptions, ContractRegistry};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use test_postgres::TestServer;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn command(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roomcast"));
    command.env_clear().envs(environment.iter().copied()).args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    command(folder, environment, arguments).output().unwrap()
}

/// The output of a successful run.
fn printed(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = run(folder, environment, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The one error line of a failed run.
fn error(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = run(folder, environment, arguments);
    assert_eq!(output.status.code(), Some(1));
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    line.strip_prefix("roomcast: ").unwrap().trim_end().to_owned()
}

#[test]
fn version_and_help_are_printed() {
    let folder = folder();
    assert_eq!(printed(folder.path(), &[], &["--version"]), format!("roomcast {}\n", env!("CARGO_PKG_VERSION")));
    let help = printed(folder.path(), &[], &["--help"]);
    for word in ["serve", "token", "copy", "config", "openapi", "types", "asyncapi", "--config"] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn openapi_prints_the_served_document_with_any_settings() {
    let folder = folder();
    assert_eq!(printed(folder.path(), &[("PORT", "nonsense")], &["openapi"]), api::openapi());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no server is started and no file is written");
}

#[test]
fn config_prints_each_setting_with_its_source_and_hides_secrets() {
    let folder = folder();
    std::fs::write(folder.path().join("r.toml"), "[server]\nport = 8080\n[presence]\naudience = 'none'\n").unwrap();
    let environment = [("ROOMCAST_CONFIG", "r.toml"), ("PRESENCE_AUDIENCE", "contacts"), ("JWT_SECRET", "s3cret")];
    let text = printed(folder.path(), &environment, &["config"]);
    assert_eq!(text.lines().count(), TABLE.iter().map(|section| section.settings.len()).sum::<usize>());
    let has = |name: &str, source: &str| text.lines().any(|line| line.starts_with(&format!("{name} ")) && line.contains(source));
    assert!(has("PORT=8080", "[file]"));
    assert!(has("PRESENCE_AUDIENCE=contacts", "[env]"));
    assert!(has("PING_INTERVAL=25s", "[default]"));
    assert!(has("JWT_SECRET=(hidden)", "[env]"));
    assert!(!text.contains("s3cret"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the command writes no file");
}

#[test]
fn copy_prints_the_rows_of_each_table_and_its_progress_in_lines() {
    let folder = folder();
    let postgres = TestServer::shared().create_database();
    let open = |url: &str| drop(store::Database::open(store::Options::new(url)).unwrap());
    open(&format!("sqlite://{}/data/roomcast.db", folder.path().display()));
    // The source is the default of DATABASE_URL.
    let output = run(folder.path(), &[], &["copy", "--to", &postgres]);
    let (lines, progress) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{progress}");
    assert!(lines.lines().any(|line| line.split_whitespace().eq(["messages", "0"])), "{lines}");
    assert!(
        lines.contains("\nRows copied: 1 in ") && lines.contains(" tables. Each table has as many rows in both databases.\n"),
        "{lines}"
    );
    assert_eq!(progress, "marks: 1 of 1 rows; 1 of 1 in all\n");
    let back = printed(folder.path(), &[("DATABASE_URL", "sqlite://back.db")], &["copy", "--from", &postgres]);
    assert!(back.contains("Rows copied: 1 in "), "{back}");
}

#[test]
fn copy_fails_with_one_line_without_a_password() {
    let folder = folder();
    let select = "select a database with --from or --to; the other one is that of DATABASE_URL";
    assert_eq!(error(folder.path(), &[], &["copy"]), select);
    let missing = "source: data/roomcast.db is not a database of Roomcast (No such file or directory (os error 2)); check its URL";
    assert_eq!(error(folder.path(), &[], &["copy", "--to", "postgres://ann:s3cret@db/roomcast"]), missing);
    drop(store::Database::open(store::Options::new(format!("sqlite://{}/a.db", folder.path().display()))).unwrap());
    let line = error(folder.path(), &[("DATABASE_URL", "postgres://ann:s3cret@127.0.0.1:1/x")], &["copy", "--from", "sqlite://a.db"]);
    assert!(line.starts_with("target: PostgreSQL at 127.0.0.1:1/x cannot be reached ("), "{line}");
    assert!(!line.contains("s3cret"), "{line}");
}

#[test]
fn types_are_written_for_one_contract_or_into_a_folder_for_all() {
    let folder = folder();
    let household = printed(folder.path(), &[], &["types", "--contract", "household"]);
    assert!(household.contains("export interface ServerToClientEvents"), "{household}");
    let out = folder.path().join("a/b");
    let files = printed(folder.path(), &[], &["types", "--out", out.to_str().unwrap()]);
    let names: Vec<_> =
        ContractRegistry::new(ContractOptions::default()).schemas().iter().map(|contract_schema| contract_schema.contract).collect();
    assert_eq!(files, names.iter().map(|name| format!("{}/{name}.ts\n", out.display())).collect::<String>());
    assert_eq!(std::fs::read_to_string(out.join("household.ts")).unwrap(), household);
    assert_eq!(
        error(folder.path(), &[], &["types"]),
        format!("select a contract with --contract ({}), or a folder for all of them with --out", names.join(", "))
    );
    assert_eq!(
        error(folder.path(), &[], &["types", "--contract", "kitchen"]),
        format!("--contract=kitchen: expected {}", names.join(", "))
    );
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error_line = error(folder.path(), &[], &["types", "--out", "file"]);
    assert!(error_line.starts_with("--out=file: the folder cannot be created"), "{error_line}");
}

#[test]
fn asyncapi_prints_a_document_with_any_settings() {
    let folder = folder();
    let document = printed(folder.path(), &[("PORT", "high")], &["asyncapi"]);
    assert!(document.starts_with("{\n  \"asyncapi\": \"3.0.0\""), "{}", &document[..100]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_config_option_takes_precedence_over_the_variable() {
    let folder = folder();
    std::fs::write(folder.path().join("a.toml"), "[server]\nport = 1111\n").unwrap();
    std::fs::write(folder.path().join("b.toml"), "[server]\nport = 2222\n").unwrap();
    let environment = [("ROOMCAST_CONFIG", "a.toml")];
    assert!(printed(folder.path(), &environment, &["config"]).contains("PORT=1111 "));
    assert!(printed(folder.path(), &environment, &["config", "--config", "b.toml"]).contains("PORT=2222 "));
    assert!(printed(folder.path(), &[], &["--config", "b.toml", "config"]).contains("PORT=2222 "));
}

#[test]
fn config_example_prints_the_example_file() {
    assert_eq!(printed(folder().path(), &[], &["config", "--example"]), render::example(TABLE));
}

#[test]
fn config_prints_contradictory_settings_before_the_error() {
    let output = run(folder().path(), &[("NODE_ENV", "production")], &["config"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("NODE_ENV=production "));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("roomcast: NODE_ENV=production: dev mode is forbidden"));
}

#[test]
fn an_invalid_setting_prevents_the_start_with_one_line() {
    let folder = folder();
    let secret = ("JWT_SECRET", "0123456789abcdef0123456789abcdef");
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("PORT", "high")], "PORT=high: expected a whole number from 0 to 65535"),
        (
            &[("ROOMCAST_CONFIG", "none.toml")],
            "ROOMCAST_CONFIG=none.toml: the file cannot be read (No such file or directory (os error 2))",
        ),
        (
            &[("NODE_ENV", "production")],
            "NODE_ENV=production: dev mode is forbidden in production; set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS",
        ),
        (
            &[secret, ("REDIS_URL", "redis://localhost:6379")],
            "REDIS_URL=redis://localhost:6379: nothing uses it; several nodes need DATABASE_URL=postgres://…, too, and a cluster with socket.io servers needs SOCKETIO_ADAPTER=redis; set one of them, or unset REDIS_URL",
        ),
        (
            &[("JWT_JWKS", "none.json"), ("HOST", "localhost"), ("PORT", "0")],
            "JWT_JWKS=none.json: the file cannot be read (No such file or directory (os error 2))",
        ),
        (
            &[secret, ("TLS_CERT", "c.pem"), ("TLS_KEY", "k.pem")],
            "TLS_CERT=c.pem: the certificate chain cannot be read (I/O error: No such file or directory (os error 2))",
        ),
        (
            &[secret, ("HOST", "192.0.2.1")],
            "cannot listen on 192.0.2.1:3000 (Cannot assign requested address (os error 99)); set PORT and HOST to a free port and an address of this machine",
        ),
    ];
    for (environment, line) in cases {
        assert_eq!(&error(folder.path(), environment, &["serve"]), line);
        assert_eq!(&error(folder.path(), environment, &[]), line);
    }
    assert_eq!(
        error(folder.path(), &[], &["--config", "none.toml"]),
        "--config=none.toml: the file cannot be read (No such file or directory (os error 2))"
    );
}

#[test]
fn one_start_reports_every_invalid_setting() {
    let folder = folder();
    std::fs::write(folder.path().join(".env"), "SHARDS=9999\n").unwrap();
    let environment = [
        ("PORT", "high"),
        ("LOG_LEVEL", "loud"),
        ("JWT_JWKS", "none.json"),
        ("TLS_CERT", "c.pem"),
        ("TLS_KEY", "k.pem"),
        ("REDIS_URL", "redis://localhost"),
    ];
    let output = run(folder.path(), &environment, &["serve"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    let names: Vec<_> = text.lines().map(|line| line.strip_prefix("roomcast: ").unwrap().split('=').next().unwrap()).collect();
    assert_eq!(names, ["PORT", ".env: SHARDS", "LOG_LEVEL", "REDIS_URL", "JWT_JWKS", "TLS_CERT"], "also the files that settings name");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is made");
}

#[test]
fn the_environment_takes_precedence_over_a_dotenv_file() {
    let folder = folder();
    std::fs::write(folder.path().join(".env"), "PORT=4000\nSHARDS=\"2\" # two\nROOMCAST_CONFIG=r.toml\nSECRET=x\n").unwrap();
    std::fs::write(folder.path().join("r.toml"), "[presence]\ngrace = 5\n").unwrap();
    let text = printed(folder.path(), &[("PORT", "5000 # ours")], &["config"]);
    let has = |name: &str, source: &str| text.lines().any(|line| line.starts_with(&format!("{name} ")) && line.contains(source));
    assert!(has("PORT=5000", "[env]") && has("SHARDS=2", "[.env]") && has("PRESENCE_GRACE=5s", "[file]"), "{text}");
}

#[test]
fn a_second_server_on_one_data_folder_exits_with_an_error() {
    let folder = folder();
    let mut first = Running::start(folder.path(), &[]);
    let pid = first.child.id();
    // On the same port, too, the error names the server that uses the data, and not the port.
    let port = first.port.to_string();
    for environment in [[("PORT", "0")], [("PORT", port.as_str())]] {
        let line = error(folder.path(), &environment, &[]);
        let begin = format!("the database data/roomcast.db is in use by process {pid} on ");
        assert!(line.starts_with(&begin), "{line}");
        let since = line.split(" since ").nth(1).unwrap();
        assert!(since.starts_with("20") && since.contains("Z; stop that server first, or set DATABASE_URL to another file"), "{line}");
    }
    printed(folder.path(), &[], &["token", "--sub", "a"]);
    // The line of a killed server stays in the file and does not prevent another start.
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    assert!(std::fs::read_to_string(folder.path().join("data/roomcast.db.lock")).unwrap().contains(&pid.to_string()));
    let second = Running::start(folder.path(), &[]);
    assert!(error(folder.path(), &[("PORT", "0")], &[]).contains(&second.child.id().to_string()));
    second.stop();
    Running::start(folder.path(), &[]).stop();
}

#[test]
fn data_files_are_private_to_their_owner() {
    let folder = folder();
    let mode = |path: &str| std::fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    let server = Running::start(folder.path(), &[]);
    assert_eq!(mode("data"), 0o700);
    let files: Vec<_> = std::fs::read_dir(folder.path().join("data")).unwrap().map(|file| file.unwrap().file_name()).collect();
    for file in ["roomcast.db", "roomcast.db-wal", "roomcast.db-shm", "roomcast.db.lock", "dev-secret"] {
        assert_eq!(mode(&format!("data/{file}")), 0o600, "{file}");
    }
    assert_eq!(files.len(), 5, "{files:?}");
    server.stop();
    // The server narrows the permissions of an earlier version's files, and logs that.
    std::fs::set_permissions(folder.path().join("data/roomcast.db"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (_, log) = Running::start(folder.path(), &[]).stop();
    assert_eq!(mode("data/roomcast.db"), 0o600);
    assert!(log.contains("the file's mode was 0644 and is 0600 now"), "{log}");
}

#[test]
fn a_short_secret_causes_a_warning() {
    let (_, log) = Running::start(folder().path(), &[("JWT_SECRET", "abcd"), ("HOST", "127.0.0.1")]).stop();
    assert!(log.contains("WARN") && log.contains("JWT_SECRET has 4 bytes and can be guessed"), "{log}");
    let line = error(folder().path(), &[("JWT_SECRET", "abcd"), ("NODE_ENV", "production")], &[]);
    assert!(line.starts_with("JWT_SECRET=(hidden): it can be guessed"), "{line}");
}

#[test]
fn a_token_has_the_claims_of_the_command_line() {
    let environment = [("JWT_SECRET", "a-secret"), ("JWT_ISSUER", "us"), ("JWT_AUDIENCE", "web")];
    let arguments = "token --sub alice --name Alice --username al --email a@example.com --household h1 --role admin --ttl 1h"
        .split(' ')
        .collect::<Vec<_>>();
    let token = printed(folder().path(), &environment, &arguments);
    let config = Config::of_pairs(environment).unwrap();
    let verifier = Verifier::new(&Keys::load(&config).unwrap(), &config.auth);
    let identity = verifier.verify(token.trim_end(), 0).unwrap();
    assert_eq!(identity.user.as_str(), "alice");
    assert_eq!((identity.name.as_deref(), identity.username.as_deref()), (Some("Alice"), Some("al")));
    assert_eq!((identity.email.as_deref(), identity.household.as_deref()), (Some("a@example.com"), Some("h1")));
    assert!(identity.admin);
    assert_eq!(identity.expires_at.unwrap() - identity.issued_at.unwrap(), 3600);
}

#[test]
fn a_token_lasts_a_day_by_default_and_zero_never_expires() {
    let folder = folder();
    let config = Config::of_pairs([("JWT_SECRET", "a-secret")]).unwrap();
    let verifier = Verifier::new(&Keys::load(&config).unwrap(), &config.auth);
    let life = |more: &[&str]| {
        let token = printed(folder.path(), &[("JWT_SECRET", "a-secret")], &[&["token", "--sub", "a"], more].concat());
        let identity = verifier.verify(token.trim_end(), 0).unwrap();
        identity.expires_at.map(|end| end - identity.issued_at.unwrap())
    };
    assert_eq!(life(&[]), Some(86_400));
    assert_eq!(life(&["--ttl", "90"]), Some(90));
    assert_eq!(life(&["--ttl", "0"]), None);
    let bad = run(folder.path(), &[], &["token", "--sub", "a", "--ttl", "soon"]);
    assert_eq!(bad.status.code(), Some(2));
}

#[test]
fn no_token_is_signed_without_a_usable_secret() {
    let folder = folder();
    let public = error(folder.path(), &[("JWT_JWKS", "none.json")], &["token", "--sub", "a"]);
    assert!(public.starts_with("JWT_JWKS=none.json: "), "{public}");
    let production = error(folder.path(), &[("NODE_ENV", "production")], &["token", "--sub", "a"]);
    assert!(production.starts_with("NODE_ENV=production: dev mode is forbidden"), "{production}");
    let empty = error(folder.path(), &[("JWT_SECRET", "s")], &["token", "--sub", ""]);
    assert_eq!(empty, "--sub=: expected 1 to 200 bytes that are not all blank and have no control characters");
    assert_eq!(run(folder.path(), &[], &["token"]).status.code(), Some(2));
}

#[test]
fn dev_mode_tokens_stay_valid_after_a_restart() {
    let folder = folder();
    let token = |sub: &str| printed(folder.path(), &[], &["token", "--sub", sub]);
    Running::start(folder.path(), &[]).stop();
    let path = folder.path().join("data/dev-secret");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = std::fs::read_to_string(&path).unwrap();
    let config = Config::of_pairs([("JWT_SECRET", secret.as_str())]).unwrap();
    let verifier = Verifier::new(&Keys::load(&config).unwrap(), &config.auth);
    assert!(verifier.verify(token("a").trim_end(), 0).is_ok());
    Running::start(folder.path(), &[]).stop();
    assert!(verifier.verify(token("b").trim_end(), 0).is_ok());
}

#[test]
fn the_token_command_names_its_secret_and_creates_none() {
    let (folder, other) = (folder(), folder());
    Running::start(folder.path(), &[]).stop();
    let signed = |environment: &[(&str, &str)]| {
        let output = run(folder.path(), environment, &["token", "--sub", "a"]);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let path = folder.path().join("data/dev-secret").canonicalize().unwrap();
    assert_eq!(signed(&[]), format!("roomcast: signed with the secret from {}\n", path.display()));
    assert_eq!(signed(&[("JWT_SECRET", "a-secret")]), "roomcast: signed with the secret from JWT_SECRET\n");

    assert_eq!(
        error(other.path(), &[], &["token", "--sub", "a"]),
        "no secret found in data/; start the server first, run this in the server's folder, or set JWT_SECRET"
    );
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0, "neither a secret nor a folder");
    let in_memory = error(other.path(), &[("DATABASE_URL", "sqlite::memory:")], &["token", "--sub", "a"]);
    assert!(in_memory.starts_with("no secret found: "), "{in_memory}");
}

/// A server that is stopped at the end of the test, also after a failure.
struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    port: u16,
    first_line: String,
}

impl Running {
    fn start(folder: &Path, environment: &[(&str, &str)]) -> Self {
        let environment = [&[("PORT", "0")], environment].concat();
        Self::of(command(folder, &environment, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Waits until a started server prints its addresses.
    fn of(mut child: Child) -> Self {
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut first_line = String::new();
        output.read_line(&mut first_line).unwrap();
        let digits = first_line.trim_end().rsplit(':').next().unwrap();
        let port = digits.parse().unwrap_or_else(|_| panic!("no address in {first_line:?}"));
        Self { child, output, port, first_line }
    }

    /// Stops it with SIGTERM. Returns the rest of its output, and its log.
    fn stop(mut self) -> (String, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success(), "a stop that was asked for is a success");
        let (mut output, mut log) = (String::new(), String::new());
        self.output.read_to_string(&mut output).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (output, log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn dev_mode_listens_on_localhost_and_prints_a_token() {
    let folder = folder();
    let server = Running::start(folder.path(), &[]);
    assert!(server.first_line.contains(&format!("listens on http://localhost:{}", server.port)), "{}", server.first_line);
    let (output, log) = server.stop();
    let secret = std::fs::read_to_string(folder.path().join("data/dev-secret")).unwrap();
    let config = Config::of_pairs([("JWT_SECRET", secret.as_str())]).unwrap();
    let verifier = Verifier::new(&Keys::load(&config).unwrap(), &config.auth);
    let token = output.lines().map(str::trim).find(|line| line.starts_with("eyJ")).expect("a token on a line of its own");
    assert_eq!(verifier.verify(token, 0).unwrap().user.as_str(), "dev");
    assert!(output.contains("curl -H") && output.contains("socket.io-client"), "{output}");
    assert!(!log.contains(token) && !log.contains(&secret), "{log}");
}

#[test]
fn no_token_is_printed_with_a_configured_secret() {
    let server = Running::start(folder().path(), &[("JWT_SECRET", "a-secret"), ("HOST", "127.0.0.1")]);
    let (output, _) = server.stop();
    assert!(!output.contains("eyJ") && output.contains("roomcast token --sub"), "{output}");
}

#[test]
fn every_port_serves_http_until_a_signal_stops_the_server() {
    let folder = folder();
    let free = |_| std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let [first, second] = [(); 2].map(free);
    let (first_text, second_text) = (first.to_string(), second.to_string());
    let environment = [("WEBSOCKET_PORT", first_text.as_str()), ("SOCKET_IO_PORT", second_text.as_str()), ("HOST", "127.0.0.1")];
    let server = Running::start(folder.path(), &environment);
    for port in [first, second] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET /no-such-path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
    }
    server.stop();
}

#[test]
fn logs_on_standard_error_are_text_or_json() {
    let folder = folder();
    let (_, log) = Running::start(folder.path(), &[("LOG_FORMAT", "json")]).stop();
    assert!(log.lines().count() > 0);
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["level"].is_string() && line["target"].is_string(), "{line}");
    }
    let (_, log) = Running::start(folder.path(), &[]).stop();
    assert!(log.contains("INFO") && !log.contains('\u{1b}'), "no colours in a file: {log:?}");
    let (_, log) = Running::start(folder.path(), &[("LOG_LEVEL", "off")]).stop();
    assert_eq!(log, "");
}

#[test]
fn a_server_accepts_again_after_running_out_of_descriptors() {
    let folder = folder();
    // The shell's limit is the hard one, which the server cannot raise. A quarter of 100 is less than the slots for health checks need.
    let script = r#"ulimit -n 100; exec "$0""#;
    let mut child = Command::new("/bin/sh");
    child.args(["-c", script, env!("CARGO_BIN_EXE_roomcast")]).env_clear().envs([("PORT", "0"), ("HOST", "127.0.0.1")]);
    let child = child.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut server = Running::of(child);
    let flood: Vec<_> = (0..300).map(|_| TcpStream::connect(("127.0.0.1", server.port)).unwrap()).collect();
    // Wait for the log line, which shows that no descriptor was left.
    let mut log = BufReader::new(server.child.stderr.as_mut().unwrap());
    let mut line = String::new();
    while !line.contains("cannot be accepted") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it never ran out of descriptors");
    }
    drop(flood);
    let request = || {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(120))).unwrap();
        stream.write_all(b"GET /no-such-path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).map(|_| response)
    };
    // Until the server has processed the ends of these connections, it serves health checks only.
    let responds: Vec<_> =
        (0..1000).map(|_| request()).take_while(|response| !matches!(response, Ok(text) if text.starts_with("HTTP/1.1 404 "))).collect();
    assert!(responds.len() < 1000, "{:?}", responds.last());
}
