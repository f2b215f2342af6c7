//! Calls that the server ends by itself.

use crate::calls::end_call;
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::model::{CallStatus, EntityId};

/// How long a call rings, in seconds.
pub const RING_TIMEOUT_SECONDS: u32 = 45;

/// Ends a call that has rung for [`RING_TIMEOUT_SECONDS`] as missed. A call that was answered or has ended stays unchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpireRingingCall {
    /// The call's id.
    pub call: EntityId,
}

impl Command for ExpireRingingCall {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        match context.store.call(self.call)?.filter(|call| call.status == CallStatus::Ringing) {
            Some(mut call) => end_call(context, &mut call, CallStatus::Missed, None),
            None => Ok(()),
        }
    }
}

/// Ends every open call at the start of the server, when no user is connected: ringing calls as missed, ongoing calls as ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndStaleCalls;

impl Command for EndStaleCalls {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        for mut call in context.store.open_calls()? {
            let status = if call.status == CallStatus::Ringing { CallStatus::Missed } else { CallStatus::Ended };
            end_call(context, &mut call, status, None)?;
        }
        Ok(())
    }
}
