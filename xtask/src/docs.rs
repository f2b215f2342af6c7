//! `cargo xtask docs`: the documents that are generated from the code, and rustdoc.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::bench::chart;
use crate::install::succeed;
use crate::test::{root, target};

#[derive(clap::Args)]
pub struct DocsOptions {
    /// Compare the generated documents with the files instead of writing them
    #[arg(long)]
    check: bool,
}

/// A file that the `roomcast` binary prints.
struct Generated {
    /// Relative to the root of the repository.
    path: &'static str,
    /// The arguments with which `roomcast` prints it.
    arguments: &'static [&'static str],
}

/// A document that the binary prints is a line here.
const GENERATED: [Generated; 5] = [
    Generated { path: "config.example.toml", arguments: &["config", "--example"] },
    Generated { path: "docs/reference/settings.md", arguments: &["reference", "settings"] },
    Generated { path: "docs/reference/metrics.md", arguments: &["reference", "metrics"] },
    Generated { path: "docs/reference/errors.md", arguments: &["reference", "errors"] },
    Generated { path: "docs/reference/events.md", arguments: &["reference", "events"] },
];

pub fn run(options: &DocsOptions) -> Result<()> {
    let root = root()?;
    if options.check {
        return check(&root);
    }
    for document in documents(&root)? {
        let path = root.join(document.path);
        if document.is_current(&root) {
            continue;
        }
        std::fs::write(&path, &document.text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", document.path);
    }
    rustdoc(&root)?;
    println!("The documentation of the crates begins at target/doc/roomcast/index.html.");
    Ok(())
}

/// Checks that the generated documents are current, and that rustdoc has no warnings.
pub fn check(root: &Path) -> Result<()> {
    let outdated: Vec<_> = documents(root)?.iter().filter(|document| !document.is_current(root)).map(|document| document.path).collect();
    ensure!(outdated.is_empty(), "run `cargo xtask docs`, because these documents are outdated: {}", outdated.join(", "));
    rustdoc(root)
}

/// A generated document and its current text.
struct Document {
    path: &'static str,
    text: Vec<u8>,
}

impl Document {
    fn is_current(&self, root: &Path) -> bool {
        std::fs::read(root.join(self.path)).is_ok_and(|text| text == self.text)
    }
}

/// The documents that the `roomcast` binary prints, and the chart of the benchmark.
fn documents(root: &Path) -> Result<Vec<Document>> {
    // The tests build the whole workspace, too. The server alone would have other features of its dependencies, which are then built twice.
    succeed(Command::new("cargo").args(["build", "--workspace", "--bins", "--locked", "--quiet"]).current_dir(root))?;
    let documents = GENERATED.iter().map(|generated| {
        let mut roomcast = Command::new(target(root).join("debug/roomcast"));
        let output = roomcast.args(generated.arguments).current_dir(root).stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "{roomcast:?} failed");
        Ok(Document { path: generated.path, text: output.stdout })
    });
    let mut documents = documents.collect::<Result<Vec<_>>>()?;
    documents.push(Document { path: chart::CHART, text: chart::draw(&root.join(chart::RESULTS))?.into_bytes() });
    Ok(documents)
}

/// Builds the documentation of all crates with their private items, for contributors. A broken or ambiguous link is an error.
fn rustdoc(root: &Path) -> Result<()> {
    // Links to private items lead somewhere, because private items are documented.
    let flags = "-D warnings -A rustdoc::private-intra-doc-links";
    let mut cargo = Command::new("cargo");
    cargo
        .args(["doc", "--workspace", "--no-deps", "--document-private-items", "--locked", "--quiet"])
        .env("RUSTDOCFLAGS", flags)
        .current_dir(root);
    succeed(&mut cargo)
}
