//! Calls that the server ends by itself.

use crate::calls::{Status, finish};
use crate::names::Id;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;

/// How long a call rings, in seconds.
pub const RINGS_SECONDS: u32 = 45;

/// Ends a call that has rung for [`RINGS_SECONDS`] as missed. A call that was answered or has ended stays unchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GiveUpRinging {
    /// The call's id.
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

/// Ends every open call at the start of the server, when no user is connected: ringing calls as missed, ongoing calls as ended.
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
