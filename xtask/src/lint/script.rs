//! Reads the prose of JavaScript, TypeScript, Python, SQL, and TOML.
//!
//! This is no parser: it goes through a source line by line and knows comments, string literals, and where a regular expression may begin.

use super::source::{Kind, Passage, unescaped};

/// What a language writes around comments and strings.
pub struct Syntax {
    line_comment: &'static str,
    block_comment: Option<(&'static str, &'static str)>,
    /// Delimiters of string literals. Those of more lines than one come first.
    quotes: &'static [Quote],
    /// A slash may begin a regular expression.
    has_regular_expressions: bool,
}

struct Quote {
    mark: &'static str,
    /// The literal may run over more lines than one.
    is_long: bool,
}

const fn quote(mark: &'static str, is_long: bool) -> Quote {
    Quote { mark, is_long }
}

pub const JAVASCRIPT: Syntax = Syntax {
    line_comment: "//",
    block_comment: Some(("/*", "*/")),
    quotes: &[quote("`", true), quote("'", false), quote("\"", false)],
    has_regular_expressions: true,
};

pub const PYTHON: Syntax = Syntax {
    line_comment: "#",
    block_comment: None,
    quotes: &[quote("\"\"\"", true), quote("'''", true), quote("'", false), quote("\"", false)],
    has_regular_expressions: false,
};

pub const SQL: Syntax = Syntax { line_comment: "--", block_comment: None, quotes: &[quote("'", false)], has_regular_expressions: false };

pub const TOML: Syntax = Syntax {
    line_comment: "#",
    block_comment: None,
    quotes: &[quote("\"\"\"", true), quote("'''", true), quote("'", false), quote("\"", false)],
    has_regular_expressions: false,
};

/// Reads the comments and the string literals of a source.
pub fn read(source: &str, syntax: &'static Syntax) -> Vec<Passage> {
    let mut reader = Reader { syntax, state: State::Code, code: String::new(), open: None, passages: Vec::new() };
    for (at, line) in source.lines().enumerate() {
        reader.line(at + 1, line);
    }
    reader.end();
    reader.passages
}

/// What the text that comes next is part of.
#[derive(Clone, Copy)]
enum State {
    Code,
    BlockComment { end: &'static str },
    Literal { quote: &'static Quote },
}

struct Reader {
    syntax: &'static Syntax,
    state: State,
    /// The code of the line so far, which decides what a slash means.
    code: String,
    /// The passage that the next line may continue.
    open: Option<Passage>,
    passages: Vec<Passage>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) {
        if let State::Literal { quote } = self.state
            && !quote.is_long
        {
            self.state = State::Code;
        }
        self.code.clear();
        let mut rest = Some(line);
        while let Some(text) = rest {
            rest = match self.state {
                State::Code => self.code(number, text),
                State::BlockComment { end } => self.block_comment(number, text, end),
                State::Literal { quote } => self.literal(number, text, quote.mark),
            };
        }
    }

    /// Reads a piece of code, or the comment that ends the line. Returns the rest of the line, if there is one.
    fn code<'a>(&mut self, number: usize, text: &'a str) -> Option<&'a str> {
        if let Some(comment) = text.strip_prefix(self.syntax.line_comment) {
            self.add(Kind::Comment, number, comment.trim_start_matches(['/', '#', '!']));
            return None;
        }
        if let Some((begin, end)) = self.syntax.block_comment.filter(|(begin, _)| text.starts_with(begin)) {
            self.end();
            self.state = State::BlockComment { end };
            return Some(&text[begin.len()..]);
        }
        if let Some(quote) = self.syntax.quotes.iter().find(|quote| text.starts_with(quote.mark)) {
            self.end();
            self.state = State::Literal { quote };
            return Some(&text[quote.mark.len()..]);
        }
        let is_expression = self.syntax.has_regular_expressions && text.starts_with('/') && may_begin_expression(&self.code);
        let mut chars = text.chars();
        let Some(c) = chars.next() else {
            // An empty line, or one without a comment, separates the comments above and below it.
            self.end();
            return None;
        };
        if !c.is_whitespace() {
            self.end();
        }
        self.code.push(c);
        Some(if is_expression { after_expression(chars.as_str()) } else { chars.as_str() })
    }

    fn block_comment<'a>(&mut self, number: usize, text: &'a str, end: &str) -> Option<&'a str> {
        let (inner, rest) = text.split_once(end).map_or((text, None), |(inner, rest)| (inner, Some(rest)));
        self.add(Kind::Comment, number, inner.trim_start().trim_start_matches('*'));
        self.back_to_code(rest)
    }

    fn literal<'a>(&mut self, number: usize, text: &'a str, mark: &str) -> Option<&'a str> {
        let (inner, rest) = until(text, mark);
        self.add(Kind::String, number, &unescaped(&without_expressions(inner)));
        self.code.push('"');
        self.back_to_code(rest)
    }

    /// Ends a comment or a literal if its end is found in this line.
    fn back_to_code<'a>(&mut self, rest: Option<&'a str>) -> Option<&'a str> {
        if rest.is_some() {
            self.end();
            self.state = State::Code;
        }
        rest
    }

    fn add(&mut self, kind: Kind, number: usize, text: &str) {
        if self.open.as_ref().is_some_and(|open| open.kind != kind) {
            self.end();
        }
        let passage = self.open.get_or_insert_with(|| Passage::new(kind, Vec::new()));
        passage.lines.push((number, text.to_owned()));
    }

    fn end(&mut self) {
        self.passages.extend(self.open.take());
    }
}

/// The text before a mark that is not escaped, and the text after it.
fn until<'a>(text: &'a str, mark: &str) -> (&'a str, Option<&'a str>) {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if text[at..].starts_with(mark) {
            return (&text[..at], Some(&text[at + mark.len()..]));
        }
    }
    (text, None)
}

/// A template's text with a dollar sign in the place of each `${expression}`.
fn without_expressions(text: &str) -> String {
    let mut parts = text.split("${");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push('$');
        plain.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    plain
}

/// Whether a slash behind this code begins a regular expression and is no division.
fn may_begin_expression(before: &str) -> bool {
    let before = before.trim_end();
    before.ends_with("return") || before.chars().next_back().is_none_or(|c| "(,=:[!&|?{;>+".contains(c))
}

/// What stands behind a regular expression whose first slash is read.
fn after_expression(text: &str) -> &str {
    let (mut escaped, mut in_class) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}
