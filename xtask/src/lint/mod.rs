//! `cargo xtask lint`: vague words in prose by area, repeated type names and long functions by crate, import cycles,
//! field names of clients in the domain, and commit subjects that are too long.

mod areas;
mod ceilings;
mod client_names;
mod commits;
mod crates;
mod cycles;
pub mod files;
mod items;
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
use self::ceilings::{CEILINGS, CRATE_CEILINGS, Ceiling, CrateCeiling, ceiling, lowest_for};
use self::crates::{CrateCode, LONGEST_FUNCTION};
use crate::test::root;

#[derive(clap::Args, Default)]
pub struct LintOptions {
    /// Print each vague word of an area, such as `engine/comments`, or of all areas of a part, such as `engine`
    #[arg(long, value_name = "AREA")]
    list: Option<String>,
    /// Print each type name that a crate defines more than once
    #[arg(long)]
    names: bool,
    /// Print each function that is too long
    #[arg(long)]
    functions: bool,
}

pub fn run(options: &LintOptions) -> Result<()> {
    let root = root()?;
    let files = files::read(&root)?;
    let areas = areas::read(&files)?;
    let crates = crates::read(&files)?;
    if options.list.is_some() || options.names || options.functions {
        let vague = options.list.as_ref().map_or(Ok(Vec::new()), |name| vague_words(&areas, name))?;
        let repeated = if options.names { repeated_names(&crates) } else { Vec::new() };
        let long = if options.functions { long_functions(&crates) } else { Vec::new() };
        return print_lines([vague, repeated, long].concat());
    }
    print_areas(&areas);
    print_crates(&crates);
    let mut faults = area_faults(&areas, CEILINGS);
    faults.extend(crate_faults(&crates, CRATE_CEILINGS));
    faults.extend(cycles::faults(&files)?);
    faults.extend(client_names::faults(&files));
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

/// The vague words of the areas with this name or below it, a line for each.
fn vague_words(areas: &BTreeMap<String, Area>, name: &str) -> Result<Vec<String>> {
    let is_named = |area: &str| area == name || area.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    let named: Vec<_> = areas.iter().filter(|(area, _)| is_named(area)).collect();
    ensure!(!named.is_empty(), "there is no area {name}; the areas are {}", areas.keys().cloned().collect::<Vec<_>>().join(", "));
    let found = named.iter().flat_map(|(_, area)| &area.hits);
    Ok(found.map(|found| format!("{}:{}: {} [{}]", found.path.display(), found.line, found.text, found.phrase)).collect())
}

/// The repeated type names of all crates, each followed by its places.
fn repeated_names(crates: &BTreeMap<String, CrateCode>) -> Vec<String> {
    let mut lines = Vec::new();
    for (crate_name, code) in crates {
        for (name, places) in code.repeated_names() {
            lines.push(format!("{crate_name}: {name} is defined {} times", places.len()));
            lines.extend(places.iter().map(|place| format!("  {}:{}", place.path.display(), place.line)));
        }
    }
    lines
}

/// The functions of all crates that are too long, a line for each.
fn long_functions(crates: &BTreeMap<String, CrateCode>) -> Vec<String> {
    let functions = crates.values().flat_map(|code| &code.long_functions);
    functions.map(|(name, lines, place)| format!("{}:{}: {name} has {lines} lines", place.path.display(), place.line)).collect()
}

fn print_lines(lines: Vec<String>) -> Result<()> {
    let mut output = std::io::stdout().lock();
    for line in lines {
        match writeln!(output, "{line}") {
            // The reader, such as `head`, has enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            written => written?,
        }
    }
    Ok(())
}

fn print_areas(areas: &BTreeMap<String, Area>) {
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

fn print_crates(crates: &BTreeMap<String, CrateCode>) {
    let long = format!("> {LONGEST_FUNCTION} lines");
    println!("\n{:<28} {:>8} {:>8} {:>8} {:>9} {long:>10} {:>8}", "crate", "types", "repeated", "ceiling", "functions", "ceiling");
    for (name, code) in crates {
        let (ceiling, repeated) = (CrateCeiling::of(CRATE_CEILINGS, name), code.repeated_names().count());
        println!(
            "{name:<28} {:>8} {repeated:>8} {:>8} {:>9} {:>10} {:>8}",
            code.type_names(),
            ceiling.repeated_names,
            code.functions(),
            code.long_functions.len(),
            ceiling.long_functions
        );
    }
    for (name, code) in crates {
        let ceiling = CrateCeiling::of(CRATE_CEILINGS, name);
        if code.repeated_names().count() < ceiling.repeated_names || code.long_functions.len() < ceiling.long_functions {
            println!("The ceilings of the crate {name} in xtask/src/lint/ceilings.rs can be lowered.");
        }
    }
}

/// Which areas are above their ceilings, and which ceilings have no area.
fn area_faults(areas: &BTreeMap<String, Area>, ceilings: &[Ceiling]) -> Vec<String> {
    let above = areas.iter().filter(|(name, area)| lowest_for(area.per_thousand()) > ceiling(ceilings, name)).map(|(name, area)| {
        let (density, ceiling) = (area.per_thousand(), ceiling(ceilings, name));
        format!("{name} has {density:.2} vague words per 1,000, and may have {ceiling:.1}: rewrite some that `cargo xtask lint --list {name}` prints")
    });
    let unused = ceilings.iter().filter(|(name, _)| !areas.contains_key(*name));
    above
        .chain(unused.map(|(name, _)| format!("{name} has a ceiling and no words: remove its line from xtask/src/lint/ceilings.rs")))
        .collect()
}

/// Which crates are above their ceilings, and which ceilings have no crate.
fn crate_faults(crates: &BTreeMap<String, CrateCode>, ceilings: &[CrateCeiling]) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, code) in crates {
        let ceiling = CrateCeiling::of(ceilings, name);
        let (repeated, long) = (code.repeated_names().count(), code.long_functions.len());
        if repeated > ceiling.repeated_names {
            let allowed = ceiling.repeated_names;
            faults.push(format!(
                "the crate {name} defines {repeated} type names more than once, and may have {allowed}: rename some that `cargo xtask lint --names` prints"
            ));
        }
        if long > ceiling.long_functions {
            let allowed = ceiling.long_functions;
            faults.push(format!(
                "the crate {name} has {long} functions of more than {LONGEST_FUNCTION} lines, and may have {allowed}: split some that \
                 `cargo xtask lint --functions` prints"
            ));
        }
    }
    let unused = ceilings.iter().filter(|ceiling| !crates.contains_key(ceiling.name));
    faults.extend(unused.map(|ceiling| format!("there is no crate {}: remove its line from xtask/src/lint/ceilings.rs", ceiling.name)));
    faults
}
