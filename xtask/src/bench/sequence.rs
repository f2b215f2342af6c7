//! Sequence numbers inside payloads, and the account of who received which.

use memchr::memmem;

const MARK: &[u8] = b"seq:";
const DIGITS: usize = 8;

/// A piece of JSON of about `size` bytes that carries sequence number 0.
pub fn payload(size: usize) -> String {
    let filling = "x".repeat(size.saturating_sub(r#"{"n":"seq:00000000","text":""}"#.len()));
    format!(r#"{{"n":"seq:00000000","text":"{filling}"}}"#)
}

/// A text of about `size` bytes that carries sequence number 0.
pub fn text(size: usize) -> String {
    const START: &str = "seq:00000000 ";
    format!("{START}{}", "x".repeat(size.saturating_sub(START.len())))
}

/// Bytes to be sent many times, each time with another sequence number.
pub struct Numbered {
    wire: Vec<u8>,
    digits: usize,
}

impl Numbered {
    /// `wire` contains `seq:` and eight digits.
    pub fn new(wire: Vec<u8>) -> Self {
        let digits = memmem::find(&wire, MARK).expect("the bytes carry a sequence number") + MARK.len();
        Self { wire, digits }
    }

    pub fn with(&mut self, number: usize) -> &[u8] {
        let mut rest = number;
        for digit in self.wire[self.digits..self.digits + DIGITS].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        &self.wire
    }
}

/// The sequence number in a message, if it carries one.
pub fn number_in(message: &[u8]) -> Option<usize> {
    let digits = memmem::find(message, MARK)? + MARK.len();
    message.get(digits..digits + DIGITS)?.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Some(number * 10 + usize::from(digit - b'0')),
        _ => None,
    })
}

/// What each receiver has received. All receivers should receive every message once and in order.
pub struct Account {
    receivers: Vec<Receiver>,
    pub delivered: usize,
    /// Deliveries that came right after one with a higher number.
    pub reordered: usize,
    pub repeated: usize,
}

#[derive(Clone, Default)]
struct Receiver {
    /// One bit a message.
    seen: Vec<u64>,
    /// The number that came last, plus one.
    next: usize,
}

impl Account {
    pub fn new(receivers: usize) -> Self {
        Self { receivers: vec![Receiver::default(); receivers], delivered: 0, reordered: 0, repeated: 0 }
    }

    /// Enters a delivery; false when this receiver had that message already.
    pub fn enter(&mut self, receiver: usize, number: usize) -> bool {
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
        // One that jumps a long queue puts one out of order, not the whole queue.
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
    fn a_number_goes_in_and_comes_out() {
        let mut numbered = Numbered::new(payload(100).into_bytes());
        assert_eq!(numbered.with(0).len(), 100);
        for number in [0, 7, 4_711, 99_999_999] {
            assert_eq!(number_in(numbered.with(number)), Some(number));
        }
        assert_eq!(number_in(br#"["message",{}]"#), None);
    }

    #[test]
    fn lost_reordered_and_repeated_are_told_apart() {
        let mut account = Account::new(2);
        for number in [0, 1, 2, 3] {
            assert!(account.enter(0, number));
        }
        for (number, new) in [(0, true), (3, true), (1, true), (1, false)] {
            assert_eq!(account.enter(1, number), new);
        }
        assert_eq!((account.lost(4), account.reordered, account.repeated), (1, 1, 1));
    }
}
