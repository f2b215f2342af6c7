//! A PostgreSQL server for tests: the installed one, in a temporary folder, with its own port and socket.
//!
//! A missing server, or one that does not start, is a panic with a line that says what to install: a test without its server fails.

#![allow(clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// The superuser of the server, who needs no password.
pub const USER: &str = "roomcast";

/// The environment variable that selects the database of tests which run on either: `postgres`, or nothing for SQLite.
pub const SELECTION: &str = "ROOMCAST_TEST_DATABASE";

/// The URL of a new, empty database of the shared server, if [`SELECTION`] is `postgres`; `None` if it is not set.
///
/// # Panics
/// If it has another value.
pub fn selected_database() -> Option<String> {
    match std::env::var(SELECTION) {
        Ok(database) if database == "postgres" => Some(TestServer::shared().create_database()),
        Ok(other) if !other.is_empty() => panic!("{SELECTION}={other}: expected postgres, or nothing for SQLite"),
        _ => None,
    }
}

/// How often a server is started on another port because a program has taken the port before it.
const ATTEMPTS: u32 = 5;

/// Runs the server until the standard input is closed: that is when the test program ends, however it ends. Then it deletes the folder. It keeps the
/// folder of a server that was stopped, which may start again.
/// The file `keep` marks a folder to keep, because a full disk can remove a file and cannot create one.
const GUARD: &str = r#"
exec 3<&0 0</dev/null
: > keep
"$@" 3<&- &
server=$!
(cat <&3 > /dev/null; kill -0 "$server" && { rm -f keep; kill -INT "$server"; }) &
exec 3<&-
wait "$server"
if [ ! -e keep ]; then rm -rf "$PWD"; fi
"#;

/// A running server. It ends when this value is dropped, or when the test program ends.
#[derive(Debug)]
pub struct TestServer {
    port: u16,
    folder: PathBuf,
    bin: PathBuf,
    account: Option<Account>,
    guard: Option<(Child, ChildStdin)>,
    databases: AtomicU32,
}

/// The account that runs the server, if that is not the present one.
#[derive(Clone, Copy, Debug)]
struct Account {
    uid: u32,
    gid: u32,
}

