//! `cargo xtask setup` and `cargo xtask doctor`: install what the tests and the checks need, or only say what is missing.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::requirements::{FOR_CHECKS, FOR_TESTS, Requirement};
use crate::test::root;

/// Installs all requirements that are missing.
pub fn run() -> Result<()> {
    let root = root()?;
    install_missing(&root, &FOR_TESTS)?;
    install_missing(&root, &FOR_CHECKS)?;
    println!("Everything is installed.");
    Ok(())
}

/// Prints each requirement, and how to get the missing ones. Installs nothing.
///
/// # Errors
/// If a requirement is missing.
pub fn diagnose() -> Result<()> {
    let root = root()?;
    let mut missing = 0;
    for (title, requirements) in [("Tests", FOR_TESTS.as_slice()), ("Checks", &FOR_CHECKS)] {
        println!("{title}:");
        for requirement in requirements {
            if requirement.is_met(&root) {
                println!("  found    {}", requirement.name());
            } else {
                missing += 1;
                println!("  missing  {}\n           {}", requirement.name(), requirement.remedy());
            }
        }
    }
    ensure!(missing == 0, "{missing} requirements are missing");
    println!("Everything is installed.");
    Ok(())
}

/// Installs the requirements that are missing, and reports all that cannot be installed.
pub fn install_missing(root: &Path, requirements: &[Requirement]) -> Result<()> {
    let mut failures = Vec::new();
    for requirement in requirements.iter().filter(|requirement| !requirement.is_met(root)) {
        eprintln!("Installing {}", requirement.name());
        if let Err(error) = requirement.install(root) {
            failures.push(format!("{}: {error:#}", requirement.name()));
        }
    }
    ensure!(failures.is_empty(), "these requirements are missing:\n  {}", failures.join("\n  "));
    Ok(())
}
