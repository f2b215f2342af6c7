//! The areas of the project, and the vague words of each.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::source::{Kind, Passage, numbered};
use super::{rust, script};

/// The part of the project's prose that one ceiling holds for.
#[derive(Debug, Default)]
pub struct Area {
    pub words: usize,
    pub hits: Vec<Found>,
}

/// A vague word in a file.
#[derive(Debug)]
pub struct Found {
    /// Relative to the project's folder.
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// The whole line.
    pub text: String,
    pub phrase: String,
}

impl Area {
    pub fn per_thousand(&self) -> f64 {
        if self.words == 0 { 0.0 } else { self.hits.len() as f64 * 1_000.0 / self.words as f64 }
    }
}

/// Folders with packages and results of builds. Folders whose name begins with a dot are skipped, too.
const SKIPPED: [&str; 2] = ["node_modules", "target"];

/// Folders below which everything is for tests.
const TESTS: [&str; 4] = ["examples", "fuzz", "fuzz_targets", "tests"];

/// Reads all files below the project's folder that may have prose.
pub fn read(root: &Path) -> Result<BTreeMap<String, Area>> {
    let mut paths = Vec::new();
    files_in(root, &mut paths)?;
    paths.sort();
    let mut files = Vec::new();
    let mut test_modules = Vec::new();
    for path in paths {
        let relative = path.strip_prefix(root).unwrap_or(&path).to_owned();
        if !has_prose(&relative) {
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let passages = passages(&relative, &text, &mut test_modules)
            .with_context(|| format!("{} cannot be read as the kind of file that its name says: correct it", path.display()))?;
        files.push((relative, text, passages));
    }
    let mut areas = BTreeMap::<String, Area>::new();
    for (path, text, passages) in files {
        let is_test = test_modules.iter().any(|module| path.starts_with(module) || path.with_extension("") == *module);
        let lines: Vec<_> = text.lines().collect();
        for passage in passages {
            let name = area_name(&path, passage.kind, is_test || passage.is_test);
            let count = passage.count();
            if count.words == 0 {
                continue;
            }
            let area = areas.entry(name).or_default();
            area.words += count.words;
            area.hits.extend(count.hits.into_iter().map(|hit| {
                let line = lines.get(hit.line.saturating_sub(1)).map_or("", |line| line.trim());
                Found { path: path.clone(), line: hit.line, text: line.to_owned(), phrase: hit.phrase }
            }));
        }
    }
    Ok(areas)
}

fn files_in(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        let path = entry.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if name.starts_with('.') || SKIPPED.contains(&name) {
            continue;
        }
        // A symbolic link is not followed: it may lead in a circle.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files_in(&path, paths)?;
        } else if kind.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(OsStr::to_str).unwrap_or_default()
}

fn has_prose(path: &Path) -> bool {
    match extension(path) {
        "rs" | "md" | "js" | "mjs" | "jsx" | "ts" | "tsx" | "py" | "sql" => true,
        "toml" => path == Path::new("config.example.toml"),
        "json" => path.starts_with("e2e/scenarios"),
        _ => false,
    }
}

/// The prose of a file. Adds the modules for tests that a Rust source names, as paths without an extension.
fn passages(path: &Path, text: &str, test_modules: &mut Vec<PathBuf>) -> Result<Vec<Passage>> {
    Ok(match extension(path) {
        "rs" => {
            let source = rust::read(text);
            test_modules.extend(source.test_modules.iter().map(|name| folder_of_modules(path).join(name)));
            source.passages
        }
        "md" => vec![Passage::new(Kind::Page, numbered(text, 1))],
        "py" => script::read(text, &script::PYTHON),
        "sql" => script::read(text, &script::SQL),
        "toml" => script::read(text, &script::TOML),
        "json" => title(text)?.into_iter().collect(),
        _ => script::read(text, &script::JAVASCRIPT),
    })
}

/// The folder with the modules that a Rust source declares.
fn folder_of_modules(path: &Path) -> PathBuf {
    let name = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let folder = path.parent().unwrap_or(Path::new(""));
    if matches!(name, "lib" | "main" | "mod") { folder.to_owned() } else { folder.join(name) }
}

/// The title of a transcript.
fn title(text: &str) -> Result<Option<Passage>> {
    let transcript: serde_json::Value = serde_json::from_str(text)?;
    let line = text.lines().position(|line| line.trim_start().starts_with("\"title\"")).map_or(1, |at| at + 1);
    let title = transcript.get("title").and_then(serde_json::Value::as_str);
    Ok(title.map(|title| Passage::new(Kind::Title, vec![(line, title.to_owned())])))
}

/// The area of a piece of prose, such as `engine/comments` and `engine/tests/comments`, or `README.md`.
fn area_name(path: &Path, kind: Kind, is_test: bool) -> String {
    let mut parts = path.iter().filter_map(OsStr::to_str);
    let first = parts.next().unwrap_or_default();
    let rest: Vec<_> = parts.collect();
    match (first, rest.as_slice()) {
        ("docs", _) | (_, []) => first.to_owned(),
        ("crates", [name, rest @ ..]) => {
            let is_test = is_test || rest.iter().any(|part| TESTS.contains(part));
            format!("{name}/{}{}", if is_test { "tests/" } else { "" }, kind.name())
        }
        _ => format!("{first}/{}{}", if is_test { "tests/" } else { "" }, kind.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_a_kind_have_one_area() {
        for (path, kind, is_test, area) in [
            ("README.md", Kind::Page, false, "README.md"),
            ("config.example.toml", Kind::Comment, false, "config.example.toml"),
            ("docs/README.md", Kind::Page, false, "docs"),
            ("docs/user-guide/contracts/trip.md", Kind::Page, false, "docs"),
            ("bench/README.md", Kind::Page, false, "bench/pages"),
            ("bench/peers/express/server.js", Kind::Comment, false, "bench/comments"),
            ("crates/engine/src/worker/mod.rs", Kind::DocComment, false, "engine/doc-comments"),
            ("crates/engine/src/worker/mod.rs", Kind::DocComment, true, "engine/tests/doc-comments"),
            ("crates/store/tests/conformance/chat.rs", Kind::String, false, "store/tests/strings"),
            ("crates/engine/examples/bench.rs", Kind::Comment, false, "engine/tests/comments"),
            ("crates/wire/README.md", Kind::Page, false, "wire/pages"),
            ("xtask/src/main.rs", Kind::Comment, true, "xtask/tests/comments"),
            ("e2e/scenarios/trip/calls.json", Kind::Title, false, "e2e/titles"),
        ] {
            assert_eq!(area_name(Path::new(path), kind, is_test), area, "{path}");
        }
    }

    #[test]
    fn a_source_declares_modules_in_its_own_folder() {
        for (path, folder) in [("src/lib.rs", "src"), ("src/shard/mod.rs", "src/shard"), ("src/listener.rs", "src/listener")] {
            assert_eq!(folder_of_modules(Path::new(path)), Path::new(folder), "{path}");
        }
    }

    #[test]
    fn a_transcript_has_its_own_title_only() {
        let text = "{\n  \"title\": \"A user joins\",\n  \"steps\": [{\"title\": \"other\"}]\n}";
        let passage = title(text).unwrap().unwrap();
        assert_eq!(passage.lines, [(2, "A user joins".to_owned())]);
    }
}
