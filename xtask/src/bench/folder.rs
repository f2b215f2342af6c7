//! A folder for a server's database.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};

/// A new folder on a disk, gone with all that is in it when this is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// `name` tells it from those of other servers.
    pub fn new(name: &str) -> Result<Self> {
        let path = disk()?.join(format!("roomcast-bench-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Where temporary files lie on a disk: in memory a commit would cost nothing, and no figure would mean anything.
fn disk() -> Result<PathBuf> {
    let places = [std::env::temp_dir(), "/var/tmp".into()];
    for place in places {
        if statfs(&place).is_ok_and(|kind| kind.filesystem_type() != TMPFS_MAGIC) {
            return Ok(place);
        }
    }
    bail!("temporary files are kept in memory here, where nothing is durable: set TMPDIR to a folder on a disk")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_what_is_in_it() {
        let folder = Folder::new("test").unwrap();
        let path = folder.path().to_owned();
        std::fs::write(path.join("file"), "text").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
