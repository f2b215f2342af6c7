//! Import cycles between the modules of a crate or folder.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use anyhow::{Context, Result};
use syn::visit::{self, Visit};

use super::crates::Place;
use super::files::{File, is_in_modules};
use super::items;

/// A folder whose modules have no import cycle, so that they can be read in one order. A module is a file, or a folder with all files below it. The
/// file of the folder itself (`lib.rs`, `mod.rs`) does not count, but an item that it re-exports counts as an item of its module.
struct Acyclic {
    folder: &'static str,
    /// The modules that do not count.
    except: &'static [&'static str],
}

/// The folders that are checked.
const ACYCLIC: [Acyclic; 17] = [
    Acyclic { folder: "crates/api/src", except: &[] },
    Acyclic { folder: "crates/auth/src", except: &[] },
    Acyclic { folder: "crates/client_json/src", except: &[] },
    Acyclic { folder: "crates/cluster/src", except: &[] },
    Acyclic { folder: "crates/config/src", except: &[] },
    Acyclic { folder: "crates/console/src", except: &[] },
    Acyclic { folder: "crates/contracts/src", except: &[] },
    Acyclic { folder: "crates/domain/src", except: &[] },
    Acyclic { folder: "crates/forwarding/src", except: &[] },
    Acyclic { folder: "crates/limits/src", except: &[] },
    Acyclic { folder: "crates/listener/src", except: &[] },
    Acyclic { folder: "crates/logging/src", except: &[] },
    Acyclic { folder: "crates/realtime/src/nodes", except: &[] },
    Acyclic { folder: "crates/rest_toolkit/src", except: &[] },
    Acyclic { folder: "crates/server/src/app", except: &[] },
    Acyclic { folder: "crates/wire/src", except: &[] },
    // The trait of the app and the shard that calls it name each other.
    Acyclic { folder: "crates/engine/src", except: &["app"] },
];

/// The folder of the contracts. The files in it that all contracts share do not import one contract, nor does one contract import another.
const CONTRACTS: &str = "crates/contracts/src";
/// The contracts.
const EACH_CONTRACT: [&str; 5] = ["household", "messenger", "studio", "trip", "workspace"];

/// The import cycles of the folders in [`ACYCLIC`], and the imports of a contract, a line for each.
pub fn faults(files: &[File]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for Acyclic { folder, except } in ACYCLIC {
        let mut imports = imports(files, folder)?;
        imports.retain(|module, _| !except.contains(&module.as_str()));
        faults.extend(cycles(&imports).into_iter().map(|cycle| describe(folder, &imports, &cycle)));
    }
    faults.extend(imports_of_contracts(&imports(files, CONTRACTS)?));
    Ok(faults)
}

/// The modules that each module imports, with one place of the import.
type Imports = BTreeMap<String, BTreeMap<String, Place>>;

/// Reads the imports between the modules of a folder, without tests.
fn imports(files: &[File], folder: &str) -> Result<Imports> {
    let sources = files.iter().filter(|file| file.extension() == "rs" && file.path.starts_with(folder));
    let (mut read, mut test_modules) = (Vec::new(), Vec::new());
    for file in sources {
        let context = || format!("{} cannot be read as Rust", file.path.display());
        test_modules.append(&mut items::read(file).with_context(context)?.test_modules);
        let module = module_path(&file.path);
        let mut visitor = PathVisitor { module: module.clone(), paths: Vec::new() };
        visitor.visit_file(&syn::parse_file(&file.text).with_context(context)?);
        read.push((file, module, visitor.paths));
    }
    let top = module_path(&Path::new(folder).join("mod.rs"));
    let child = |path: &[String]| path.strip_prefix(top.as_slice()).and_then(|rest| rest.first()).cloned();
    let modules: BTreeSet<String> = read.iter().filter_map(|(_, module, _)| child(module)).collect();
    let reexports = reexports(files, folder, &modules)?;
    let child = |path: &[String]| child(path).map(|name| reexports.get(&name).cloned().unwrap_or(name));
    let mut imports = Imports::new();
    for (file, module, paths) in read.iter().filter(|(file, ..)| !is_in_modules(&file.path, &test_modules)) {
        let Some(from) = child(module) else { continue };
        for (path, line) in paths {
            let Some(to) = child(path).filter(|to| *to != from && modules.contains(to)) else { continue };
            imports.entry(from.clone()).or_default().entry(to).or_insert_with(|| Place { path: file.path.clone(), line: *line });
        }
    }
    Ok(imports)
}

