//! Paragraphs of prose and their words, without the code in them.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A line's number in its file, from 1, and its text.
pub type Line = (usize, String);

/// Lines without a blank line between them. A phrase may run over several lines of its paragraph.
pub struct Paragraph {
    lines: Vec<Line>,
}

/// A word of a paragraph.
#[derive(Debug, PartialEq, Eq)]
pub struct Word {
    /// In lower case, without a possessive `'s`.
    pub text: String,
    /// The number of its line.
    pub line: usize,
    /// Only white space stands between the previous word and this one.
    pub adjoins: bool,
    /// It has a capital letter, begins a sentence, and the sentence is not a question.
    pub opens_statement: bool,
}

/// Splits lines at blank lines, and leaves out fenced blocks of code.
pub fn paragraphs(lines: impl IntoIterator<Item = Line>) -> Vec<Paragraph> {
    let mut paragraphs = vec![Paragraph { lines: Vec::new() }];
    let mut in_code = false;
    for (number, line) in lines {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        if fence || line.trim().is_empty() {
            paragraphs.push(Paragraph { lines: Vec::new() });
        } else if !in_code && let Some(paragraph) = paragraphs.last_mut() {
            paragraph.lines.push((number, line));
        }
    }
    paragraphs.retain(|paragraph| !paragraph.lines.is_empty());
    paragraphs
}

impl Paragraph {
    /// Its words in their order. Code in backticks, targets of links, numbers, and names with an underscore are no words.
    pub fn words(&self) -> Vec<Word> {
        // Without its indentation a line is text, and not a block of code.
        let text = self.lines.iter().map(|(_, line)| line.trim_start()).collect::<Vec<_>>().join("\n");
        let text = without_markup(&text);
        let mut words = Vec::new();
        let mut gap_begin = 0;
        let mut rest = 0;
        while let Some(begin) = text[rest..].find(is_letter).map(|at| rest + at) {
            let end = text[begin..].find(|c: char| !is_letter(c) && c != '\'' && c != '’').map_or(text.len(), |length| begin + length);
            rest = end;
            let word = text[begin..end].trim_end_matches(['\'', '’']);
            if word.contains('_') || !word.contains(char::is_alphabetic) {
                continue;
            }
            let gap = &text[gap_begin..begin];
            let adjoins = !words.is_empty() && gap.trim().is_empty();
            let index = text[..begin].matches('\n').count();
            let line = self.lines.get(index).map_or(0, |(number, _)| *number);
            let lower = word.to_lowercase().replace('’', "'");
            words.push(Word {
                text: lower.strip_suffix("'s").unwrap_or(&lower).to_owned(),
                line,
                adjoins,
                opens_statement: !adjoins && word.starts_with(char::is_uppercase) && !is_question(&text[end..]),
            });
            gap_begin = end;
        }
        words
    }
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether the sentence that goes on here ends with a question mark.
fn is_question(rest: &str) -> bool {
    let end = rest.char_indices().find(|&(at, c)| {
        let mut after = rest[at + c.len_utf8()..].chars();
        matches!(c, '.' | '!' | '?') && after.next().is_none_or(|next| !next.is_alphanumeric())
    });
    end.is_some_and(|(_, c)| c == '?')
}

/// The text with backticks in the place of all Markdown that is not text, such as code and the addresses of links. Its line breaks and spaces stay.
fn without_markup(text: &str) -> String {
    let mut is_text = vec![false; text.len()];
    let mut in_code_block = false;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code_block = true,
            Event::End(TagEnd::CodeBlock) => in_code_block = false,
            Event::Text(_) | Event::Html(_) | Event::InlineHtml(_) if !in_code_block => is_text[range].fill(true),
            _ => {}
        }
    }
    text.char_indices().map(|(at, c)| if is_text[at] || c.is_whitespace() { c } else { '`' }).collect()
}
