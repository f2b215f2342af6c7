//! The clients' names of fields, which the domain may not know.

use super::files::{File, is_in_modules};
use super::rust;
use super::source::Kind;

/// The crate without clients' names.
const DOMAIN: &str = "crates/domain/src";

/// The event names that Socket.IO clients reserve. The domain rejects events with these names.
const RESERVED: [&str; 2] = ["newListener", "removeListener"];

/// The string literals of the domain that have a name in camel case, and the calls with a name from a request, a line for each.
pub fn faults(files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut test_modules = Vec::new();
    let mut sources = Vec::new();
    for file in files.iter().filter(|file| file.extension() == "rs" && file.path.starts_with(DOMAIN)) {
        let source = rust::read(&file.text);
        let folder = super::files::folder_of_modules(&file.path);
        test_modules.extend(source.test_modules.iter().map(|module| folder.join(module)));
        sources.push((file, source.passages));
    }
    for (file, passages) in sources.into_iter().filter(|(file, _)| !is_in_modules(&file.path, &test_modules)) {
        let strings = passages.into_iter().filter(|passage| passage.kind == Kind::String && !passage.is_test);
        for (line, text) in strings.flat_map(|passage| passage.lines) {
            faults.extend(client_names(&text).map(|name| {
                format!(
                    "{}:{line}: the domain names a field of clients, {name}: use a Field, which each contract names",
                    file.path.display()
                )
            }));
        }
        for (line, text) in file.text.lines().enumerate().filter(|(_, text)| text.contains("::invalid_input(")) {
            faults.push(format!(
                "{}:{}: the domain makes an error with a field of clients, {}",
                file.path.display(),
                line + 1,
                text.trim()
            ));
        }
    }
    faults
}

/// The words of a text in camel case that begin with a small letter.
fn client_names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| {
        let is_camel_case = word.starts_with(|c: char| c.is_ascii_lowercase()) && word.contains(|c: char| c.is_ascii_uppercase());
        is_camel_case && !RESERVED.contains(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_name_in_the_domain_is_found_outside_tests_and_comments() {
        let text = "\
// A comment with dueDate.
fn f() { check(\"dueDate\", \"must be like userId or upTo\", \"newListener Title SQLite\"); }
Err(DomainError::invalid_input(\"title\", \"bad\"))
#[cfg(test)]
mod tests { const FIELD: &str = \"fileUrl\"; }
";
        let files = ["crates/domain/src/a.rs", "crates/server/src/a.rs"].map(|path| File { path: path.into(), text: text.to_owned() });
        let faults = faults(&files);
        let named: Vec<_> = faults.iter().map(|fault| fault.split_once("clients, ").unwrap().1.split(':').next().unwrap()).collect();
        assert_eq!(named, ["dueDate", "userId", "upTo", "Err(DomainError"], "{faults:?}");
        assert!(faults[3].starts_with("crates/domain/src/a.rs:3: "), "{faults:?}");
    }
}
