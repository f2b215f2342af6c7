//! A temporary folder for a server's database.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};

/// A new folder on a disk. It is removed with its contents when this is dropped.
pub struct TempDir(PathBuf);

impl TempDir {
    /// `name` is part of the folder's name, and differs from the names of other servers' folders.
    pub fn new(name: &str) -> Result<Self> {
        let path = disk()?.join(format!("roomcast-bench-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("{} cannot be created", path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A folder for temporary files that is on a disk. In memory a commit would cost nothing, and the measurements would mean nothing.
pub fn disk() -> Result<PathBuf> {
    let candidates = [std::env::temp_dir(), "/var/tmp".into()];
    for folder in candidates {
        if statfs(&folder).is_ok_and(|kind| kind.filesystem_type() != TMPFS_MAGIC) {
            return Ok(folder);
        }
    }
    bail!("the folders for temporary files are in memory, where nothing is durable: set TMPDIR to a folder on a disk")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_folder_is_removed_with_its_files() {
        let folder = TempDir::new("test").unwrap();
        let path = folder.path().to_owned();
        std::fs::write(path.join("file"), "text").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
