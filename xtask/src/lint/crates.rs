//! The names of types and the lengths of functions, by crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::files::{File, is_in_modules};
use super::items;

/// A function with more lines needs scrolling.
pub const LONGEST_FUNCTION: usize = 60;

/// The code of a crate, without tests.
#[derive(Debug, Default)]
pub struct CrateCode {
    /// The places where each type name is defined, by the scope of the name and the name.
    types: BTreeMap<(String, String), Vec<Place>>,
    functions: usize,
    /// The functions with more than [`LONGEST_FUNCTION`] lines: their names, lengths and places.
    pub long_functions: Vec<(String, usize, Place)>,
}

/// A line of a file.
#[derive(Debug, Clone)]
pub struct Place {
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
}

impl CrateCode {
    /// The number of different type names.
    pub fn type_names(&self) -> usize {
        self.types.keys().map(|(_, name)| name).collect::<BTreeSet<_>>().len()
    }

    /// The type names that are defined more than once in a scope, with their places.
    pub fn repeated_names(&self) -> impl Iterator<Item = (&str, &[Place])> {
        self.types.iter().filter(|(_, places)| places.len() > 1).map(|((_, name), places)| (name.as_str(), places.as_slice()))
    }

    pub const fn functions(&self) -> usize {
        self.functions
    }
}

/// Reads the sources of all crates, and of xtask.
pub fn read(files: &[File]) -> Result<BTreeMap<String, CrateCode>> {
    let mut sources = Vec::new();
    let mut test_modules = Vec::new();
    for file in files {
        if let Some(name) = crate_of(&file.path) {
            let mut items = items::read(file).with_context(|| format!("{} cannot be read as Rust", file.path.display()))?;
            test_modules.append(&mut items.test_modules);
            sources.push((name, &file.path, items));
        }
    }
    let mut crates = BTreeMap::<String, CrateCode>::new();
    for (name, path, items) in sources.into_iter().filter(|(_, path, _)| !is_in_modules(path, &test_modules)) {
        let code = crates.entry(name).or_default();
        for item in items.types {
            code.types.entry((scope_of(path), item.name)).or_default().push(Place { path: path.clone(), line: item.line });
        }
        code.functions += items.functions.len();
        let long = items.functions.into_iter().filter(|function| function.lines > LONGEST_FUNCTION);
        code.long_functions.extend(long.map(|item| (item.name, item.lines, Place { path: path.clone(), line: item.line })));
    }
    Ok(crates)
}

/// The crate of a source, such as `engine` for `crates/engine/src/lib.rs`.
fn crate_of(path: &Path) -> Option<String> {
    if path.extension()? != "rs" {
        return None;
    }
    let parts: Vec<_> = path.iter().filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        ["crates", name, "src", ..] | [name @ "xtask", "src", ..] => Some((*name).to_owned()),
        _ => None,
    }
}

/// The scope in which type names must be unique: the crate, or the folder of a contract. Contracts have payloads with the same names.
fn scope_of(path: &Path) -> String {
    let parts: Vec<_> = path.iter().filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        ["crates", "contracts", "src", contract, _, ..] if !SHARED_FOLDERS.contains(contract) => (*contract).to_owned(),
        _ => String::new(),
    }
}

/// The folders beside the contracts that belong to no contract.
const SHARED_FOLDERS: [&str; 1] = ["event_schema"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_in_their_crate() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.to_owned() };
        let long = format!("fn long() {{{}}}", "\n".repeat(LONGEST_FUNCTION));
        let longest = format!("fn longest() {{{}}}", "\n".repeat(LONGEST_FUNCTION - 1));
        let crates = read(&[
            file("crates/a/src/lib.rs", "#[cfg(test)] mod support; struct A; enum B {}"),
            file("crates/a/src/b/mod.rs", "trait A {}"),
            file("crates/a/src/support.rs", "struct B; struct C;"),
            file("crates/a/tests/t.rs", "struct B;"),
            file("crates/a/README.md", "struct"),
            file("crates/c/src/lib.rs", &format!("struct A;\n{long}\n{longest}")),
        ])
        .unwrap();
        let repeated: Vec<_> = crates["a"].repeated_names().map(|(name, places)| (name, places.len())).collect();
        assert_eq!(repeated, [("A", 2)]);
        assert_eq!((crates["a"].type_names(), crates["c"].repeated_names().count()), (2, 0));
        let long: Vec<_> = crates["c"].long_functions.iter().map(|(name, lines, place)| (name.as_str(), *lines, place.line)).collect();
        assert_eq!((long, crates["c"].functions()), (vec![("long", 61, 2)], 2));
    }

    #[test]
    fn contracts_may_have_the_same_names() {
        let file = |path: &str| File { path: format!("crates/contracts/src/{path}").into(), text: "struct A;".to_owned() };
        let repeated = |paths: &[&str]| {
            let crates = read(&paths.iter().map(|path| file(path)).collect::<Vec<_>>()).unwrap();
            crates["contracts"].repeated_names().count()
        };
        assert_eq!(repeated(&["x/a.rs", "y/a.rs", "lib.rs"]), 0);
        assert_eq!(repeated(&["x/a.rs", "x/rest/b.rs"]), 1);
        assert_eq!(repeated(&["event_schema/a.rs", "a.rs"]), 1);
    }
}
