//! The recorded content of kept broadcasts, as bytes, in the order of the broadcasts.

use std::collections::VecDeque;

use crate::message::MessageSource;

/// The range of one broadcast's content in the log.
pub struct LogRange {
    segment: u64,
    start: u32,
    end: u32,
}

/// The recorded content of all broadcasts, in consecutive segments. Content is added at one end and freed at the other, so no broadcast
/// needs an allocation of its own.
#[derive(Default)]
pub struct SegmentLog {
    segments: VecDeque<Vec<u8>>,
    /// The number of the first segment.
    first: u64,
}

/// The size in bytes from which a segment is full.
pub const SEGMENT_BYTES: usize = 256 << 10;

impl LogRange {
    /// The length of the content in bytes.
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

impl SegmentLog {
    /// Appends the recorded content of a broadcast. Returns its range, or `None` if it cannot be recorded.
    pub fn append(&mut self, source: &dyn MessageSource) -> Option<LogRange> {
        if self.segments.back().is_none_or(|last| last.len() >= SEGMENT_BYTES) {
            self.segments.push_back(Vec::with_capacity(SEGMENT_BYTES + SEGMENT_BYTES / 8));
        }
        let segment = self.first + self.segments.len() as u64 - 1;
        let bytes = self.segments.back_mut()?;
        let start = bytes.len();
        let ends = source.record(bytes).then(|| (u32::try_from(start), u32::try_from(bytes.len())));
        if let Some((Ok(start), Ok(end))) = ends {
            return Some(LogRange { segment, start, end });
        }
        bytes.truncate(start);
        None
    }

    pub fn get(&self, range: &LogRange) -> &[u8] {
        let segment = self.segments.get((range.segment - self.first) as usize);
        segment.and_then(|bytes| bytes.get(range.start as usize..range.end as usize)).unwrap_or_default()
    }

    /// Frees the segments that lie wholly before a range.
    pub fn expire_before(&mut self, range: &LogRange) {
        while self.first < range.segment && self.segments.pop_front().is_some() {
            self.first += 1;
        }
    }

    #[cfg(test)]
    pub fn segments(&self) -> usize {
        self.segments.len()
    }
}
