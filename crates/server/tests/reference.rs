//! The pages of `docs/reference` are current.

use roomcast::codegen::reference::ReferencePage;

#[test]
fn reference_pages_are_current() {
    for page in ReferencePage::ALL {
        let path = format!("{}/../../docs/reference/{}", env!("CARGO_MANIFEST_DIR"), page.file_name());
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(text == page.markdown().unwrap(), "docs/reference/{} is outdated: run `cargo xtask docs`", page.file_name());
    }
}
