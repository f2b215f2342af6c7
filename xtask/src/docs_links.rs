//! What the pages say is true: every path that they name is there.

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    /// The text of a page outside its blocks of code.
    fn prose(page: &str) -> String {
        page.split("```").step_by(2).collect()
    }

    /// The folders and files that a page names in backticks: they stand below the root of the repository.
    fn paths_in_ticks(prose: &str) -> Vec<&str> {
        let ours = |path: &&str| {
            ["crates/", "xtask", "bench/", "e2e/", "docs/", ".ci/"].iter().any(|start| path.starts_with(start)) || path.ends_with(".md")
        };
        prose.split('`').skip(1).step_by(2).filter(|path| !path.contains([' ', '*', '<', '{'])).filter(ours).collect()
    }

    /// The files that a page links to, without the anchor; links to other sites and inside the page are left out.
    fn linked_paths(prose: &str) -> Vec<&str> {
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let files = targets.filter(|target| !target.contains(':')).filter_map(|target| target.split('#').next());
        files.filter(|path| !path.is_empty()).collect()
    }

    /// All pages below a folder.
    fn pages_in(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let pages = entries.flat_map(|path| if path.is_dir() { pages_in(&path) } else { vec![path] });
        pages.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
    }

    #[test]
    fn every_path_that_a_page_names_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let docs = pages_in(&root.join("docs"));
        assert!(docs.len() > 20, "{} pages in docs", docs.len());
        let mut missing = Vec::new();
        for page in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|page| root.join(page)).into_iter().chain(docs) {
            let prose = prose(&std::fs::read_to_string(&page).unwrap());
            let folder = page.parent().unwrap();
            let named = paths_in_ticks(&prose).into_iter().map(|path| (path, root.join(path)));
            let linked = linked_paths(&prose).into_iter().map(|path| (path, folder.join(path)));
            let named: Vec<_> = named.chain(linked).collect();
            assert!(!named.is_empty(), "{} names no path", page.display());
            let absent = named.iter().filter(|(_, path)| !path.exists());
            missing.extend(absent.map(|(path, _)| format!("{} names {path}", page.display())));
        }
        assert!(missing.is_empty(), "not there: {missing:#?}");
    }

    #[test]
    fn paths_are_read_out_of_ticks_and_links() {
        let prose = prose(
            "See `crates/a`, `PORT` and [b](../b.md#part), [c](#part), [d](https://d).\n```sh\ncat `e2e/x` [y](y.md)\n```\n[f](f.rs)",
        );
        assert_eq!(paths_in_ticks(&prose), ["crates/a"]);
        assert_eq!(linked_paths(&prose), ["../b.md", "f.rs"]);
    }
}
