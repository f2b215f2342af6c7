//! The cases in `cases.txt` are sources with the words and the vague words that the lint finds in them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use super::areas::{Area, Found};
use super::ceilings::CrateCeiling;
use super::files::File;
use super::source::{Kind, Passage, numbered};
use super::{area_faults, crate_faults, crates, rust, script};

#[test]
fn each_case_has_the_words_and_hits_that_it_names() {
    let cases: Vec<_> = include_str!("cases.txt").split("=== ").skip(1).collect();
    assert!(cases.len() > 20, "{} cases", cases.len());
    let mut failures = String::new();
    for case in cases {
        let (title, rest) = case.split_once('\n').unwrap();
        let (source, expected) = rest.split_once("---\n").unwrap();
        let found = found(title.split_once(':').unwrap().0, source);
        if found.trim() != expected.trim() {
            writeln!(failures, "{title}\nexpected:\n{}\nfound:\n{}", expected.trim(), found.trim()).unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// A line for each kind of prose, with its words, followed by its hits.
fn found(language: &str, source: &str) -> String {
    let mut modules = Vec::new();
    let passages = match language {
        "rust" => {
            let source = rust::read(source);
            modules = source.test_modules;
            source.passages
        }
        "markdown" => vec![Passage::new(Kind::Page, numbered(source, 1))],
        "javascript" => script::read(source, &script::JAVASCRIPT),
        "python" => script::read(source, &script::PYTHON),
        "sql" => script::read(source, &script::SQL),
        "toml" => script::read(source, &script::TOML),
        other => panic!("{other} is no language"),
    };
    let mut kinds = BTreeMap::<_, (usize, Vec<String>)>::new();
    for passage in passages {
        let key = (passage.is_test, passage.kind);
        let count = passage.count();
        let (words, hits) = kinds.entry(key).or_default();
        *words += count.words;
        hits.extend(count.hits.iter().map(|hit| format!("  {}: {}\n", hit.line, hit.phrase)));
    }
    let mut found = String::new();
    for ((is_test, kind), (words, hits)) in kinds.into_iter().filter(|(_, (words, _))| *words > 0) {
        writeln!(found, "{}{} {words}", if is_test { "tests/" } else { "" }, kind.name()).unwrap();
        found.extend(hits);
    }
    for module in modules {
        writeln!(found, "module {module}").unwrap();
    }
    found
}

#[test]
fn area_above_its_ceiling_is_a_fault() {
    let ceilings = [("old/comments", 12.8)];
    for (name, words, hits, is_fault) in [
        ("new/comments", 1_000, 1, false),
        ("new/comments", 999, 1, true),
        ("new/comments", 10, 0, false),
        ("old/comments", 10_000, 128, false),
        ("old/comments", 10_000, 129, true),
    ] {
        let found = || Found { path: PathBuf::new(), line: 1, text: String::new(), phrase: String::new() };
        let area = |words, hits| Area { words, hits: (0..hits).map(|_| found()).collect() };
        let mut areas = BTreeMap::from([("old/comments".to_owned(), area(1, 0))]);
        areas.insert(name.to_owned(), area(words, hits));
        let faults = area_faults(&areas, &ceilings);
        assert_eq!(faults.len(), usize::from(is_fault), "{name}, {hits} of {words}: {faults:?}");
        assert!(faults.iter().all(|fault| fault.starts_with(name)), "{faults:?}");
    }
}

#[test]
fn ceiling_without_an_area_is_a_fault() {
    let faults = area_faults(&BTreeMap::new(), &[("old/comments", 12.8)]);
    assert_eq!(faults, ["old/comments has a ceiling and no words: remove its line from xtask/src/lint/ceilings.rs"]);
}

#[test]
fn crate_above_its_ceilings_is_a_fault() {
    let text = format!("struct A; fn long() {{{}}} mod b {{ struct A; }}", "\n".repeat(100));
    let crates = crates::read(&[File { path: "crates/a/src/lib.rs".into(), text }]).unwrap();
    for (repeated_names, long_functions, faults) in [(1, 1, 0), (0, 1, 1), (1, 0, 1), (0, 0, 2), (2, 2, 0)] {
        let found = crate_faults(&crates, &[CrateCeiling { name: "a", repeated_names, long_functions }]);
        assert_eq!(found.len(), faults, "{found:?}");
    }
    assert_eq!(crate_faults(&crates, &[]).len(), 2);
    let unused = CrateCeiling { name: "b", repeated_names: 1, long_functions: 0 };
    assert_eq!(crate_faults(&BTreeMap::new(), &[unused]), ["there is no crate b: remove its line from xtask/src/lint/ceilings.rs"]);
}
