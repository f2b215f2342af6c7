//! Reads the prose of Rust sources with the compiler's own lexer.

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};

use super::source::{Kind, Passage, numbered, unescaped};

/// A Rust source.
#[derive(Debug, Default)]
pub struct Source {
    pub passages: Vec<Passage>,
    /// The modules behind `#[cfg(test)]` whose text is in files of their own.
    pub test_modules: Vec<String>,
}

/// Reads the comments and the string literals of a source.
pub fn read(text: &str) -> Source {
    let mut source = Source::default();
    let mut tests = TestCode::default();
    let mut comment = Comment::default();
    let (mut offset, mut line) = (0, 1);
    for token in tokenize(text, FrontmatterAllowed::No) {
        let end = offset + token.len as usize;
        let part = &text[offset..end];
        let mut passage = None;
        match token.kind {
            TokenKind::Whitespace => {
                if part.matches('\n').count() > 1 {
                    passage = comment.end();
                }
            }
            TokenKind::LineComment { doc_style } => passage = comment.add(kind(doc_style.is_some()), line, part, tests.is_test()),
            TokenKind::BlockComment { doc_style, .. } => {
                source.passages.extend(comment.end());
                let inner = part.trim_start_matches(['/', '*', '!']).trim_end_matches(['/', '*']);
                let lines = numbered(inner, line).into_iter();
                let lines = lines.map(|(number, line)| (number, line.trim_start().trim_start_matches('*').to_owned()));
                passage = Some(Passage { kind: kind(doc_style.is_some()), is_test: tests.is_test(), lines: lines.collect() });
            }
            other => {
                source.passages.extend(comment.end());
                if let TokenKind::Literal { kind, .. } = other {
                    passage = string(kind, part).map(|text| Passage {
                        kind: Kind::String,
                        is_test: tests.is_test(),
                        lines: numbered(&text, line),
                    });
                }
                source.test_modules.extend(tests.see(part));
            }
        }
        source.passages.extend(passage);
        line += part.matches('\n').count();
        offset = end;
    }
    source.passages.extend(comment.end());
    source
}

const fn kind(is_doc: bool) -> Kind {
    if is_doc { Kind::DocComment } else { Kind::Comment }
}

/// The text of a string literal. Byte strings are data, and the others are not strings.
fn string(kind: LiteralKind, literal: &str) -> Option<String> {
    let raw = matches!(kind, LiteralKind::RawStr { .. });
    if !raw && !matches!(kind, LiteralKind::Str { .. }) {
        return None;
    }
    let (_, text) = literal.split_once('"')?;
    let (text, _) = text.rsplit_once('"')?;
    Some(if raw { text.to_owned() } else { unescaped(text) })
}

/// Line comments directly below each other, which are one passage.
#[derive(Default)]
struct Comment(Option<Passage>);

impl Comment {
    /// Adds a line. Returns the passage before it if that was of another kind.
    fn add(&mut self, kind: Kind, number: usize, text: &str, is_test: bool) -> Option<Passage> {
        let line = (number, text.trim_start_matches('/').trim_start_matches('!').to_owned());
        match &mut self.0 {
            Some(passage) if passage.kind == kind => {
                passage.lines.push(line);
                None
            }
            open => open.replace(Passage { kind, is_test, lines: vec![line] }),
        }
    }

    fn end(&mut self) -> Option<Passage> {
        self.0.take()
    }
}

/// Finds the items behind `#[cfg(test)]`.
#[derive(Default)]
struct TestCode {
    /// The last seven tokens that are neither white space nor a comment.
    recent: Vec<String>,
    /// How many brackets of any kind are open.
    depth: usize,
    /// The depth at which the item behind the attribute began.
    item: Option<usize>,
    /// The item's body has begun.
    in_body: bool,
}

impl TestCode {
    const ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

    const fn is_test(&self) -> bool {
        self.item.is_some()
    }

    /// Takes in a token. Returns the name of a module that is for tests only and has a file of its own.
    fn see(&mut self, token: &str) -> Option<String> {
        let mut module = None;
        match token {
            "{" | "(" | "[" => {
                self.in_body |= token == "{" && self.item == Some(self.depth);
                self.depth += 1;
            }
            "}" | ")" | "]" => {
                self.depth = self.depth.saturating_sub(1);
                let ends_body = token == "}" && self.in_body && self.item == Some(self.depth);
                if ends_body || self.item.is_some_and(|depth| depth > self.depth) {
                    self.item = None;
                }
            }
            // The end of a field, a variant, or an arm.
            "," if !self.in_body && self.item == Some(self.depth) => self.item = None,
            ";" if !self.in_body && self.item == Some(self.depth) => {
                self.item = None;
                if let [.., keyword, name] = self.recent.as_slice()
                    && keyword == "mod"
                {
                    module = Some(name.clone());
                }
            }
            _ => {}
        }
        if self.recent.len() == Self::ATTRIBUTE.len() {
            self.recent.remove(0);
        }
        self.recent.push(token.to_owned());
        if self.item.is_none() && self.recent == Self::ATTRIBUTE {
            self.item = Some(self.depth);
            self.in_body = false;
        }
        module
    }
}
