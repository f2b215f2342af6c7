//! Writes msgpack values, each in its shortest form.

pub(super) const NIL: u8 = 0xc0;
pub(super) const FALSE: u8 = 0xc2;
pub(super) const TRUE: u8 = 0xc3;

/// Appends a text.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    match text.len() {
        length @ 0..0x20 => out.push(0xa0 | length as u8),
        length => length_head(out, length, [0xd9, 0xda, 0xdb]),
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends a whole number in the shortest form.
pub(super) fn unsigned(out: &mut Vec<u8>, number: u64) {
    match number {
        0..0x80 => out.push(number as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, number as u8]),
        0x100..=0xffff => tagged(out, 0xcd, (number as u16).to_be_bytes()),
        0x1_0000..=0xffff_ffff => tagged(out, 0xce, (number as u32).to_be_bytes()),
        _ => tagged(out, 0xcf, number.to_be_bytes()),
    }
}

/// Begins an array or map whose size is not known yet. Returns its start, for [`end_array`] or [`end_map`].
pub(super) fn begin(out: &mut Vec<u8>) -> usize {
    // The head of a short array or map takes one byte, and most are short.
    out.push(0);
    out.len() - 1
}

/// Ends the array that began at `start` and has this number of elements.
pub(super) fn end_array(out: &mut Vec<u8>, start: usize, elements: usize) {
    end(out, start, elements, 0x90, [0xdc, 0xdd]);
}

/// Ends the map that began at `start` and has this number of members.
pub(super) fn end_map(out: &mut Vec<u8>, start: usize, members: usize) {
    end(out, start, members, 0x80, [0xde, 0xdf]);
}

fn end(out: &mut Vec<u8>, start: usize, count: usize, short: u8, [middle, long]: [u8; 2]) {
    match count {
        0..0x10 => out[start] = short | count as u8,
        0x10..=0xffff => {
            let [a, b] = (count as u16).to_be_bytes();
            out.splice(start..=start, [middle, a, b]);
        }
        _ => {
            let [a, b, c, d] = (count as u32).to_be_bytes();
            out.splice(start..=start, [long, a, b, c, d]);
        }
    }
}

/// Appends a whole number, negative or not, in the shortest form.
pub(super) fn signed(out: &mut Vec<u8>, number: i64) {
    match number {
        0.. => unsigned(out, number as u64),
        -0x20..0 => out.push(number as u8),
        -0x80..-0x20 => out.extend_from_slice(&[0xd0, number as u8]),
        -0x8000..-0x80 => tagged(out, 0xd1, (number as i16).to_be_bytes()),
        -0x8000_0000..-0x8000 => tagged(out, 0xd2, (number as i32).to_be_bytes()),
        _ => tagged(out, 0xd3, number.to_be_bytes()),
    }
}

/// Appends binary data.
pub(super) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    length_head(out, bytes.len(), [0xc4, 0xc5, 0xc6]);
    out.extend_from_slice(bytes);
}

/// Appends a number with a fraction, or one that is too large for the other forms.
pub(super) fn float(out: &mut Vec<u8>, number: f64) {
    tagged(out, 0xcb, number.to_be_bytes());
}

fn length_head(out: &mut Vec<u8>, length: usize, [short, middle, long]: [u8; 3]) {
    match length {
        0..0x100 => out.extend_from_slice(&[short, length as u8]),
        0x100..=0xffff => tagged(out, middle, (length as u16).to_be_bytes()),
        _ => tagged(out, long, (length as u32).to_be_bytes()),
    }
}

fn tagged<const N: usize>(out: &mut Vec<u8>, tag: u8, number: [u8; N]) {
    out.push(tag);
    out.extend_from_slice(&number);
}