impl TestServer {
    /// The server of this test program, which the first call starts.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<TestServer> = OnceLock::new();
        SERVER.get_or_init(|| Self::start(&["fsync=off", "max_connections=500"]))
    }

    /// Starts a server of its own, with settings such as `max_connections=5`.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start.
    pub fn start(settings: &[&str]) -> Self {
        Self::start_in(&std::env::temp_dir(), settings)
    }

    /// Starts a server of its own, in a new folder within this one.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start.
    pub fn start_in(parent: &Path, settings: &[&str]) -> Self {
        let bin = programs().unwrap_or_else(|problem| panic!("{problem}"));
        let account = account();
        let folder = tempfile::Builder::new().prefix("test-postgres-").tempdir_in(parent).expect("a temporary folder").keep();
        give(&folder, account);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("the folder is ours");
        let mut server = Self { port: 0, folder, bin, account, guard: None, databases: AtomicU32::new(0) };
        let data = server.folder.join("data");
        let data = data.to_str().expect("a path in UTF-8");
        server.run("initdb", &["-D", data, "-U", USER, "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        for _ in 0..ATTEMPTS {
            server.port = free_port();
            if server.launch(settings) {
                return server;
            }
        }
        panic!("PostgreSQL does not start: {}", fs::read_to_string(server.folder.join("log")).unwrap_or_default());
    }

    /// Creates an empty database, and returns its URL.
    ///
    /// # Panics
    /// If the server rejects it.
    pub fn create_database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
        self.url(&name)
    }

    /// Creates a database with the schema and the rows of another, which no program is connected to. Returns its URL.
    ///
    /// # Panics
    /// If the server rejects it.
    pub fn copy_database(&self, template: &str) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        self.url(&name)
    }

    /// The URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// The port of the server on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the server; `data` in it has the configuration, and the folder itself the socket.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of the server's socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(format!(".s.PGSQL.{}", self.port))
    }

    /// The id of the server's first process, whose children serve the connections.
    ///
    /// # Panics
    /// If the server is stopped.
    pub fn process_id(&self) -> u32 {
        let text = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        text.lines().next().and_then(|line| line.parse().ok()).expect("the server runs")
    }

    /// Writes a file into the folder of the data that only the server may read, such as a certificate.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn write_file(&self, name: &str, content: &str) {
        let path = self.folder.join("data").join(name);
        fs::write(&path, content).expect("the folder is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
        give(&path, self.account);
    }

    /// Runs SQL as the superuser, and returns what it prints, without headings.
    ///
    /// # Panics
    /// If the server rejects it.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.run("psql", &["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", sql])
    }

    /// Stops the server at once, as `pg_ctl stop -m immediate` or a crash does; [`TestServer::start_again`] starts it on the same port.
    ///
    /// # Panics
    /// If it does not stop.
    pub fn stop_at_once(&mut self) {
        let data = self.folder.join("data");
        self.run("pg_ctl", &["stop", "-D", data.to_str().expect("a path in UTF-8"), "-m", "immediate", "-w"]);
        if let Some((mut guard, input)) = self.guard.take() {
            // The guard deletes the folder if the input is closed before it has ended.
            let _ = guard.wait();
            drop(input);
        }
    }

    /// Starts a stopped server again.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&mut self, settings: &[&str]) {
        assert!(
            self.launch(settings),
            "PostgreSQL does not start again: {}",
            fs::read_to_string(self.folder.join("log")).unwrap_or_default()
        );
    }

    /// Starts the server, and waits until it accepts connections. False if it ends before that.
    fn launch(&mut self, settings: &[&str]) -> bool {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", GUARD, "guard"]).arg(self.bin.join("postgres"));
        command.arg("-D").arg(self.folder.join("data")).arg("-k").arg(&self.folder).args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        for setting in settings {
            command.args(["-c", setting]);
        }
        // A process group of its own: Ctrl-C in the terminal ends this program, which then ends the server.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).current_dir(&self.folder);
        let mut guard = as_account(&mut command, self.account).spawn().expect("a shell");
        let input = guard.stdin.take().expect("the standard input is a pipe");
        let mut lines = BufReader::new(guard.stderr.take().expect("the standard error is a pipe")).lines();
        let mut log = String::new();
        for line in lines.by_ref().map_while(Result::ok) {
            log.push_str(&line);
            log.push('\n');
            if line.contains("is ready to accept connections") {
                // The server must not wait for a reader of its log.
                thread::spawn(move || lines.for_each(drop));
                self.guard = Some((guard, input));
                return true;
            }
        }
        let _ = fs::write(self.folder.join("log"), log);
        let _ = guard.wait();
        false
    }

    /// Runs a program of PostgreSQL to its end, and returns what it prints.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(self.bin.join(program));
        let command = command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        let output = as_account(command, self.account).output().unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some((mut guard, input)) = self.guard.take() {
            drop(input);
            let _ = guard.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The folder with the programs of PostgreSQL: that of `POSTGRES_BIN` if it is set, or the newest of `/usr/lib/postgresql`, or one in `PATH`.
///
/// # Errors
/// A line that says how to install PostgreSQL, or that the folder of `POSTGRES_BIN` does not have it.
pub fn programs() -> Result<PathBuf, String> {
    let has_programs = |folder: &PathBuf| folder.join("initdb").exists();
    if let Some(folder) = std::env::var_os("POSTGRES_BIN").map(PathBuf::from) {
        let problem = || format!("POSTGRES_BIN={}: expected a folder with the programs of PostgreSQL, such as initdb", folder.display());
        return if has_programs(&folder) { Ok(folder) } else { Err(problem()) };
    }
    let version = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    versions.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = versions.into_iter().map(|folder| folder.join("bin")).chain(std::env::split_paths(&path));
    let problem = "PostgreSQL is not installed: apt-get install postgresql, or set POSTGRES_BIN to the folder of its programs";
    folders.find(has_programs).ok_or_else(|| problem.to_owned())
}

/// The account for the server: `postgres` or `nobody` if this program runs as root.
fn account() -> Option<Account> {
    let is_root = fs::metadata("/proc/self").map(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0).unwrap_or(false);
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(Account { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    };
    is_root.then(|| find("postgres").or_else(|| find("nobody"))).flatten()
}

fn as_account(command: &mut Command, account: Option<Account>) -> &mut Command {
    match account {
        Some(Account { uid, gid }) => command.uid(uid).gid(gid),
        None => command,
    }
}

fn give(path: &Path, account: Option<Account>) {
    if let Some(Account { uid, gid }) = account {
        chown(path, Some(uid), Some(gid)).expect("root may give files away");
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}
