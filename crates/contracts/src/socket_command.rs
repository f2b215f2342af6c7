//! Commands of sockets: each has a typed input and a typed output. The output is rendered as a reply after the commit, on the shard of the
//! connection, so that the writer's thread does not encode replies.

use std::fmt::{self, Debug, Formatter};

use domain::calls::Call;
use domain::command::{Command, CommandContext};
use domain::error::DomainError;

use super::reply::{Reply, RequestInfo};

/// Renders the output of a command as the reply to the client that sent it.
pub type RenderReply<O> = fn(&O, &RequestInfo<'_>) -> Reply;

/// Returns the call that a command has put its user into.
pub type CallOf<O> = fn(&O) -> Option<&Call>;

/// A command of a client, with the function that renders its output.
#[derive(Clone)]
pub struct SocketCommand(Box<dyn ExecuteCommand>);

impl SocketCommand {
    /// A command whose output `render` turns into the reply.
    pub fn new<C: Command>(command: C, render: RenderReply<C::Output>) -> Self {
        Self::joining_call(command, |_| None, render)
    }

    /// A command that may put its user into a call on the connection. `call` returns that call from the output.
    pub fn joining_call<C: Command>(command: C, call: CallOf<C::Output>, render: RenderReply<C::Output>) -> Self {
        Self(Box::new(TypedCommand { command, call, render }))
    }

    /// Executes the command in the writer's transaction.
    ///
    /// # Errors
    /// The error of the command.
    pub fn execute(self, context: &mut CommandContext<'_>) -> Result<ExecutedCommand, DomainError> {
        self.0.execute(context).map(ExecutedCommand)
    }
}

/// The output of a [`SocketCommand`]. It is rendered after the commit.
pub struct ExecutedCommand(Box<dyn CommandOutput>);

impl ExecutedCommand {
    /// The call that the command has put its user into.
    pub fn call(&self) -> Option<&Call> {
        self.0.call()
    }

    /// The reply to the client.
    pub fn render(&self, request: &RequestInfo<'_>) -> Reply {
        self.0.render(request)
    }
}

impl Debug for ExecutedCommand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutedCommand").finish_non_exhaustive()
    }
}

/// A command without its type.
trait ExecuteCommand: Send {
    fn copy(&self) -> Box<dyn ExecuteCommand>;
    fn execute(self: Box<Self>, context: &mut CommandContext<'_>) -> Result<Box<dyn CommandOutput>, DomainError>;
}

impl Clone for Box<dyn ExecuteCommand> {
    fn clone(&self) -> Self {
        (**self).copy()
    }
}

/// An output without its type.
trait CommandOutput: Send {
    fn call(&self) -> Option<&Call>;
    fn render(&self, request: &RequestInfo<'_>) -> Reply;
}

struct TypedCommand<C: Command> {
    command: C,
    call: CallOf<C::Output>,
    render: RenderReply<C::Output>,
}

impl<C: Command> ExecuteCommand for TypedCommand<C> {
    fn copy(&self) -> Box<dyn ExecuteCommand> {
        Box::new(Self { command: self.command.clone(), call: self.call, render: self.render })
    }

    fn execute(self: Box<Self>, context: &mut CommandContext<'_>) -> Result<Box<dyn CommandOutput>, DomainError> {
        let Self { command, call, render } = *self;
        Ok(Box::new(TypedOutput { output: command.execute(context)?, call, render }))
    }
}

struct TypedOutput<O> {
    output: O,
    call: CallOf<O>,
    render: RenderReply<O>,
}

impl<O: Send> CommandOutput for TypedOutput<O> {
    fn call(&self) -> Option<&Call> {
        (self.call)(&self.output)
    }

    fn render(&self, request: &RequestInfo<'_>) -> Reply {
        (self.render)(&self.output, request)
    }
}
