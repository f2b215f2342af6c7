//! Calls that the server ends by itself.

use crate::calls::end_call;
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::model::{Call, CallStatus, EntityId};

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

/// Ends the calls that were open when the server started, because their users are no longer connected: ringing calls as missed, ongoing calls as ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndStaleCalls {
    /// The ids of the calls.
    pub calls: Vec<EntityId>,
}

impl Command for EndStaleCalls {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        for id in self.calls {
            let Some(mut call) = context.store.call(id)?.filter(Call::is_open) else { continue };
            let status = if call.status == CallStatus::Ringing { CallStatus::Missed } else { CallStatus::Ended };
            end_call(context, &mut call, status, None)?;
        }
        Ok(())
    }
}
