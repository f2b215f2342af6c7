//! A database that cannot be used stops the start with one line, which names what is wrong and contains no password.

use store::{Database, OpenError, Options};
use test_postgres::TestServer;

/// The line with which a start fails.
fn refusal(url: &str) -> String {
    let line = Database::open(Options::new(url)).unwrap_err().to_string();
    assert!(!line.contains('\n') && !line.contains("s3cret"), "{line}");
    line
}

#[test]
fn unreachable_server_is_named_with_its_address() {
    let line = refusal("postgres://ann:s3cret@127.0.0.1:1/roomcast");
    assert!(line.starts_with("PostgreSQL at 127.0.0.1:1/roomcast cannot be reached (") && line.contains("refused"), "{line}");
    let line = refusal("postgres://ann:s3cret@no-such-host.invalid/roomcast");
    assert!(line.starts_with("PostgreSQL at no-such-host.invalid:5432/roomcast cannot be reached ("), "{line}");
}

#[test]
fn wrong_password_or_user_is_rejected() {
    let server = TestServer::start(&["fsync=off"]);
    server.sql("postgres", "CREATE ROLE ann LOGIN PASSWORD 'the right one'");
    server.write_file("pg_hba.conf", "host all roomcast 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
    server.sql("postgres", "SELECT pg_reload_conf()");
    let port = server.port();
    for login in ["ann:s3cret", "ann", "nobody:s3cret"] {
        let line = refusal(&format!("postgres://{login}@127.0.0.1:{port}/postgres"));
        assert!(line.contains("rejects the user or the password"), "{login}: {line}");
    }
    let line = refusal(&format!("postgres://ann:the%20right%20one@127.0.0.1:{port}/postgres"));
    assert!(line.contains("permission denied for schema public"), "the password is right, and the user may create nothing: {line}");
}

#[test]
fn missing_database_is_named_with_the_command_that_creates_it() {
    let line = refusal(&TestServer::shared().url("nowhere"));
    assert!(line.contains("has no such database; create it with: CREATE DATABASE \"nowhere\""), "{line}");
}

#[test]
fn database_of_another_program_is_refused_untouched() {
    let server = TestServer::shared();
    for (sql, table) in [
        ("CREATE TABLE invoices (id INT)", "invoices"),
        ("CREATE TABLE migrations (id INT, migration TEXT)", "migrations"),
        ("CREATE TABLE migrations (version INT, name TEXT); INSERT INTO migrations VALUES (1, 'create_users')", "migrations"),
    ] {
        let url = server.create_database();
        let name = url.rsplit('/').next().unwrap();
        server.sql(name, sql);
        let line = refusal(&url);
        assert!(line.contains(&format!("belongs to another program (it has the table {table})")), "{line}");
        assert_eq!(server.sql(name, "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'"), "1", "{sql}");
    }
}

#[test]
fn newer_schema_is_refused() {
    let server = TestServer::shared();
    let url = server.create_database();
    drop(Database::open(Options::new(&url)).unwrap());
    server.sql(url.rsplit('/').next().unwrap(), "INSERT INTO migrations VALUES (10000, 'of_tomorrow')");
    let line = refusal(&url);
    assert!(line.starts_with("the database is of a newer Roomcast (schema "), "{line}");
}

#[test]
fn database_without_unicode_is_refused() {
    let server = TestServer::shared();
    server.sql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    let line = refusal(&server.url("latin"));
    assert!(line.contains("has the encoding LATIN1; create one with ENCODING 'UTF8'"), "{line}");
}

#[test]
fn second_server_is_refused_until_the_first_has_ended() {
    let url = TestServer::shared().create_database();
    let first = Database::open(Options { holder: "process 7 on a".to_owned(), ..Options::new(&url) }).unwrap();
    let refused = Database::open(Options::new(&url)).unwrap_err();
    assert!(matches!(refused, OpenError::Postgres(store::PostgresProblem::InUse { .. })), "{refused}");
    let line = refused.to_string();
    assert!(line.contains("in use by \"roomcast process 7 on a\" from 127.0.0.1; stop that server first"), "{line}");
    assert!(line.contains("several nodes need REDIS_URL"), "{line}");
    drop(first);
    Database::open(Options::new(&url)).unwrap();
}
