//! The areas of the project, and the vague words of each.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::files::{File, folder_of_modules, is_in_modules};
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

/// The pages that are generated from the code. Their texts count where they are written: in the code.
const GENERATED_PAGES: &str = "docs/reference";

/// Folders below which everything is for tests.
const TESTS: [&str; 4] = ["examples", "fuzz", "fuzz_targets", "tests"];

/// Reads the prose of the files.
pub fn read(files: &[File]) -> Result<BTreeMap<String, Area>> {
    let mut test_modules = Vec::new();
    let mut passages_of_files = Vec::new();
    for file in files.iter().filter(|file| !file.path.starts_with(GENERATED_PAGES)) {
        let passages = passages(file, &mut test_modules)
            .with_context(|| format!("{} cannot be read as the kind of file that its name says: correct it", file.path.display()))?;
        passages_of_files.push((file, passages));
    }
    let mut areas = BTreeMap::<String, Area>::new();
    for (file, passages) in passages_of_files {
        let is_test = is_in_modules(&file.path, &test_modules);
        let lines: Vec<_> = file.text.lines().collect();
        for passage in passages {
            let name = area_name(&file.path, passage.kind, is_test || passage.is_test);
            let count = passage.count();
            if count.words == 0 {
                continue;
            }
            let area = areas.entry(name).or_default();
            area.words += count.words;
            area.hits.extend(count.hits.into_iter().map(|hit| {
                let line = lines.get(hit.line.saturating_sub(1)).map_or("", |line| line.trim());
                Found { path: file.path.clone(), line: hit.line, text: line.to_owned(), phrase: hit.phrase }
            }));
        }
    }
    Ok(areas)
}

/// The prose of a file. Adds the modules for tests that a Rust source names, as paths without an extension.
fn passages(file: &File, test_modules: &mut Vec<PathBuf>) -> Result<Vec<Passage>> {
    let text = &file.text;
    Ok(match file.extension() {
        "rs" => {
            let source = rust::read(text);
            test_modules.extend(source.test_modules.iter().map(|name| folder_of_modules(&file.path).join(name)));
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

/// The title of a scenario.
fn title(text: &str) -> Result<Option<Passage>> {
    let scenario: serde_json::Value = serde_json::from_str(text)?;
    let line = text.lines().position(|line| line.trim_start().starts_with("\"title\"")).map_or(1, |at| at + 1);
    let title = scenario.get("title").and_then(serde_json::Value::as_str);
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
    fn area_follows_from_file_and_kind() {
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
    fn only_the_title_of_a_scenario_is_read() {
        let text = "{\n  \"title\": \"A user joins\",\n  \"steps\": [{\"title\": \"other\"}]\n}";
        let passage = title(text).unwrap().unwrap();
        assert_eq!(passage.lines, [(2, "A user joins".to_owned())]);
    }
}
