//! The prose of a file, by what it is.

use super::prose::{Line, paragraphs};
use super::words::{Count, count};

/// What a piece of prose is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A page, or a part of one.
    Page,
    /// A comment for those who read the code.
    Comment,
    /// A comment that documents an item.
    DocComment,
    /// A string literal with two words or more. One word alone is a name.
    String,
    /// The title of a scenario.
    Title,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Page => "pages",
            Self::Comment => "comments",
            Self::DocComment => "doc-comments",
            Self::String => "strings",
            Self::Title => "titles",
        }
    }
}

/// Lines that belong together, such as the comment above a function.
#[derive(Debug)]
pub struct Passage {
    pub kind: Kind,
    /// It is compiled for tests only.
    pub is_test: bool,
    pub lines: Vec<Line>,
}

/// SQL is no prose. Our statements begin with one of these in capital letters.
const SQL: [&str; 9] = ["ALTER", "CREATE", "DELETE", "DROP", "INSERT", "PRAGMA", "SELECT", "UPDATE", "WITH"];

impl Passage {
    pub fn new(kind: Kind, lines: Vec<Line>) -> Self {
        Self { kind, is_test: false, lines }
    }

    /// Its words and the vague ones among them.
    pub fn count(self) -> Count {
        let kind = self.kind;
        let first = self.lines.iter().find_map(|(_, line)| line.split_whitespace().next());
        if kind == Kind::String && first.is_some_and(|word| SQL.contains(&word)) {
            return Count::default();
        }
        let mut total = Count::default();
        for part in paragraphs(self.lines).iter().map(count) {
            total.words += part.words;
            total.hits.extend(part.hits);
        }
        if kind == Kind::String && total.words < 2 { Count::default() } else { total }
    }
}

/// The numbered lines of a text that begins at the given line of its file.
pub fn numbered(text: &str, first: usize) -> Vec<Line> {
    text.lines().enumerate().map(|(at, line)| (first + at, line.to_owned())).collect()
}

/// A literal's text with a space in the place of each escape sequence. Line breaks stay, so that lines can be counted.
pub fn unescaped(literal: &str) -> String {
    let mut text = String::with_capacity(literal.len());
    let mut chars = literal.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        let escaped = chars.next();
        text.push(if escaped == Some('\n') { '\n' } else { ' ' });
        if escaped == Some('u') && chars.peek() == Some(&'{') {
            chars.by_ref().find(|&c| c == '}');
        }
    }
    text
}
