//! Connects a client: with a new session, or by resuming an earlier one.

use crate::access::{role_in, visible_rooms};
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::model::{RoomId, RoomKind, RoomState, Session, SessionRoom, Timestamp, UserId};
use crate::ports::{Store, StoreResult};
use crate::users::{Claims, EnsureUser, EnsuredUser};

/// Connects a client: creates or updates its user, and resumes a session or begins a new one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectSession {
    /// The claims of the token.
    pub claims: Claims,
    /// The new session, for a client that may resume.
    pub new_session: Option<NewSession>,
    /// The position from which the client wants to continue.
    pub resume: ResumeRequest,
}

/// The keys of a new session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSession {
    /// The secret: see [`Session::secret`].
    pub secret: String,
    /// The public id: see [`Session::id`].
    pub id: String,
    /// The namespace: see [`Session::namespace`].
    pub namespace: String,
}

/// The position from which a client wants to continue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ResumeRequest {
    /// The client starts without a position.
    New,
    /// The client resumes a session.
    Resume(SessionClaim),
    /// The client has received all events up to a position, on any connection; `None` if the position cannot be parsed.
    Since(Option<ClientPosition>),
}

/// A session that a client wants to resume.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionClaim {
    /// The session's secret.
    pub secret: String,
    /// The position up to which the client has received the session's events, if it sends one that can be parsed.
    pub position: Option<ClientPosition>,
    /// For how many seconds after its end a session can be resumed.
    pub window_seconds: i64,
}

/// A position that a client sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientPosition {
    /// The epoch of the event log.
    pub epoch: String,
    /// The offset of the last event that the client has received.
    pub offset: i64,
}

/// The output of [`ConnectSession`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectOutcome {
    /// The user.
    pub user: EnsuredUser,
    /// The log's last offset.
    pub position: i64,
    /// The resumed session; `None` if the client has a new session or none.
    pub resumed: Option<ResumedSession>,
    /// For [`ResumeRequest::Since`]: the offset, if the position belongs to this event log.
    pub since: Option<i64>,
    /// The user's households, each with the offset behind which the user is a member; 0 for [`ResumeRequest::New`].
    pub households: Vec<(RoomId, i64)>,
    /// For [`ResumeRequest::Since`] with a valid offset: every room whose events the user may receive, as in
    /// [`visible_rooms`].
    pub visible_rooms: Vec<(RoomId, i64)>,
}

/// A resumed session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResumedSession {
    /// The session's public id.
    pub id: String,
    /// The offset up to which the client has received all events of the session.
    pub from: i64,
    /// Whether `from` is the offset that the client sent.
    pub from_client: bool,
    /// The time at which its connection ended.
    pub disconnected_at: Timestamp,
    /// The rooms that it had joined and that the user may still access.
    pub rooms: Vec<SessionRoom>,
    /// The rooms that it had left. A room that it has joined again after that is in `rooms`, too.
    pub left: Vec<RoomId>,
}

impl Command for ConnectSession {
    type Output = ConnectOutcome;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<ConnectOutcome, DomainError> {
        let ensured = EnsureUser { claims: self.claims }.execute(context)?;
        let position = context.store.last_offset()?;
        let (mut recovered, mut since, mut rooms) = (None, None, Vec::new());
        match &self.resume {
            ResumeRequest::New => {}
            ResumeRequest::Resume(claimed) => {
                let namespace = self.new_session.as_ref().map_or("", |new_session| &new_session.namespace);
                recovered = resume_session(context, &ensured.user.id, namespace, claimed, position)?;
            }
            ResumeRequest::Since(offered) => {
                since = offered.as_ref().map_or(Ok(None), |offered| resolve_position(context.store, offered))?;
                if since.is_some() {
                    rooms = visible_rooms(context.store, &ensured.user.id)?;
                }
            }
        }
        if let (None, Some(new_session)) = (&recovered, self.new_session) {
            insert_new_session(context, new_session, &ensured.user.id, position)?;
        }
        let mut households = Vec::with_capacity(ensured.households.len());
        for room in &ensured.households {
            let since = match self.resume {
                // A client without a position gets no replay.
                ResumeRequest::New => 0,
                _ => context.store.member_since(room, &ensured.user.id)?.unwrap_or(0),
            };
            households.push((room.clone(), since));
        }
        Ok(ConnectOutcome { user: ensured, position, resumed: recovered, since, households, visible_rooms: rooms })
    }
}

