//! What the pages say is true: every path that they name is there.

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The folders and files that pages name in backticks or links.
    fn named_paths(page: &str) -> Vec<&str> {
        let in_ticks = page.split('`').skip(1).step_by(2);
        let in_links = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let ours = |path: &&str| {
            ["crates/", "xtask", "bench/", "e2e/", ".ci/"].iter().any(|start| path.starts_with(start)) || path.ends_with(".md")
        };
        in_ticks.chain(in_links).filter(|path| !path.contains([' ', '*', '<', '{'])).filter(ours).collect()
    }

    #[test]
    fn every_path_that_a_page_names_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for page in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
            let text = std::fs::read_to_string(root.join(page)).unwrap();
            let paths = named_paths(&text);
            assert!(!paths.is_empty(), "{page} names no path");
            for path in paths {
                assert!(root.join(path).exists(), "{page} names {path}, which is not there");
            }
        }
    }
}
