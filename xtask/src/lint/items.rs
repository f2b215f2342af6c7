//! The types and functions of Rust sources, without those that are for tests only.

use std::path::PathBuf;

use anyhow::Result;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::files::{File, folder_of_modules};

/// The name of a struct, enum, union, trait, or type alias.
#[derive(Debug, PartialEq, Eq)]
pub struct TypeName {
    pub name: String,
    /// From 1.
    pub line: usize,
}

/// A function or method.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// The line of its signature, from 1.
    pub line: usize,
    /// The number of lines from the signature to the closing brace.
    pub lines: usize,
}

/// What a source defines.
#[derive(Debug, Default)]
pub struct Items {
    pub types: Vec<TypeName>,
    pub functions: Vec<Function>,
    /// The modules for tests whose text is in files of their own, as paths without an extension.
    pub test_modules: Vec<PathBuf>,
}

/// Reads a source.
///
/// # Errors
/// If the source is not valid Rust.
pub fn read(file: &File) -> Result<Items> {
    let source = syn::parse_file(&file.text)?;
    let mut visitor = ItemVisitor { folder: folder_of_modules(&file.path), items: Items::default() };
    visitor.visit_file(&source);
    Ok(visitor.items)
}

struct ItemVisitor {
    folder: PathBuf,
    items: Items,
}

impl ItemVisitor {
    fn add_type(&mut self, name: &syn::Ident) {
        self.items.types.push(TypeName { name: name.to_string(), line: name.span().start().line });
    }

    fn add_function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let (line, end) = (signature.span().start().line, body.span().end().line);
        self.items.functions.push(Function { name: signature.ident.to_string(), line, lines: end + 1 - line });
    }
}

impl<'a> Visit<'a> for ItemVisitor {
    fn visit_item(&mut self, item: &'a syn::Item) {
        let (attributes, type_name) = match item {
            syn::Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Union(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Type(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Mod(item) => (&item.attrs, None),
            syn::Item::Impl(item) => (&item.attrs, None),
            syn::Item::Fn(item) => (&item.attrs, None),
            _ => return visit::visit_item(self, item),
        };
        if is_for_tests(attributes) {
            if let syn::Item::Mod(syn::ItemMod { ident, content: None, .. }) = item {
                self.items.test_modules.push(self.folder.join(ident.to_string()));
            }
            return;
        }
        if let Some(name) = type_name {
            self.add_type(name);
        }
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, function: &'a syn::ItemFn) {
        self.add_function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'a syn::ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            self.add_function(&function.sig, &function.block);
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'a syn::TraitItemFn) {
        if let Some(body) = function.default.as_ref().filter(|_| !is_for_tests(&function.attrs)) {
            self.add_function(&function.sig, body);
            visit::visit_trait_item_fn(self, function);
        }
    }
}

/// Whether an item has the attribute `#[cfg(test)]`, `#[test]`, or `#[cfg(all(test, …))]`.
pub fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition.starts_with("all (test")
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_for_tests_are_left_out() {
        let text = "\
struct A { #[cfg(test)] only: u8 }
/// A comment.
fn outer() {
    enum B {}
    fn inner() {}
}
impl A {
    type NotAnAlias = u8;
    #[inline]
    fn method(
        &self,
    ) {
    }
    #[cfg(test)]
    fn helper() {}
}
trait C { fn required(); fn provided() {} }
#[cfg(test)]
mod helpers;
mod inside {
    type A = u8;
    macro_rules! d { () => { struct E; } }
}
#[cfg(all(test, unix))]
fn f() {}
#[cfg(test)]
mod tests {
    struct G;
    #[test]
    fn h() {}
}
";
        let items = read(&File { path: "crates/x/src/a.rs".into(), text: text.to_owned() }).unwrap();
        let types: Vec<_> = items.types.iter().map(|item| (item.name.as_str(), item.line)).collect();
        assert_eq!(types, [("A", 1), ("B", 4), ("C", 17), ("A", 21)]);
        let functions: Vec<_> = items.functions.iter().map(|item| (item.name.as_str(), item.line, item.lines)).collect();
        assert_eq!(functions, [("outer", 3, 4), ("inner", 5, 1), ("method", 10, 4), ("provided", 17, 1)]);
        assert_eq!(items.test_modules, [PathBuf::from("crates/x/src/a/helpers")]);
    }
}
