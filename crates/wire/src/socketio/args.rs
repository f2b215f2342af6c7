//! The arguments of an event or an ack, as JSON texts. Most are forwarded without being parsed.

use std::ops::Range;

use smallvec::SmallVec;

/// A list of JSON texts: the arguments of an event or ack. Up to four of them need no memory on the heap.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Args<'a> {
    raw: &'a str,
    /// The start and end of each element in `raw`. Slices instead would make the list invariant in their lifetime.
    elements: SmallVec<[(u32, u32); 4]>,
}

impl<'a> Args<'a> {
    /// Makes the list from the ranges of the elements within `text`, as [`super::json_scan::array`] found them; that function rejects a
    /// text too long for 32-bit offsets.
    pub(super) fn new(text: &'a str, elements: &[Range<usize>]) -> Self {
        let raw = match elements {
            [] => "",
            [first, ..] => &text[first.start..elements[elements.len() - 1].end],
        };
        let start = elements.first().map_or(0, |first| first.start);
        Args { raw, elements: elements.iter().map(|element| ((element.start - start) as u32, (element.end - start) as u32)).collect() }
    }

    /// The number of arguments.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether the list has no arguments.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The JSON text of the argument at `index`.
    pub fn get(&self, index: usize) -> Option<&'a str> {
        self.elements.get(index).map(|&element| self.text(element))
    }

    /// The JSON texts of all arguments, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a str> {
        self.elements.iter().map(|&element| self.text(element))
    }

    fn text(&self, (start, end): (u32, u32)) -> &'a str {
        &self.raw[start as usize..end as usize]
    }

    /// All arguments as they were on the wire: separated by commas, without the array's brackets. An echo of them is exact to the byte.
    pub fn raw(&self) -> &'a str {
        self.raw
    }
}
