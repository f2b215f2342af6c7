//! Paragraphs of prose and their words, without the code in them.

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
        let text = self.lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n");
        let text = without_link_targets(&without_code_spans(&text));
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

/// The text with backticks in the place of each code span, and its line breaks. A run of backticks that nothing closes stays text.
fn without_code_spans(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find('`') {
        plain.push_str(&rest[..begin]);
        let ticks = rest[begin..].chars().take_while(|&c| c == '`').count();
        let (fence, after) = rest[begin..].split_at(ticks);
        let length = after.find(fence).map_or(0, |at| at + ticks);
        plain.push_str(fence);
        plain.extend(after[..length].chars().map(|c| if c == '\n' { c } else { '`' }));
        rest = &after[length..];
    }
    plain + rest
}

/// The text without the addresses of Markdown links: `[text](address)` is `[text]`.
fn without_link_targets(text: &str) -> String {
    let mut parts = text.split("](");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push(']');
        plain.push_str(part.split_once(')').map_or(part, |(_, rest)| rest));
    }
    plain
}
