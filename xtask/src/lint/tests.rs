//! The cases in `cases.txt` are sources with the words and the vague words that the lint finds in them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use super::areas::{Area, Found};
use super::source::{Kind, Passage, numbered};
use super::{faults, rust, script};

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
fn an_area_above_its_ceiling_is_a_fault() {
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
        let faults = faults(&areas, &ceilings);
        assert_eq!(faults.len(), usize::from(is_fault), "{name}, {hits} of {words}: {faults:?}");
        assert!(faults.iter().all(|fault| fault.starts_with(name)), "{faults:?}");
    }
}

#[test]
fn a_ceiling_without_an_area_is_a_fault() {
    let faults = faults(&BTreeMap::new(), &[("old/comments", 12.8)]);
    assert_eq!(faults, ["old/comments has a ceiling and no words: remove its line from xtask/src/lint/ceilings.rs"]);
}