/// The items that the file of the folder re-exports from its modules, each with its module: an import of such an item is an import of the module.
fn reexports(files: &[File], folder: &str, modules: &BTreeSet<String>) -> Result<BTreeMap<String, String>> {
    let mut reexports = BTreeMap::new();
    for file in files
        .iter()
        .filter(|file| file.path.parent() == Some(Path::new(folder)) && module_path(&file.path) == module_path(Path::new(folder)))
    {
        let source = syn::parse_file(&file.text).with_context(|| format!("{} cannot be read as Rust", file.path.display()))?;
        let uses = source.items.iter().filter_map(|item| if let syn::Item::Use(item) = item { Some(&item.tree) } else { None });
        uses.for_each(|tree| add_reexports(tree, &[], modules, &mut reexports));
    }
    Ok(reexports)
}

fn add_reexports(tree: &syn::UseTree, before: &[String], modules: &BTreeSet<String>, reexports: &mut BTreeMap<String, String>) {
    match tree {
        syn::UseTree::Path(path) => {
            let name = path.ident.to_string();
            let own: &[String] = if matches!(name.as_str(), "crate" | "self") { &[] } else { &[name] };
            add_reexports(&path.tree, &[before, own].concat(), modules, reexports);
        }
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| add_reexports(tree, before, modules, reexports)),
        syn::UseTree::Name(syn::UseName { ident }) | syn::UseTree::Rename(syn::UseRename { rename: ident, .. }) => {
            let module = before.first().filter(|module| modules.contains(*module));
            reexports.extend(module.map(|module| (ident.to_string(), module.clone())));
        }
        syn::UseTree::Glob(_) => {}
    }
}

/// The path of a file's module within its crate, without `crate`.
fn module_path(path: &Path) -> Vec<String> {
    let parts: Vec<_> = path.iter().filter_map(|part| part.to_str()).skip_while(|part| *part != "src").skip(1).collect();
    let parts = parts.iter().map(|part| part.trim_end_matches(".rs")).filter(|part| !matches!(*part, "lib" | "main" | "mod"));
    parts.map(str::to_owned).collect()
}

/// Collects the paths in a source that begin with `crate`, `self` or `super`, as paths within the crate.
struct PathVisitor {
    module: Vec<String>,
    paths: Vec<(Vec<String>, usize)>,
}

impl PathVisitor {
    fn add(&mut self, segments: &[&syn::Ident]) {
        let Some(first) = segments.first() else { return };
        let mut path = match first.to_string().as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.module.clone(),
            _ => return,
        };
        for segment in segments {
            match segment.to_string().as_str() {
                "crate" | "self" => {}
                "super" => drop(path.pop()),
                name => path.push(name.to_owned()),
            }
        }
        self.paths.push((path, first.span().start().line));
    }

    fn add_tree<'a>(&mut self, tree: &'a syn::UseTree, before: &mut Vec<&'a syn::Ident>) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(&path.ident);
                self.add_tree(&path.tree, before);
                before.pop();
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(tree, before)),
            syn::UseTree::Name(syn::UseName { ident }) | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                before.push(ident);
                self.add(before);
                before.pop();
            }
            syn::UseTree::Glob(_) => self.add(before),
        }
    }
}

impl<'a> Visit<'a> for PathVisitor {
    fn visit_item(&mut self, item: &'a syn::Item) {
        let module = match item {
            syn::Item::Mod(item) if items::is_for_tests(&item.attrs) => return,
            syn::Item::Fn(item) if items::is_for_tests(&item.attrs) => return,
            syn::Item::Impl(item) if items::is_for_tests(&item.attrs) => return,
            syn::Item::Use(item) if items::is_for_tests(&item.attrs) => return,
            syn::Item::Mod(item) => Some(item.ident.to_string()),
            _ => None,
        };
        self.module.extend(module.clone());
        visit::visit_item(self, item);
        if module.is_some() {
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        self.add_tree(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| &segment.ident).collect();
        self.add(&segments);
        visit::visit_path(self, path);
    }
}

fn imports_of_contracts(imports: &Imports) -> Vec<String> {
    let all = imports.values().flatten();
    let of_contracts = all.filter(|(to, _)| EACH_CONTRACT.contains(&to.as_str()));
    let fault = |(to, place): (&String, &Place)| {
        format!("{}:{}: imports the contract {to}: move the shared items to a file of all contracts", place.path.display(), place.line)
    };
    of_contracts.map(fault).collect()
}

/// The shortest cycle through each module that is in one, each cycle once: its modules in the order of the imports.
fn cycles(imports: &Imports) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    for start in imports.keys() {
        if found.iter().any(|cycle| cycle.contains(start)) {
            continue;
        }
        found.extend(shortest_cycle(imports, start));
    }
    found
}

