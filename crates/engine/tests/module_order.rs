//! The list of modules in `lib.rs` is a reading order: a module uses only modules that stand before it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The two modules that use each other; `lib.rs` says why.
const PAIR: (&str, &str) = ("app", "shard");

#[test]
fn module_uses_only_modules_listed_before_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(src.join("lib.rs")).unwrap();
    let order: Vec<&str> = lib.lines().filter_map(listed_module).collect();
    let declared: BTreeSet<&str> = lib.lines().filter_map(declared_module).collect();
    assert_eq!(order.iter().copied().collect::<BTreeSet<_>>(), declared, "lib.rs lists each of its modules");

    let mut wrong = Vec::new();
    let mut uses = 0;
    for (position, module) in order.iter().enumerate() {
        for used in modules_used_by(&src, module) {
            let later = order.iter().position(|listed| *listed == used).is_none_or(|listed| listed > position);
            uses += 1;
            if later && (*module, used.as_str()) != PAIR {
                wrong.push(format!("{module} uses {used}"));
            }
        }
    }
    assert!(uses > order.len(), "only {uses} uses were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The module in a line of the list in `lib.rs`.
fn listed_module(line: &str) -> Option<&str> {
    line.strip_prefix("//! - ")?.split('`').nth(1)
}

/// The module in a declaration such as `pub mod app;`.
fn declared_module(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
    line.strip_prefix("mod ")?.strip_suffix(';')
}

/// The other modules of the crate that a module names with `crate::`, in code that is not for tests only.
fn modules_used_by(src: &Path, module: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let mut files = vec![src.join(format!("{module}.rs")), src.join(module).join("mod.rs")];
    while let Some(file) = files.pop() {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.trim() == "#[cfg(test)]" {
                // The item below is for tests: one line, or a block up to a closing brace with the same indentation.
                let item = lines.next().unwrap_or_default();
                if item.ends_with('{') {
                    let end = format!("{}}}", " ".repeat(item.len() - item.trim_start().len()));
                    lines.by_ref().find(|line| **line == end);
                }
                continue;
            }
            files.extend(declared_module(line).into_iter().flat_map(|child| files_of_child(&file, child)));
            if !line.trim_start().starts_with("//") {
                let names = line.split("crate::").skip(1);
                used.extend(names.map(|name| name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()));
            }
        }
    }
    used.remove(module);
    used
}

/// The files in which a module that `file` declares may be.
fn files_of_child(file: &Path, child: &str) -> [PathBuf; 2] {
    let is_mod = file.file_name().is_some_and(|name| name == "mod.rs");
    let folder = if is_mod { file.parent().map(Path::to_owned).unwrap_or_default() } else { file.with_extension("") };
    [folder.join(format!("{child}.rs")), folder.join(child).join("mod.rs")]
}
