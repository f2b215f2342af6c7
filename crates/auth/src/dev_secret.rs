//! The secret of dev mode: created once, and stored beside the database, so that a token stays valid after a restart.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use config::{ConfigError, Secret};

/// The file's name in the data folder.
const FILE: &str = "dev-secret";

/// The mode of a created folder: only its owner enters it.
const FOLDER_MODE: u32 = 0o700;

/// Bytes of randomness, as many as HS256 uses.
const BYTES: usize = 32;

/// The secret of the data folder, created if there is none yet.
///
/// The input is the folder; without one (a database in memory) the secret is lost with the data when the process ends. Errors: a line about a
/// folder or file that cannot be written or read, or a file that contains no secret.
pub fn load_or_make(folder: Option<&Path>) -> Result<Secret, ConfigError> {
    let Some(folder) = folder else { return make() };
    let path = folder.join(FILE);
    let unusable = |what: &str, error: std::io::Error| ConfigError::line(format!("{}: dev mode's secret {what} ({error})", path.display()));
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)
        .map_err(|error| unusable("cannot be stored: the folder cannot be created", error))?;
    let secret = make()?;
    // The file is written completely under another name and then linked: a second process that starts now reads all of it or none, and both
    // use the same secret. The name has no process id, which two containers with one volume may share.
    let draft = folder.join(format!("{FILE}.{:08x}", random(getrandom::u32())?));
    match OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft) {
        Ok(mut file) => {
            let written = file.write_all(secret.expose().as_bytes()).and_then(|()| file.sync_all());
            let linked = written.and_then(|()| std::fs::hard_link(&draft, &path));
            // The draft is not needed any more, also after an error; a leftover file would contain an unused secret.
            let _ = std::fs::remove_file(&draft);
            match linked {
                Ok(()) => return Ok(secret),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(unusable("cannot be written", error)),
            }
        }
        // A read-only folder is allowed if the secret exists already.
        Err(error) if !path.exists() => return Err(unusable("cannot be written", error)),
        Err(_) => {}
    }
    load(&path).map_err(|error| unusable("cannot be read", error))
}

/// Reads the secret of the data folder; the path is that of its file. Creates neither a file nor a folder: no server would accept a token that is
/// signed with a new secret.
///
/// The input is that of [`load_or_make`]. Errors: a line about a secret that is not there or cannot be read, or a database in memory, whose server keeps its
/// secret in memory, too.
pub fn load_existing(folder: Option<&Path>) -> Result<(Secret, PathBuf), ConfigError> {
    let Some(folder) = folder else {
        let line =
            "no secret found: with a database in memory the server keeps it in memory; set JWT_SECRET for the server and for this command";
        return Err(ConfigError::line(line));
    };
    let path = folder.join(FILE);
    match load(&path) {
        Ok(secret) => Ok((secret, path.canonicalize().unwrap_or(path))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = folder.display();
            Err(ConfigError::line(format!(
                "no secret found in {folder}/; start the server first, run this in the server's folder, or set JWT_SECRET"
            )))
        }
        Err(error) => Err(ConfigError::line(format!("{}: dev mode's secret cannot be read ({error})", path.display()))),
    }
}

fn make() -> Result<Secret, ConfigError> {
    let mut bytes = [0u8; BYTES];
    random(getrandom::fill(&mut bytes))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

fn random<T>(given: Result<T, getrandom::Error>) -> Result<T, ConfigError> {
    given.map_err(|error| ConfigError::line(format!("the system returns no random bytes ({error})")))
}

fn load(path: &Path) -> std::io::Result<Secret> {
    let text = std::fs::read_to_string(path)?;
    let text = text.trim();
    if URL_SAFE_NO_PAD.decode(text).map_or(0, |bytes| bytes.len()) != BYTES {
        return Err(std::io::Error::new(ErrorKind::InvalidData, "it contains no secret; delete it"));
    }
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(Secret::new(text))
}
