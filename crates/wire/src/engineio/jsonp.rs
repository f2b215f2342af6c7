//! JSONP polling: for pages that may only load scripts.

/// The response to a GET: a call of the JSONP function with this index (the query parameter `j`), with the payload as its argument.
pub fn jsonp(index: &str, payload: &str) -> String {
    let index: String = index.chars().filter(char::is_ascii_digit).collect();
    // JSON may contain these two line terminators unescaped; older versions of JavaScript may not.
    let literal = serde_json::Value::from(payload).to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    format!("___eio[{index}]({literal});")
}

/// Takes the payload out of a POST's form, from its field `d`. `None` if the form has no such field.
pub fn jsonp_body(form: &str) -> Option<String> {
    let value = form.split('&').find_map(|field| field.strip_prefix("d="))?;
    Some(unescape_newlines(&percent_decode(value)))
}

/// Undoes the client's escaping of newlines, which old browsers change in a form: backslash-n is a newline, and where several backslashes
/// precede an `n`, the client added one of them.
fn unescape_newlines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\n") {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        // The find stops at the last backslash of several: those before it are written already.
        match before.ends_with('\\') {
            true => out.push('n'),
            false => out.push('\n'),
        }
        rest = &found[2..];
    }
    out.push_str(rest);
    out
}

/// Decodes `application/x-www-form-urlencoded`. A `%` without two hexadecimal digits stands for itself; bytes that are not UTF-8 become
/// U+FFFD.
fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        out.push(match byte {
            b'+' => b' ',
            b'%' => match behind.split_first_chunk::<2>().and_then(|(digits, behind)| Some((hex(*digits)?, behind))) {
                Some((decoded, behind)) => {
                    rest = behind;
                    decoded
                }
                None => b'%',
            },
            _ => byte,
        });
    }
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn hex(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}
