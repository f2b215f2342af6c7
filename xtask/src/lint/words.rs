//! The words that make a text vague, and where a paragraph has them.
//!
//! Each hides the subject of its sentence, or is an old or literary form. `docs/contributing/style.md` has the rules.

use super::prose::{Paragraph, Word};

/// Single words.
const WORDS: [&str; 15] = [
    "anew",
    "anybody",
    "everybody",
    "lately",
    "likewise",
    "meanwhile",
    "nobody",
    "oneself",
    "parted",
    "shall",
    "somebody",
    "whatever",
    "whoever",
    "whom",
    "whomever",
];

/// Two words, one directly after the other.
const PHRASES: [[&str; 2]; 7] =
    [["are", "told"], ["but", "for"], ["by", "which"], ["is", "told"], ["of", "which"], ["was", "told"], ["were", "told"]];

/// Words that must not begin a sentence, unless it is a question.
const OPENINGS: [&str; 2] = ["who", "whose"];

/// A vague word or phrase.
#[derive(Debug, PartialEq, Eq)]
pub struct Hit {
    /// The number of the line where it begins.
    pub line: usize,
    pub phrase: String,
}

/// What a paragraph has.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub words: usize,
    pub hits: Vec<Hit>,
}

/// Counts the words of a paragraph, and finds the vague ones.
pub fn count(paragraph: &Paragraph) -> Count {
    let words = paragraph.words();
    let hits = (0..words.len()).filter_map(|at| hit(&words[at..])).collect();
    Count { words: words.len(), hits }
}

/// The vague word or phrase with which these words begin.
fn hit(words: &[Word]) -> Option<Hit> {
    let first = words.first()?;
    let is_pair = |second: &&Word| second.adjoins && PHRASES.iter().any(|[a, b]| *a == first.text && *b == second.text);
    let phrase = if let Some(second) = words.get(1).filter(is_pair) {
        format!("{} {}", first.text, second.text)
    } else if WORDS.contains(&first.text.as_str()) {
        first.text.clone()
    } else if first.opens_statement && OPENINGS.contains(&first.text.as_str()) {
        format!("{} begins a sentence", first.text)
    } else {
        return None;
    };
    Some(Hit { line: first.line, phrase })
}
