//! `cargo xtask lint`: how much of the project's prose is vague, by area, and which commit subjects are too long.

mod areas;
mod ceilings;
mod commits;
mod prose;
mod rust;
mod script;
mod source;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};

use anyhow::{Result, ensure};

use self::areas::Area;
use self::ceilings::{CEILINGS, Ceiling, ceiling, lowest_for};
use crate::test::root;

#[derive(clap::Args, Default)]
pub struct LintOptions {
    /// Print each vague word of an area, such as `engine/comments`, or of all areas of a part, such as `engine`
    #[arg(long, value_name = "AREA")]
    list: Option<String>,
}

pub fn run(options: &LintOptions) -> Result<()> {
    let root = root()?;
    let areas = areas::read(&root)?;
    if let Some(name) = &options.list {
        return list(&areas, name);
    }
    print_table(&areas);
    let mut faults = faults(&areas, CEILINGS);
    match commits::with_long_subject(&root) {
        Some(commits) => faults.extend(commits.iter().map(|commit| {
            format!(
                "the subject of commit {commit} has more than {} characters: shorten it with git commit --amend, or git rebase -i",
                commits::LONGEST
            )
        })),
        None => println!(
            "\nThe commit subjects are not checked: this clone does not reach back to the first checked commit. git fetch --unshallow loads the history."
        ),
    }
    for fault in &faults {
        eprintln!("{fault}");
    }
    ensure!(faults.is_empty(), "the lint has failed: {} of the lines above name a fault and its fix", faults.len());
    Ok(())
}

/// Prints each vague word of the areas with this name or below it.
fn list(areas: &BTreeMap<String, Area>, name: &str) -> Result<()> {
    let is_named = |area: &str| area == name || area.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    let named: Vec<_> = areas.iter().filter(|(area, _)| is_named(area)).collect();
    ensure!(!named.is_empty(), "there is no area {name}; the areas are {}", areas.keys().cloned().collect::<Vec<_>>().join(", "));
    let mut output = std::io::stdout().lock();
    for found in named.iter().flat_map(|(_, area)| &area.hits) {
        match writeln!(output, "{}:{}: {} [{}]", found.path.display(), found.line, found.text, found.phrase) {
            // The reader, such as `head`, has enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            written => written?,
        }
    }
    Ok(())
}

fn print_table(areas: &BTreeMap<String, Area>) {
    println!("{:<28} {:>8} {:>6} {:>9} {:>8}", "area", "words", "hits", "per 1,000", "ceiling");
    for (name, area) in areas {
        println!("{name:<28} {:>8} {:>6} {:>9.1} {:>8.1}", area.words, area.hits.len(), area.per_thousand(), ceiling(CEILINGS, name));
    }
    let lower =
        areas.iter().map(|(name, area)| (name, lowest_for(area.per_thousand()))).filter(|(name, lowest)| *lowest < ceiling(CEILINGS, name));
    for (name, lowest) in lower {
        println!("The ceiling of {name} in xtask/src/lint/ceilings.rs can be lowered to {lowest:.1}.");
    }
}

/// Which areas are above their ceilings, and which ceilings have no area.
fn faults(areas: &BTreeMap<String, Area>, ceilings: &[Ceiling]) -> Vec<String> {
    let above = areas.iter().filter(|(name, area)| lowest_for(area.per_thousand()) > ceiling(ceilings, name)).map(|(name, area)| {
        let (density, ceiling) = (area.per_thousand(), ceiling(ceilings, name));
        format!("{name} has {density:.2} vague words per 1,000, and may have {ceiling:.1}: rewrite some that `cargo xtask lint --list {name}` prints")
    });
    let unused = ceilings.iter().filter(|(name, _)| !areas.contains_key(*name));
    above
        .chain(unused.map(|(name, _)| format!("{name} has a ceiling and no words: remove its line from xtask/src/lint/ceilings.rs")))
        .collect()
}
