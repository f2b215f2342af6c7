//! The recorded content of kept broadcasts, as bytes, in the order of the broadcasts.

use std::collections::VecDeque;

use crate::broadcast::MessageSource;

/// The range of one broadcast's content in the log.
pub struct LogRange {
    piece: u64,
    start: u32,
    end: u32,
}

/// The recorded content of all broadcasts, in consecutive pieces. Content is added at one end and freed at the other, so no broadcast needs
/// an allocation of its own.
#[derive(Default)]
pub struct SegmentLog {
    segments: VecDeque<Vec<u8>>,
    /// The number of the first piece.
    first: u64,
}

/// The size in bytes from which a piece is full.
pub const SEGMENT_BYTES: usize = 256 << 10;

impl LogRange {
    /// The length of the content in bytes.
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

impl SegmentLog {
    /// Appends the recorded content of a broadcast. Returns its place, or `None` if it cannot be recorded.
    pub fn append(&mut self, say: &dyn MessageSource) -> Option<LogRange> {
        if self.segments.back().is_none_or(|last| last.len() >= SEGMENT_BYTES) {
            self.segments.push_back(Vec::with_capacity(SEGMENT_BYTES + SEGMENT_BYTES / 8));
        }
        let piece = self.first + self.segments.len() as u64 - 1;
        let bytes = self.segments.back_mut()?;
        let start = bytes.len();
        let ends = say.record(bytes).then(|| (u32::try_from(start), u32::try_from(bytes.len())));
        if let Some((Ok(start), Ok(end))) = ends {
            return Some(LogRange { piece, start, end });
        }
        bytes.truncate(start);
        None
    }

    pub fn get(&self, place: &LogRange) -> &[u8] {
        let piece = self.segments.get((place.piece - self.first) as usize);
        piece.and_then(|piece| piece.get(place.start as usize..place.end as usize)).unwrap_or_default()
    }

    /// Frees the pieces that lie wholly before a place.
    pub fn expire_before(&mut self, place: &LogRange) {
        while self.first < place.piece && self.segments.pop_front().is_some() {
            self.first += 1;
        }
    }

    #[cfg(test)]
    pub fn pieces(&self) -> usize {
        self.segments.len()
    }
}
