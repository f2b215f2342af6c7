//! The files of the project.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A text file.
pub struct File {
    /// Relative to the root of the repository.
    pub path: PathBuf,
    pub text: String,
}

impl File {
    pub fn extension(&self) -> &str {
        extension(&self.path)
    }
}

/// Folders with packages and results of builds. Folders whose name begins with a dot are skipped, too.
const SKIPPED: [&str; 2] = ["node_modules", "target"];

/// Reads all files below the root of the repository that have code or prose.
pub fn read(root: &Path) -> Result<Vec<File>> {
    let mut paths = Vec::new();
    collect(root, &mut paths)?;
    paths.sort();
    let relative = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_owned();
    let read = paths.iter().filter(|path| is_read(&relative(path))).map(|path| {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(File { path: relative(path), text })
    });
    read.collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        let path = entry.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if name.starts_with('.') || SKIPPED.contains(&name) {
            continue;
        }
        // A symbolic link is not followed, because it may lead in a circle.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&path, paths)?;
        } else if kind.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(OsStr::to_str).unwrap_or_default()
}

fn is_read(path: &Path) -> bool {
    match extension(path) {
        "rs" | "md" | "js" | "mjs" | "jsx" | "ts" | "tsx" | "py" | "sql" => true,
        "toml" => path == Path::new("config.example.toml"),
        "json" => path.starts_with("e2e/scenarios"),
        _ => false,
    }
}

/// The folder with the modules that a Rust source declares.
pub fn folder_of_modules(path: &Path) -> PathBuf {
    let name = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let folder = path.parent().unwrap_or(Path::new(""));
    if matches!(name, "lib" | "main" | "mod") { folder.to_owned() } else { folder.join(name) }
}

/// Whether a file belongs to one of these modules, which are paths without an extension.
pub fn is_in_modules(path: &Path, modules: &[PathBuf]) -> bool {
    modules.iter().any(|module| path.starts_with(module) || path.with_extension("") == *module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_declares_modules_in_its_own_folder() {
        for (path, folder) in [("src/lib.rs", "src"), ("src/shard/mod.rs", "src/shard"), ("src/listener.rs", "src/listener")] {
            assert_eq!(folder_of_modules(Path::new(path)), Path::new(folder), "{path}");
        }
    }
}
