//! Sequence numbers in payloads, and which client has received which number.

use memchr::memmem;

const MARK: &[u8] = b"seq:";
const DIGITS: usize = 8;

/// A JSON object of about `size` bytes with the sequence number 0.
pub fn payload(size: usize) -> String {
    let filling = "x".repeat(size.saturating_sub(r#"{"n":"seq:00000000","text":""}"#.len()));
    format!(r#"{{"n":"seq:00000000","text":"{filling}"}}"#)
}

/// A text of about `size` bytes with the sequence number 0.
pub fn text(size: usize) -> String {
    const START: &str = "seq:00000000 ";
    format!("{START}{}", "x".repeat(size.saturating_sub(START.len())))
}

/// A message that is sent many times, each time with another sequence number.
pub struct NumberedMessage {
    wire: Vec<u8>,
    digits: usize,
}

impl NumberedMessage {
    /// `wire` contains `seq:` and eight digits.
    pub fn new(wire: Vec<u8>) -> Self {
        let digits = memmem::find(&wire, MARK).expect("the message has a sequence number") + MARK.len();
        Self { wire, digits }
    }

    pub fn with_number(&mut self, number: usize) -> &[u8] {
        let mut rest = number;
        for digit in self.wire[self.digits..self.digits + DIGITS].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        &self.wire
    }
}

/// The sequence number of a message, if it has one.
pub fn number_in(message: &[u8]) -> Option<usize> {
    let digits = memmem::find(message, MARK)? + MARK.len();
    message.get(digits..digits + DIGITS)?.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Some(number * 10 + usize::from(digit - b'0')),
        _ => None,
    })
}

/// Which messages each receiver has received. All receivers should receive every message once and in order.
pub struct DeliveryTracker {
    receivers: Vec<Receiver>,
    pub delivered: usize,
    /// Deliveries directly after a delivery with a higher number.
    pub reordered: usize,
    pub repeated: usize,
}

#[derive(Clone, Default)]
struct Receiver {
    /// One bit for each sequence number.
    seen: Vec<u64>,
    /// The last received number, plus one.
    next: usize,
}

impl DeliveryTracker {
    pub fn new(receivers: usize) -> Self {
        Self { receivers: vec![Receiver::default(); receivers], delivered: 0, reordered: 0, repeated: 0 }
    }

    /// Records a delivery. Returns false if the receiver already had the message.
    pub fn record(&mut self, receiver: usize, number: usize) -> bool {
        let receiver = &mut self.receivers[receiver];
        let (word, bit) = (number / 64, 1 << (number % 64));
        if receiver.seen.len() <= word {
            receiver.seen.resize(word + 1, 0);
        }
        if receiver.seen[word] & bit != 0 {
            self.repeated += 1;
            return false;
        }
        receiver.seen[word] |= bit;
        self.delivered += 1;
        // A message that overtakes a long queue counts once, and not once for each message of the queue.
        if number < receiver.next {
            self.reordered += 1;
        }
        receiver.next = number + 1;
        true
    }

    /// The number of missing deliveries, if each of `published` messages was for all receivers.
    pub fn lost(&self, published: usize) -> usize {
        published * self.receivers.len() - self.delivered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_read_as_it_was_written() {
        let mut numbered = NumberedMessage::new(payload(100).into_bytes());
        assert_eq!(numbered.with_number(0).len(), 100);
        for number in [0, 7, 4_711, 99_999_999] {
            assert_eq!(number_in(numbered.with_number(number)), Some(number));
        }
        assert_eq!(number_in(br#"["message",{}]"#), None);
    }

    #[test]
    fn tracker_counts_lost_reordered_and_repeated() {
        let mut tracker = DeliveryTracker::new(2);
        for number in [0, 1, 2, 3] {
            assert!(tracker.record(0, number));
        }
        for (number, new) in [(0, true), (3, true), (1, true), (1, false)] {
            assert_eq!(tracker.record(1, number), new);
        }
        assert_eq!((tracker.lost(4), tracker.reordered, tracker.repeated), (1, 1, 1));
    }
}
