//! The faults, and how often each happens.

/// A fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Messages are lost and doubled, from the start on.
    BadNetwork,
    /// Redis stops for some seconds, and keeps its data.
    StopRedis,
    /// Redis stops for a moment, and loses its data.
    EmptyRedis,
    /// A node ends without a word, and starts again later.
    KillNode,
    /// A node does nothing for some seconds.
    FreezeNode,
    /// A node cannot reach Redis for some seconds, but can read the log.
    CutNode,
    /// The event log cannot be read or written for some seconds.
    StopLog,
}

/// All faults.
pub const ALL: [Fault; 7] =
    [Fault::BadNetwork, Fault::StopRedis, Fault::EmptyRedis, Fault::KillNode, Fault::FreezeNode, Fault::CutNode, Fault::StopLog];

impl Fault {
    /// How often the fault begins, in milliseconds on average.
    pub fn interval(self) -> u32 {
        match self {
            Self::BadNetwork => u32::MAX,
            Self::StopRedis | Self::EmptyRedis | Self::StopLog => 12_000,
            Self::KillNode | Self::FreezeNode | Self::CutNode => 8_000,
        }
    }
}