/// Replaces a session that was to be resumed by a new one, because the events that it missed are no longer in the replay history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplaceSession {
    /// The secret of the old session.
    pub old: String,
    /// The keys of the new session.
    pub new_session: NewSession,
}

/// The output of [`ReplaceSession`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplacedSession {
    /// The log's last offset.
    pub position: i64,
    /// The user's present households, as in [`ConnectOutcome::households`].
    pub households: Vec<(RoomId, i64)>,
}

impl Command for ReplaceSession {
    type Output = ReplacedSession;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<ReplacedSession, DomainError> {
        let (position, user) = (context.store.last_offset()?, context.actor.user.clone());
        context.store.delete_session(&self.old, &user)?;
        insert_new_session(context, self.new_session, &user, position)?;
        // The user may have been removed from a household after `ConnectSession`, and the socket has not received that event.
        let households = context.store.rooms_of(&user, Some(RoomKind::Household))?;
        Ok(ReplacedSession { position, households: households.into_iter().map(|room| (room, 0)).collect() })
    }
}

fn insert_new_session(context: &mut CommandContext<'_>, new_session: NewSession, user: &UserId, position: i64) -> StoreResult<()> {
    let NewSession { secret, id, namespace } = new_session;
    let user = user.clone();
    context.store.insert_session(&Session {
        secret,
        id,
        user,
        namespace,
        start_offset: position,
        connected_at: context.now,
        acked_offset: position,
        disconnected_at: None,
        ended_by_shutdown: false,
    })
}

/// The offset of a position, if the position belongs to this event log.
pub(super) fn resolve_position(store: &mut dyn Store, offered: &ClientPosition) -> StoreResult<Option<i64>> {
    let reaches = store.epoch_end(&offered.epoch)?;
    Ok(reaches.filter(|reaches| (0..=*reaches).contains(&offered.offset)).map(|_| offered.offset))
}

fn resume_session(
    context: &mut CommandContext<'_>,
    user: &UserId,
    namespace: &str,
    claimed: &SessionClaim,
    position: i64,
) -> StoreResult<Option<ResumedSession>> {
    let Some(session) = context.store.session(&claimed.secret)? else { return Ok(None) };
    // A session that a stop of the server ended can be resumed until `ExpireDisconnected` expires it.
    let expired = !session.ended_by_shutdown
        && session.disconnected_at.is_some_and(|left_at| left_at < context.now.minus_seconds(claimed.window_seconds));
    if session.user != *user || session.namespace != namespace || expired {
        return Ok(None);
    }
    // A position that does not belong to this event log is ignored.
    let offered = claimed.position.as_ref().map_or(Ok(None), |offered| resolve_position(context.store, offered))?;
    let from = offered.map_or(session.acked_offset, |offset| offset.max(session.acked_offset));
    let (mut rooms, mut left) = (Vec::new(), Vec::new());
    for room in context.store.session_rooms(&session.secret, user)? {
        if role_in(context.store, &room.room, user)?.is_none() {
            context.store.delete_session_room(&session.secret, user, &room.room)?;
            continue;
        }
        if room.state != RoomState::Joined {
            left.push(room.room.clone());
        }
        if room.state != RoomState::Left {
            rooms.push(room);
        }
    }
    let (id, left_at) = (session.id.clone(), session.disconnected_at.unwrap_or(context.now));
    context.store.update_session(&Session {
        start_offset: position,
        connected_at: context.now,
        acked_offset: from,
        disconnected_at: None,
        ended_by_shutdown: false,
        ..session
    })?;
    Ok(Some(ResumedSession { id, from, from_client: offered == Some(from), disconnected_at: left_at, rooms, left }))
}
