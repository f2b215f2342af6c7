//! The position of a client in the order of broadcasts.

use std::fmt::Write;

/// A position in the order of broadcasts: behind the broadcast with this number, or within the next one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Position {
    /// Every broadcast up to this number was received,
    pub number: u64,
    /// and so many messages of the next one: a broadcast may be several messages.
    pub part: u16,
}

impl Position {
    /// The text form that clients keep: opaque to them.
    pub fn text(self, epoch: &str) -> String {
        let mut text = String::with_capacity(epoch.len() + 24);
        self.write(epoch, &mut text);
        text
    }

    /// Appends the text form.
    pub(crate) fn write(self, epoch: &str, text: &mut String) {
        // Writing to a String cannot fail.
        let _ = match self.part {
            0 => write!(text, "{epoch}-{}", self.number),
            part => write!(text, "{epoch}-{}.{part}", self.number),
        };
    }

    /// Behind one of the messages of a broadcast, the `index`th of `count`.
    pub fn behind(number: u64, index: usize, count: usize) -> Self {
        match index + 1 {
            // Everything before the broadcast was received, and so many of its messages.
            part if part < count => Self { number: number.saturating_sub(1), part: u16::try_from(part).unwrap_or(u16::MAX) },
            _ => Self::from(number),
        }
    }

    /// Reads the text form: the epoch, and the position in it. `None` if it is not one.
    pub fn parse(text: &str) -> Option<(&str, Self)> {
        let (epoch, rest) = text.rsplit_once('-')?;
        let (number, part) = rest.split_once('.').unwrap_or((rest, "0"));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let position = Self { number: number.parse().ok()?, part: part.parse().ok()? };
        (digits(number) && digits(part)).then_some((epoch, position))
    }
}

impl From<u64> for Position {
    fn from(number: u64) -> Self {
        Self { number, part: 0 }
    }
}

/// How positions are written into messages.
#[derive(Clone, Copy)]
pub(crate) struct PositionContext<'a> {
    /// The text before the number of a position.
    pub epoch: &'a str,
    /// The position of the receiving sockets: after the previous broadcast.
    pub at: Position,
}
