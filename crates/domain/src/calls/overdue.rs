//! What the server ends by itself.

use crate::calls::{Status, finish};
use crate::names::Id;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;

/// How long a call rings, in seconds.
pub const RINGS_SECONDS: u32 = 45;

/// A call has rung for so long that nobody will answer: it is missed. One that was answered or is over stays as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GiveUpRinging {
    /// Which call.
    pub call: Id,
}

impl Command for GiveUpRinging {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        match tx.store.call(self.call)?.filter(|call| call.status == Status::Ringing) {
            Some(mut call) => finish(tx, &mut call, Status::Missed, None),
            None => Ok(()),
        }
    }
}

/// Ends every call that is still open: at the start of the server nobody is connected. What rang is missed, what went on has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndInterruptedCalls;

impl Command for EndInterruptedCalls {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        for mut call in tx.store.open_calls()? {
            let status = if call.status == Status::Ringing { Status::Missed } else { Status::Ended };
            finish(tx, &mut call, status, None)?;
        }
        Ok(())
    }
}
