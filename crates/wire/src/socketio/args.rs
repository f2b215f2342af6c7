//! Arguments that are passed on more often than they are read.

use std::ops::Range;

use smallvec::SmallVec;

/// A list of JSON texts: the arguments of an event or ack. Up to four need no heap.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Args<'a> {
    raw: &'a str,
    /// Where each stands in `raw`. Not the texts themselves: the list would then be invariant in their lifetime.
    elements: SmallVec<[(u32, u32); 4]>,
}

impl<'a> Args<'a> {
    /// From the places of the elements within `text`, as [`super::scan::array`] found them: it lets no text pass that 32 bits do not reach.
    pub(super) fn new(text: &'a str, elements: &[Range<usize>]) -> Self {
        let raw = match elements {
            [] => "",
            [first, ..] => &text[first.start..elements[elements.len() - 1].end],
        };
        let start = elements.first().map_or(0, |first| first.start);
        Args { raw, elements: elements.iter().map(|element| ((element.start - start) as u32, (element.end - start) as u32)).collect() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The JSON text of one.
    pub fn get(&self, index: usize) -> Option<&'a str> {
        self.elements.get(index).map(|&element| self.text(element))
    }

    /// The JSON texts in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a str> {
        self.elements.iter().map(|&element| self.text(element))
    }

    fn text(&self, (start, end): (u32, u32)) -> &'a str {
        &self.raw[start as usize..end as usize]
    }

    /// All of them as they stood on the wire, commas between them, without the array's brackets: an echo of it is exact to the byte.
    pub fn raw(&self) -> &'a str {
        self.raw
    }
}
