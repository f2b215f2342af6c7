//! A test that every path and every link in the Markdown pages leads to something.

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::{Component, Path, PathBuf};

    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    use crate::lint::files;
    use crate::test::root;

    /// What a page refers to, and what other pages may refer to.
    #[derive(Default, Debug, PartialEq, Eq)]
    struct Page {
        /// The folders and files that it names in backticks, relative to the root of the repository.
        named: Vec<String>,
        /// The targets of its links and images in the repository.
        links: Vec<String>,
        /// The anchors of its headings.
        anchors: BTreeSet<String>,
    }

    fn read(text: &str) -> Page {
        let mut page = Page::default();
        let mut heading = None::<String>;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page.anchors.extend(heading.take().map(|text| anchor(&text))),
                Event::Text(text) => heading.iter_mut().for_each(|heading| heading.push_str(&text)),
                Event::Code(code) => {
                    heading.iter_mut().for_each(|heading| heading.push_str(&code));
                    page.named.extend(is_path(&code).then(|| code.into_string()));
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) if !dest_url.contains(':') => {
                    page.links.push(dest_url.into_string());
                }
                _ => {}
            }
        }
        page
    }

    /// The anchor that GitHub gives to a heading.
    fn anchor(heading: &str) -> String {
        let kept = heading.to_lowercase();
        kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).map(|c| if c == ' ' { '-' } else { c }).collect()
    }

    /// Whether code in backticks is a path of the repository.
    fn is_path(code: &str) -> bool {
        let folders = ["crates/", "xtask/", "bench/", "e2e/", "docs/", "examples/", ".ci/", ".github/"];
        !code.contains([' ', '*', '<', '{']) && folders.iter().any(|folder| code.starts_with(folder))
    }

    /// The path without `.` and `..`.
    fn normalized(path: &Path) -> PathBuf {
        let mut normalized = PathBuf::new();
        for component in path.components() {
            match component {
                Component::ParentDir => {
                    normalized.pop();
                }
                Component::CurDir => {}
                other => normalized.push(other),
            }
        }
        normalized
    }

    /// What is wrong with a link of a page, if anything is.
    fn fault(root: &Path, pages: &BTreeMap<PathBuf, Page>, page: &Path, link: &str) -> Option<String> {
        let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
        let target = if path.is_empty() { page.to_owned() } else { normalized(&page.parent()?.join(path)) };
        if !root.join(&target).exists() {
            return Some(format!("{} links to {link}, which does not exist", page.display()));
        }
        let anchor = anchor?;
        let has_anchor = pages.get(&target).is_some_and(|target| target.anchors.contains(anchor));
        (!has_anchor).then(|| format!("{} links to {link}, and {} has no such heading", page.display(), target.display()))
    }

    #[test]
    fn paths_and_links_of_all_pages_exist() {
        let root = root().unwrap();
        let files = files::read(&root).unwrap();
        let pages: BTreeMap<_, _> =
            files.iter().filter(|file| file.extension() == "md").map(|file| (file.path.clone(), read(&file.text))).collect();
        assert!(pages.len() > 40, "{} pages", pages.len());
        let mut faults = Vec::new();
        for (path, page) in &pages {
            let missing = page.named.iter().filter(|named| !root.join(named).exists());
            faults.extend(missing.map(|named| format!("{} names {named}, which does not exist", path.display())));
            faults.extend(page.links.iter().filter_map(|link| fault(&root, &pages, path, link)));
        }
        assert!(faults.is_empty(), "{faults:#?}");
    }

    #[test]
    fn paths_links_and_anchors_are_read_from_a_page() {
        let page = read(
            "# The `a-b` part, first\nSee `crates/a`, `PORT`, `crates/*/b` and [b](../b.md#part), [c](#part), [d](https://d) ![e](e.svg).\n\
             ```sh\ncat `e2e/x` [y](y.md)\n```\n",
        );
        assert_eq!(page.named, ["crates/a"]);
        assert_eq!(page.links, ["../b.md#part", "#part", "e.svg"]);
        assert_eq!(page.anchors, BTreeSet::from(["the-a-b-part-first".to_owned()]));
    }

    #[test]
    fn links_are_relative_to_their_page() {
        assert_eq!(normalized(Path::new("docs/user-guide/../design/./adr/0001.md")), Path::new("docs/design/adr/0001.md"));
    }
}