fn shortest_cycle(imports: &Imports, start: &str) -> Option<Vec<String>> {
    let mut importers = BTreeMap::<&str, &str>::new();
    let mut queue = VecDeque::from([start]);
    while let Some(module) = queue.pop_front() {
        for next in imports.get(module).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let mut cycle = vec![module.to_owned()];
                let mut last = module;
                while let Some(importer) = importers.get(last) {
                    cycle.push((*importer).to_owned());
                    last = importer;
                }
                cycle.reverse();
                return Some(cycle);
            }
            if !importers.contains_key(next.as_str()) {
                importers.insert(next, module);
                queue.push_back(next);
            }
        }
    }
    None
}

fn describe(folder: &str, imports: &Imports, cycle: &[String]) -> String {
    let steps = cycle.iter().zip(cycle.iter().cycle().skip(1)).map(|(from, to)| {
        let place = imports.get(from).and_then(|imported| imported.get(to));
        let place = place.map(|place| format!("{}:{}", place.path.display(), place.line)).unwrap_or_default();
        format!("{from} imports {to} ({place})")
    });
    format!(
        "the modules of {folder} have an import cycle: {}: move the shared items to a module that imports neither",
        steps.collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycles_of(sources: &[(&str, &str)]) -> Vec<Vec<String>> {
        let files: Vec<_> =
            sources.iter().map(|(path, text)| File { path: Path::new("crates/a/src").join(path), text: (*text).to_owned() }).collect();
        cycles(&imports(&files, "crates/a/src").unwrap())
    }

    #[test]
    fn imports_in_one_direction_have_no_cycle() {
        let sources = [
            ("lib.rs", "mod a; mod b; pub use a::A;"),
            ("a.rs", "use std::fmt; use crate::b::{self, B}; #[cfg(test)] mod tests { use crate::c::C; }"),
            ("b/mod.rs", "mod inner; use self::inner::I; fn f() { crate::c::f() }"),
            ("b/inner.rs", "use super::B; mod deep { fn f() -> super::super::X {} }"),
            ("c.rs", "#[cfg(test)] mod support;"),
            ("c/support.rs", "use crate::a::A;"),
        ];
        assert_eq!(cycles_of(&sources), Vec::<Vec<String>>::new());
    }

    #[test]
    fn cycle_is_found_in_uses_and_in_other_paths() {
        let sources = [
            ("a.rs", "use crate::{std_like, b::{B, C as D}};"),
            ("b/mod.rs", "mod inner;"),
            ("b/inner.rs", "fn f() -> super::super::c::C { todo!() }"),
            ("c.rs", "fn f() { crate::a::f() }"),
            ("d.rs", "use super::a::*; use super::e;"),
            ("e.rs", "use super::d::D;"),
        ];
        assert_eq!(cycles_of(&sources), [vec!["a", "b", "c"], vec!["d", "e"]]);
    }

    #[test]
    fn item_that_the_folder_re_exports_counts_as_its_module() {
        let sources = [
            ("lib.rs", "mod a; mod b; pub use a::{A, inner::B as C}; pub use self::b::D; pub use std::fmt::Debug;"),
            ("a.rs", "use crate::D;"),
            ("b.rs", "fn f() -> super::C { todo!() }"),
            ("c.rs", "use crate::Debug;"),
        ];
        assert_eq!(cycles_of(&sources), [vec!["a", "b"]]);
    }

    #[test]
    fn import_of_a_contract_is_found() {
        let file = |path: &str, text: &str| File { path: Path::new(CONTRACTS).join(path), text: text.to_owned() };
        let sources = [
            file("lib.rs", "use self::trip::Trip;"),
            file("trip/mod.rs", "use super::shared::S; use self::rest::r; mod rest;"),
            file("trip/rest.rs", "use crate::trip::Trip;"),
            file("shared.rs", "use super::trip::Trip;"),
        ];
        let faults = imports_of_contracts(&imports(&sources, CONTRACTS).unwrap());
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with("crates/contracts/src/shared.rs:1: imports the contract trip"), "{faults:?}");
    }

    #[test]
    fn cycle_names_the_place_of_each_import() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.to_owned() };
        let files = [file("crates/a/src/x/b.rs", "\nuse super::c::C;"), file("crates/a/src/x/c.rs", "use crate::x::b::B;")];
        let imports = imports(&files, "crates/a/src/x").unwrap();
        let text = describe("crates/a/src/x", &imports, &cycles(&imports)[0]);
        assert!(text.contains("b imports c (crates/a/src/x/b.rs:2), c imports b (crates/a/src/x/c.rs:1)"), "{text}");
    }
}
