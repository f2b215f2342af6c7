//! A `.env` file, read as Node's `dotenv` reads it: front ends and backends share such a file with the server.
//!
//! Why not dotenvy: it replaces `$NAME` inside values, so that a secret with a `$` would differ from the one that a Node backend signs with, and
//! it rejects values with spaces that have no quotes, which other programs' lines of the same file have.

/// A line of the file that is neither blank nor a comment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DotenvLine<'a> {
    /// `NAME=value`; a value in quotes may span several lines.
    Pair {
        /// The name.
        name: &'a str,
        /// The value without quotes and comment.
        value: String,
    },
    /// Any other line.
    Other {
        /// The line number, from 1.
        line: usize,
        /// The name at the beginning of the line, which may be empty.
        name: &'a str,
    },
}

/// The entries of a file's text, in order.
pub fn entries(text: &str) -> Vec<DotenvLine<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut entries = Vec::new();
    let (mut at, mut number, mut counted) = (0, 1, 0);
    while at < text.len() {
        let line = text[at..].split('\n').next().unwrap_or_default();
        let start = at;
        at += line.len() + 1;
        let bare = line.trim();
        let bare = bare.strip_prefix("export ").unwrap_or(bare).trim_start();
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        let (name, rest) = bare.split_at(bare.find(|letter: char| !is_of_a_name(letter)).unwrap_or(bare.len()));
        match value_part(rest).filter(|_| !name.is_empty()) {
            None => {
                number += text[counted..start].matches('\n').count();
                counted = start;
                entries.push(DotenvLine::Other { line: number, name });
            }
            Some(value) => {
                // From the value's first letter on, the quotes may reach beyond this line.
                let offset = value.as_ptr() as usize - text.as_ptr() as usize;
                let (value, end) =
                    quoted(&text[offset..]).unwrap_or_else(|| (value.split('#').next().unwrap_or_default().trim().into(), 0));
                entries.push(DotenvLine::Pair { name, value });
                at = at.max(offset + end);
            }
        }
    }
    entries
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_.-".contains(letter)
}

/// The text after `=`, or after a colon with a space.
fn value_part(rest: &str) -> Option<&str> {
    let rest = rest.trim_start();
    rest.strip_prefix('=').or_else(|| rest.strip_prefix(':').filter(|value| value.starts_with([' ', '\t']))).map(str::trim_start)
}

/// A quoted value, and the offset at which its line ends. `None` if the text does not begin with a quote, the quote is never closed, or anything but
/// a comment follows.
fn quoted(text: &str) -> Option<(String, usize)> {
    let quote = text.chars().next().filter(|letter| "'\"`".contains(*letter))?;
    let mut escaped = false;
    let close = text.char_indices().skip(1).find(|(_, letter)| {
        let closes = *letter == quote && !escaped;
        escaped = *letter == '\\' && !escaped;
        closes
    })?;
    let inside = &text[1..close.0];
    let behind = text[close.0 + 1..].split('\n').next().unwrap_or_default();
    if !without_comment(behind).trim().is_empty() {
        return None;
    }
    let value = if quote == '"' { inside.replace("\\n", "\n").replace("\\r", "\r") } else { inside.to_owned() };
    Some((value, close.0 + 1 + behind.len() + 1))
}

/// The text before the first `#` that is at its beginning or after a space.
pub(super) fn without_comment(text: &str) -> &str {
    let begins = |at: usize| text[..at].chars().next_back().is_none_or(char::is_whitespace);
    text.match_indices('#').find(|(at, _)| begins(*at)).map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_equal_those_of_the_dotenv_package_of_node() {
        let table: &[(&str, &str)] = &[
            ("A=1", "1"),
            ("A = 1", "1"),
            ("  export A=1", "1"),
            ("A: 1", "1"),
            ("A=", ""),
            ("A=1\r", "1"),
            ("A=two words", "two words"),
            ("A=1 # comment", "1"),
            ("A=1#comment", "1"),
            ("A=\"1 # no comment\" # comment", "1 # no comment"),
            ("A='it''s'", "'it''s'"),
            ("A='$HOME \\n'", "$HOME \\n"),
            ("A=$HOME", "$HOME"),
            ("A=\"a\\nb\"", "a\nb"),
            ("A=\"a\nb\"", "a\nb"),
            ("A=`a\"b'c`", "a\"b'c"),
            ("A=\"open", "\"open"),
            ("A=pass=word", "pass=word"),
            ("\u{feff}A=1", "1"),
        ];
        for (text, expected) in table {
            let read = entries(text);
            let pair = DotenvLine::Pair { name: "A", value: (*expected).to_owned() };
            assert_eq!(read.first(), Some(&pair), "{text:?}");
        }
    }

    #[test]
    fn each_line_is_parsed_on_its_own() {
        let text = "# a comment\n\nA=\"1\n2\" # end\nB=3\nnonsense here\n=4\nC 5\nA=6";
        let pair = |name, value: &str| DotenvLine::Pair { name, value: value.to_owned() };
        let other = |line, name| DotenvLine::Other { line, name };
        let expected = [pair("A", "1\n2"), pair("B", "3"), other(6, "nonsense"), other(7, ""), other(8, "C"), pair("A", "6")];
        assert_eq!(entries(text), expected);
        assert!(entries("").is_empty());
    }
}
